/* A fork while locks outside of a checkpoint are held: the reporter is inside the host's log function, and another thread
 * takes payloads. The child logs, takes and delivers all the same. argv[1]: the agent's URL; it answers 503, 202, 503 and
 * 202 from then on. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "check.h"

static atomic_int calls, go_on = 1;
static pid_t parent;

/* Delivery fails: at once. Delivery works again: for long, in the parent. */
static void slow(void *userdata, int32_t level, ds_str message) {
  (void)userdata, (void)level, (void)message;
  if (atomic_fetch_add(&calls, 1) == 1)
    while (getpid() == parent && atomic_load(&go_on)) sleep_ms(5);
}

static ds_client *client, *host;

static void *take(void *argument) {
  (void)argument;
  const ds_edge edge = edge_of(host, "direction:in", "type:kafka");
  while (atomic_load(&go_on)) {
    CHECK_OK(ds_set_checkpoint(host, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL));
    CHECK_OK(ds_client_flush(host, 0));
    for (int i = 0; i < 200; i++) { /* mostly with the lock on what was taken in hand */
      ds_payload payload;
      CHECK_OK(ds_client_take_payload(host, &payload));
      CHECK(ds_client_settle_payload(host, payload.id, 202) == (payload.id != 0 ? DS_OK : DS_ERR_INVALID));
    }
  }
  return NULL;
}

static int child(ds_edge edge, int logs) {
  alarm(30);
  if (ds_set_checkpoint(client, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL) != DS_OK) return 10;
  if (ds_client_flush(client, 20000) != DS_OK) return 11;
  if (counter(client, "messages_delivered") != 1) return 12;
  if (logs && counter(client, "retries") != 1) return 13;
  ds_payload payload;
  const ds_edge own = edge_of(host, "direction:out", "type:kafka");
  if (ds_set_checkpoint(host, own, 1, NULL, 0, NULL, NULL, NULL, 0, NULL) != DS_OK) return 14;
  if (ds_client_flush(host, 0) != DS_OK) return 15;
  if (ds_client_take_payload(host, &payload) != DS_OK || payload.id == 0) return 16;
  if (ds_client_settle_payload(host, payload.id, 202) != DS_OK) return 17;
  if (counter(host, "messages_delivered") != 1) return 18;
  ds_client_free(host);
  ds_client_free(client);
  return 0;
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  parent = getpid();
  ds_config config = DS_CONFIG_INIT;
  config.service = DS_STR("test");
  config.agent_url = (ds_str){argv[1], strlen(argv[1])};
  config.log = slow;
  CHECK_OK(ds_client_new(&config, &client, NULL));
  host = client_at(NULL, DS_DELIVERY_HOST);
  const ds_edge edge = edge_of(client, "direction:in", "type:kafka");
  CHECK_OK(ds_set_checkpoint(client, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL));
  /* Too short: the reporter is in the log when it is over. */
  CHECK_INT(ds_client_flush(client, 4000), DS_ERR_TIMEOUT);
  CHECK_INT(atomic_load(&calls), 2);
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, take, NULL), 0);
  for (int i = 0; i < 60; i++) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) _exit(child(edge, i == 0));
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status != 0) fprintf(stderr, "child %d: exit %d, signal %d\n", i, WEXITSTATUS(status), WTERMSIG(status));
    CHECK_INT(status, 0);
  }
  atomic_store(&go_on, 0);
  CHECK_INT(pthread_join(thread, NULL), 0);
  CHECK_OK(ds_client_stop(client, 10000));
  ds_client_free(client);
  ds_client_free(host);
  return done();
}
