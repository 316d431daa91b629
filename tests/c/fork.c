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

/* What a child records and reports; 0, or what went wrong. Prints before it says so. */
static int report(void) {
  if (counter(client, "checkpoints") != 0) return 10;
  for (int i = 0; i < 100; i++)
    if (ds_set_checkpoint(client, children, 10, NULL, 0, NULL, NULL, NULL, 0, NULL) != DS_OK) return 11;
  /* Interning works on both sides, and finds what the parent interned. */
  if (edge_of(client, "who:child", "direction:out").id != children.id) return 12;
  const uint64_t recorded = counter(client, "checkpoints");
  if (recorded != 100) return 13;
  if (ds_client_stop(client, 30000) != DS_OK) {
    show_counters(client);
    return 14;
  }
  if (counter(client, "messages_delivered") != recorded) return 15;
  dprintf(1, "EXPECT who:child %" PRIu64 "\n", recorded);
  return 0;
}

/* A child; the answer is its exit code. */
static int child(int kind) {
  alarm(60); /* a lock that the parent held would be waited for for ever */
  if (kind == 1) { /* frees what it inherited, and reports nothing */
    ds_client_free(client);
    return 0;
  }
  if (kind == 2) { /* has a child of its own */
    const pid_t grandchild = fork();
    if (grandchild == 0) _exit(report());
    int status = 0;
    if (waitpid(grandchild, &status, 0) != grandchild || status != 0) return 16;
  }
  if (kind == 3) { /* says a second time that it is a child */
    if (ds_set_checkpoint(client, children, 10, NULL, 0, NULL, NULL, NULL, 0, NULL) != DS_OK) return 17;
    ds_after_fork();
    if (counter(client, "checkpoints") != 1) return 18;
    if (ds_client_stop(client, 30000) != DS_OK) return 19;
    dprintf(1, "EXPECT who:child 1\n");
    return 0;
  }
  const int wrong = report();
  ds_client_free(client);
  return wrong;
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
    if (pid == 0) _exit(child(i % 4));
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
    _exit(child(0));
  }
  wait_for(pid);
#endif

  CHECK_OK(ds_client_stop(client, 30000));
  const uint64_t recorded = counter(client, "checkpoints");
  CHECK(recorded > 0);
  CHECK_INT(counter(client, "messages_delivered"), recorded);
  printf("EXPECT who:parent %" PRIu64 "\n", recorded);
  ds_client_free(client);
  return done();
}
