/* Many threads on one client, with flushes, interning and reading of counters beside them: nothing is lost or doubled.
 * argv[1]: the agent's URL; argv[2]: messages per thread. */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

enum { THREADS = 4 };

static ds_client *client;
static atomic_int running = THREADS;
static int messages;

static void *pass(void *argument) {
  const ds_edge in = edge_of(client, "direction:in", "type:kafka"), out = edge_of(client, "direction:out", "type:kafka");
  uint8_t header[DS_HEADER_MAX];
  size_t len = 0;
  for (int i = 0; i < messages; i++) {
    ds_pathway pathway;
    CHECK_OK(ds_set_checkpoint(client, in, (uint64_t)i, header, i % 16 == 0 ? 0 : len, NULL, &pathway, NULL, 0, NULL));
    CHECK_OK(ds_set_checkpoint(client, out, 10, NULL, 0, &pathway, &pathway, header, sizeof header, &len));
    CHECK(len > 16 && len <= DS_HEADER_MAX);
    if (i % 64 == 0) {
      char topic[40];
      snprintf(topic, sizeof topic, "topic:%d", i % 1024);
      CHECK_OK(ds_track_offset(client, edge_of(client, "type:kafka_commit", topic), i % 8, i));
      CHECK_OK(ds_track_transaction(client, DS_STR("order"), DS_STR("sent"), 0));
    }
  }
  atomic_fetch_sub(&running, 1);
  return argument;
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  messages = atoi(argv[2]);
  client = client_at(argv[1], DS_DELIVERY_THREAD);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK_INT(pthread_create(&threads[i], NULL, pass, NULL), 0);
  while (atomic_load(&running) > 0) {
    CHECK_OK(ds_client_flush(client, 30000));
    counter(client, "checkpoints");
    sleep_ms(20);
  }
  for (int i = 0; i < THREADS; i++) CHECK_INT(pthread_join(threads[i], NULL), 0);
  CHECK_OK(ds_client_stop(client, 30000));
  const uint64_t recorded = counter(client, "checkpoints");
  const uint64_t cut = counter(client, "cut_busy") + counter(client, "cut_memory");
  CHECK_INT(recorded + cut, 2ll * THREADS * messages);
  CHECK_INT(counter(client, "messages_delivered"), recorded);
  printf("EXPECT _all %" PRIu64 "\n", recorded);
  ds_client_free(client);
  return done();
}
