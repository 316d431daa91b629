/* pipeline.c - four services and two queues without a broker: what the pictures of the documentation show. The
 * messages are three seconds old at most; each service is a client. Statistics go to DD_TRACE_AGENT_URL.
 *
 *     orders -> [kafka orders] -> payments -> [kafka payments] -> {ledger, mailer} */
#include <datastreams.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGES 30
#define MS 1000000

static ds_client *start(const char *service) {
  ds_config config = DS_CONFIG_INIT;
  ds_client *client;
  ds_error error;
  config.service.ptr = service;
  config.service.len = strlen(service);
  if (ds_client_new(&config, &client, &error) != DS_OK) {
    fprintf(stderr, "%s: %s\n", service, error.message);
    exit(1);
  }
  return client;
}

static ds_edge edge(const ds_client *client, const char *one, const char *two, const char *three, const char *four) {
  const char *given[4];
  ds_str tags[4];
  ds_edge edge;
  size_t count;
  given[0] = one, given[1] = two, given[2] = three, given[3] = four;
  for (count = 0; count < 4 && given[count] != NULL; count++) {
    tags[count].ptr = given[count];
    tags[count].len = strlen(given[count]);
  }
  if (ds_edge_intern(client, tags, count, DS_STR(""), &edge) != DS_OK) exit(1);
  return edge;
}

/* Sets a checkpoint `at_ns`; the header is read from and written to `header`, unless that is only for reading. */
static void pass(const ds_client *client, ds_edge at, int64_t at_ns, uint8_t *header, size_t *len, int writes) {
  ds_options options = DS_OPTIONS_INIT;
  ds_status status;
  options.now_ns = at_ns;
  status = ds_set_checkpoint_with(client, at, 92, &options, header, *len, NULL, NULL, writes ? header : NULL,
                                  writes ? DS_HEADER_MAX : 0, writes ? len : NULL);
  if (status != DS_OK) exit(1);
}

int main(void) {
  ds_client *orders = start("orders"), *payments = start("payments"), *ledger = start("ledger"),
            *mailer = start("mailer"), *all[4];
  ds_edge out = edge(orders, "direction:out", "topic:orders", "type:kafka", NULL);
  ds_edge in = edge(payments, "direction:in", "group:payments", "topic:orders", "type:kafka");
  ds_edge on = edge(payments, "direction:out", "topic:payments", "type:kafka", NULL);
  ds_edge book = edge(ledger, "direction:in", "group:ledger", "topic:payments", "type:kafka");
  ds_edge mail = edge(mailer, "direction:in", "group:mailer", "topic:payments", "type:kafka");
  ds_edge produced = edge(orders, "topic:orders", "type:kafka_produce", NULL, NULL);
  ds_edge committed = edge(payments, "consumer_group:payments", "topic:orders", "type:kafka_commit", NULL);
  int64_t now = (int64_t)time(NULL) * 1000 * MS - (int64_t)2000 * MS;
  int i;
  for (i = 0; i < MESSAGES; i++) {
    uint8_t header[DS_HEADER_MAX];
    size_t len = 0;
    int64_t at = now + i * MS;
    pass(orders, out, at, header, &len, 1);
    pass(payments, in, at + 8 * MS, header, &len, 1);
    pass(payments, on, at + 68 * MS, header, &len, 1);
    pass(ledger, book, at + 218 * MS, header, &len, 0);
    pass(mailer, mail, at + 468 * MS, header, &len, 0);
  }
  if (ds_track_offset(orders, produced, 0, MESSAGES - 1) != DS_OK) return 1;
  if (ds_track_offset(payments, committed, 0, MESSAGES - 10) != DS_OK) return 1;
  all[0] = orders, all[1] = payments, all[2] = ledger, all[3] = mailer;
  for (i = 0; i < 4; i++) {
    if (ds_client_stop(all[i], 10000) != DS_OK) return 1;
    ds_client_free(all[i]);
  }
  return 0;
}
