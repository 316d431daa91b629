/* Forks while the host's log is being called, after a stop, and while the host has a payload in hand. argv[1]: the URL
 * of an agent that first answers 503. The child of the first fork must not wait for the log that it will never see
 * return; that of the second has a stopped client, as its parent has; to that of the third the payload is not lent. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "check.h"

static ds_client *client;
static ds_edge edge;
static atomic_int inside, leave, lines;

static void slow_log(void *userdata, int32_t level, ds_str message) {
  (void)userdata, (void)level, (void)message;
  atomic_fetch_add(&lines, 1);
  atomic_store(&inside, 1);
  while (!atomic_load(&leave)) sleep_ms(1);
}

static void *flush(void *argument) {
  (void)argument;
  ds_client_flush(client, 30000);
  return NULL;
}

static void record(void) { CHECK_OK(ds_set_checkpoint(client, edge, 10, NULL, 0, NULL, NULL, NULL, 0, NULL)); }

static void wait_for(pid_t pid) {
  int status = 0;
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
  CHECK_INT(status, 0);
}

static void host(void) {
  client = client_at(NULL, DS_DELIVERY_HOST);
  edge = edge_of(client, "who:both", "direction:out");
  record();
  CHECK_OK(ds_client_flush(client, 0));
  ds_payload payload;
  CHECK_OK(ds_client_take_payload(client, &payload));
  CHECK(payload.id != 0 && payload.body_len > 2);
  const pid_t pid = fork();
  if (pid == 0) {
    ds_payload own;
    CHECK_INT(ds_client_settle_payload(client, payload.id, 202), DS_ERR_INVALID);
    record();
    CHECK_OK(ds_client_flush(client, 0));
    CHECK_OK(ds_client_take_payload(client, &own));
    CHECK(own.id != 0 && payload.body[0] == 0x1f && payload.body[1] == 0x8b); /* gzip: both are still there */
    CHECK_OK(ds_client_settle_payload(client, own.id, 202));
    CHECK_INT(counter(client, "messages_delivered"), 1);
    _exit(0);
  }
  wait_for(pid);
  CHECK_OK(ds_client_settle_payload(client, payload.id, 202));
  CHECK_INT(counter(client, "messages_delivered"), 1);
  ds_client_free(client);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  ds_config config = DS_CONFIG_INIT;
  config.service = DS_STR("test");
  config.agent_url = (ds_str){argv[1], strlen(argv[1])};
  config.log = slow_log;
  CHECK_OK(ds_client_new(&config, &client, NULL));
  edge = edge_of(client, "who:both", "direction:out");
  record();
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, flush, NULL), 0);
  while (!atomic_load(&inside)) sleep_ms(1);

  pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    atomic_store(&leave, 1);
    record();
    CHECK_OK(ds_client_stop(client, 10000));
    CHECK_INT(counter(client, "messages_delivered"), 1);
    ds_client_free(client);
    _exit(0);
  }
  wait_for(pid);
  atomic_store(&leave, 1);
  CHECK_INT(pthread_join(thread, NULL), 0);
  CHECK_OK(ds_client_stop(client, 30000));
  CHECK_INT(counter(client, "messages_delivered"), 1);
  CHECK_INT(atomic_load(&lines), 2); /* fails, works again */

  pid = fork();
  if (pid == 0) {
    alarm(60);
    record();
    CHECK_INT(counter(client, "checkpoints"), 0);
    CHECK_INT(counter(client, "passed_through"), 1);
    CHECK_OK(ds_client_stop(client, 10000));
    _exit(0);
  }
  wait_for(pid);
  ds_client_free(client);
  host();
  printf("EXPECT who:both 2\n");
  return done();
}
