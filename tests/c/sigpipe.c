/* A host that keeps SIGPIPE's default, which is to die, against an agent that resets in the middle of a body:
 * argv[1] is its URL, argv[2] is "thread" or "poll". The agent's script resets first and takes later. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "check.h"

/* That a broken connection does kill here: without it the rest would prove nothing. */
static void default_kills(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) _exit(1);
    close(ends[1]);
    if (write(ends[0], "x", 1) == 1) _exit(2);
    _exit(3);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  signal(SIGPIPE, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  CHECK_INT(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
  default_kills();

  const uint32_t delivery = strcmp(argv[2], "poll") == 0 ? DS_DELIVERY_POLL : DS_DELIVERY_THREAD;
  ds_client *client = client_at(argv[1], delivery);
  /* Names that do not compress well: a body far larger than the buffers of a socket. */
  uint64_t state = 88172645463325252u;
  for (int i = 0; i < 2000; i++) {
    char name[260] = "topic:";
    for (size_t j = 6; j < 200; j++) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      name[j] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"[state >> 58];
    }
    const ds_edge edge = edge_of(client, "direction:out", name);
    for (int j = 0; j < 3; j++)
      CHECK_OK(ds_set_checkpoint(client, edge, (uint64_t)j, NULL, 0, NULL, NULL, NULL, 0, NULL));
  }
  CHECK_OK(ds_client_flush(client, 60000));
  CHECK(counter(client, "uncertain") + counter(client, "retries") >= 3);
  CHECK_INT(counter(client, "messages_delivered"), 6000);
  /* Nothing of ours is left for the host. */
  CHECK_INT(sigpending(&set), 0);
  CHECK_INT(sigismember(&set, SIGPIPE), 0);
  printf("EXPECT _all %" PRIu64 "\n", counter(client, "checkpoints"));
  CHECK_OK(ds_client_stop(client, 1000));
  ds_client_free(client);
  return done();
}
