/* Forks while threads set checkpoints and a reporter delivers: each child starts empty, records and reports its own.
 * Every process prints what it recorded on edges with a tag of its kind; agent.py compares that with what arrived.
 * argv[1]: the agent's URL; argv[2]: how many forks. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

static ds_client *client;
static ds_edge parents, children;
static atomic_int go_on = 1;

static void *hammer(void *argument) {
  (void)argument;
  ds_pathway pathway;
  while (atomic_load(&go_on)) {
    for (int i = 0; i < 50; i++) {
      /* A new parent now and then, so that the shards' tables grow while the forks happen. */
      ds_pathway parent = {0};
      parent.hash = (uint64_t)i;
      parent.start_ns = parent.edge_start_ns = 1786000000000000000;
      CHECK_OK(ds_set_checkpoint(client, parents, 10, NULL, 0, &parent, &pathway, NULL, 0, NULL));
    }
    sleep_ms(1);
  }
  return NULL;
}

/* What a child does; never returns. */
static void child(int kind, int depth) {
  alarm(60); /* a lock that the parent held would be waited for for ever */
  if (kind == 1) { /* frees what it inherited, and reports nothing */
    ds_client_free(client);
    _exit(0);
  }
  if (counter(client, "checkpoints") != 0) _exit(10);
  for (int i = 0; i < 100; i++)
    if (ds_set_checkpoint(client, children, 10, NULL, 0, NULL, NULL, NULL, 0, NULL) != DS_OK) _exit(11);
  /* Interning works on both sides, and finds what the parent interned. */
  if (edge_of(client, "who:child", "direction:out").id != children.id) _exit(12);
  if (depth == 0 && kind == 2) {
    const pid_t grandchild = fork();
    if (grandchild == 0) child(0, 1);
    int status = 0;
    if (waitpid(grandchild, &status, 0) != grandchild || status != 0) _exit(13);
  }
  if (kind == 3) { /* tells a second time that it is a child */
    ds_after_fork();
    if (counter(client, "checkpoints") != 100) _exit(14);
  }
  const uint64_t recorded = counter(client, "checkpoints");
  if (recorded != 100) _exit(15);
  const ds_status stopped = ds_client_stop(client, 30000);
  if (stopped != DS_OK) _exit(16);
  if (counter(client, "messages_delivered") != recorded) _exit(17);
  dprintf(1, "EXPECT who:child %" PRIu64 "\n", recorded);
  ds_client_free(client);
  _exit(0);
}

static void wait_for(pid_t pid) {
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  if (status != 0) fprintf(stderr, "a child ended with status %d, signal %d\n", WEXITSTATUS(status), WTERMSIG(status));
  CHECK_INT(status, 0);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  client = client_at(argv[1], DS_DELIVERY_THREAD);
  parents = edge_of(client, "who:parent", "direction:out");
  children = edge_of(client, "who:child", "direction:out");
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) CHECK_INT(pthread_create(&threads[i], NULL, hammer, NULL), 0);
  const int forks = atoi(argv[2]);
  for (int i = 0; i < forks; i++) {
    if (i % 3 == 0) CHECK_OK(ds_client_flush(client, 30000)); /* so that some forks meet a delivery */
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) child(i % 4, 0);
    wait_for(pid);
  }
  atomic_store(&go_on, 0);
  for (int i = 0; i < 3; i++) CHECK_INT(pthread_join(threads[i], NULL), 0);

#ifdef SYS_fork
  /* A fork that glibc does not know of runs no handlers: the child says so itself. One thread only, as that needs. */
  CHECK_OK(ds_client_flush(client, 30000));
  const pid_t pid = (pid_t)syscall(SYS_fork);
  if (pid == 0) {
    ds_after_fork();
    child(0, 1);
  }
  wait_for(pid);
#endif

  CHECK_OK(ds_client_stop(client, 30000));
  const uint64_t recorded = counter(client, "checkpoints");
  CHECK(recorded > 0);
  CHECK_INT(counter(client, "messages_delivered"), recorded);
  printf("EXPECT who:parent %" PRIu64 "\n", recorded);
  ds_client_free(client);
  return 0;
}
