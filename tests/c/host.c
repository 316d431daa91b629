/* Delivery by the host: it polls, takes, posts and settles. argv[2]: the directory for what it takes. */
#include "check.h"

int main(int argc, char **argv) {
  CHECK(argc == 3);
  ds_client *client = client_at(argv[1], DS_DELIVERY_HOST);
  const ds_edge edge = edge_of(client, "direction:in", "type:kafka");
  ds_payload payload;
  uint32_t next = 0;
  CHECK_OK(ds_client_take_payload(client, &payload));
  CHECK(payload.id == 0 && payload.body_len == 0);
  ds_str url;
  CHECK_OK(ds_client_agent_url(client, &url)); /* what the host posts to: as it was configured, without a path */
  CHECK(url.len == strlen(argv[1]) && memcmp(url.ptr, argv[1], url.len) == 0);
  uint32_t enabled = 7;
  CHECK_OK(ds_client_enabled(client, &enabled));
  CHECK_INT(enabled, 1);

  /* The clock of the checkpoints and of the poll are the host's: a bucket is over when its ten seconds are. */
  const int64_t second = 1000000000, start = 1786000000 * second;
  ds_options options = DS_OPTIONS_INIT;
  for (int i = 0; i < 100; i++) {
    options.now_ns = start + i * second / 20;
    CHECK_OK(ds_set_checkpoint_with(client, edge, 1, &options, NULL, 0, NULL, NULL, NULL, 0, NULL));
  }
  CHECK_OK(ds_client_poll(client, start + 5 * second, &next));
  CHECK(next > 4000 && next <= 5000);
  CHECK_OK(ds_client_take_payload(client, &payload));
  CHECK_INT(payload.id, 0);
  CHECK_OK(ds_client_poll(client, start + 10 * second, &next));
  CHECK(next <= 10000);
  CHECK_OK(ds_client_take_payload(client, &payload));
  CHECK(payload.id != 0 && payload.body_len > 20 && payload.body[0] == 0x1f && payload.body[1] == 0x8b);
  CHECK(payload.path.len == 20 && memcmp(payload.path.ptr, "/v0.1/pipeline_stats", 20) == 0);
  char headers[2000];
  CHECK(payload.headers.len < sizeof headers);
  memcpy(headers, payload.headers.ptr, payload.headers.len);
  headers[payload.headers.len] = '\0';
  CHECK(strstr(headers, "\r\n") != NULL && strcmp(headers + payload.headers.len - 2, "\r\n") == 0);
  CHECK(strstr(headers, "ncoding: gzip\r\n") != NULL);

  /* One payload is out once. Not sent: it comes again, later, with the same body. */
  ds_payload other;
  CHECK_OK(ds_client_take_payload(client, &other));
  CHECK_INT(other.id, 0);
  const uint64_t id = payload.id;
  const size_t body_len = payload.body_len;
  CHECK_OK(ds_client_settle_payload(client, id, 503));
  CHECK_INT(ds_client_settle_payload(client, id, 202), DS_ERR_INVALID);
  CHECK_INT(ds_client_settle_payload(client, id + 1, 202), DS_ERR_INVALID);
  CHECK_OK(ds_client_flush(client, 0));
  for (int i = 0; other.id == 0 && i < 3000; i++) {
    CHECK_OK(ds_client_take_payload(client, &other));
    sleep_ms(10);
  }
  CHECK(other.id != 0 && other.body_len == body_len);
  CHECK_INT(ds_client_settle_payload(client, other.id, 42), DS_ERR_INVALID);
  char path[1000];
  snprintf(path, sizeof path, "%s/host.gz", argv[2]);
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL && fwrite(other.body, 1, other.body_len, file) == other.body_len);
  CHECK_INT(fclose(file), 0);
  CHECK_OK(ds_client_settle_payload(client, other.id, 202));
  CHECK_INT(counter(client, "messages_delivered"), 100);
  CHECK_INT(counter(client, "retries"), 1);

  /* After a stop what is ready can still be taken; a second stop drops the rest, and counts it. */
  options.now_ns = start + 20 * second;
  for (int i = 0; i < 3; i++)
    CHECK_OK(ds_set_checkpoint_with(client, edge, 1, &options, NULL, 0, NULL, NULL, NULL, 0, NULL));
  const uint64_t refused = counter(client, "invalid_arguments");
  CHECK_OK(ds_client_stop(client, 0));
  CHECK_OK(ds_client_take_payload(client, &other));
  CHECK(other.id != 0);
  CHECK_OK(ds_client_settle_payload(client, other.id, 503));
  CHECK_OK(ds_client_flush(client, 0)); /* what waits for a retry is due at once */
  CHECK_OK(ds_client_take_payload(client, &other));
  CHECK(other.id != 0);
  CHECK_OK(ds_client_settle_payload(client, other.id, 503));
  CHECK_INT(counter(client, "messages_dropped_stop"), 0);
  CHECK_OK(ds_client_stop(client, 0));
  CHECK_INT(counter(client, "messages_dropped_stop"), 3);
  CHECK_INT(counter(client, "retry_bytes"), 0);
  CHECK_INT(ds_set_checkpoint(client, (ds_edge){0}, 1, NULL, 0, NULL, NULL, NULL, 0, NULL), DS_ERR_EDGE);
  CHECK_INT(counter(client, "invalid_arguments"), refused + 1);
  ds_client_free(client);
  printf("HOST 100\n");
  return done();
}
