/* The program ends while other threads set checkpoints and flush and the reporter posts: nothing hangs, crashes or prints,
 * and what a flush had answered for has arrived. argv[1]: the agent's URL; argv[2]: how often. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "check.h"

static ds_client *client;

static void *hammer(void *argument) {
  const ds_edge edge = edge_of(client, "direction:in", "type:rest");
  for (;;) {
    ds_set_checkpoint(client, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL);
    if (argument) ds_client_flush(client, 1);
  }
  return NULL;
}

static int short_life(const char *url, int how) {
  client = client_at(url, DS_DELIVERY_THREAD);
  const ds_edge edge = edge_of(client, "direction:in", "type:sure");
  for (int i = 0; i < 10; i++) CHECK_OK(ds_set_checkpoint(client, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL));
  CHECK_OK(ds_client_flush(client, 20000));
  pthread_t thread;
  for (uintptr_t i = 0; i < 3; i++) CHECK_INT(pthread_create(&thread, NULL, hammer, (void *)(i % 2)), 0);
  sleep_ms(how % 7);
  /* Some are stopped, too late for what is under way; most simply end. */
  if (how % 3 == 0) ds_client_stop(client, 1);
  return done();
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  const int lives = atoi(argv[2]);
  for (int how = 0; how < lives; how++) {
    fflush(stdout);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) exit(short_life(argv[1], how));
    int status = -1;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
  }
  printf("EXPECT type:sure %d\n", 10 * lives);
  return done();
}
