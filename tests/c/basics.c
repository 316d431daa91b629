/* What the header says of each call, one after the other. argv[1]: the agent's URL. */
#include "check.h"

static void versions(void) {
  CHECK_INT(ds_abi_version(), DS_ABI_VERSION);
  CHECK(strcmp(ds_version(), DS_VERSION) == 0);
  for (ds_status status = DS_ERR_SYSTEM; status <= DS_OK; status++) {
    CHECK(strcmp(ds_status_text(status), "unknown status") != 0);
    for (ds_status other = DS_ERR_SYSTEM; other < status; other++)
      CHECK(strcmp(ds_status_text(status), ds_status_text(other)) != 0);
  }
  CHECK(strcmp(ds_status_text(1), "unknown status") == 0 && strcmp(ds_status_text(-99), "unknown status") == 0);
  CHECK(strcmp(ds_counter_name(0), "checkpoints") == 0 && ds_counter_name(100000) == NULL);
}

static void refused(const ds_config *config, ds_status status, const char *word) {
  ds_client *client = (ds_client *)config;
  ds_error error;
  CHECK_INT(ds_client_new(config, &client, &error), status);
  CHECK(client == (ds_client *)config); /* not written */
  CHECK_INT(error.code, status);
  if (strstr(error.message, word) == NULL) {
    fprintf(stderr, "the reason does not say %s: %s\n", word, error.message);
    exit(1);
  }
  CHECK_INT(ds_client_new(config, &client, NULL), status);
}

static void configs(void) {
  ds_config config = DS_CONFIG_INIT;
  config.delivery = 3;
  refused(&config, DS_ERR_INVALID, "delivery");
  config = (ds_config)DS_CONFIG_INIT;
  config.agent_url = DS_STR("gopher://agent");
  refused(&config, DS_ERR_INVALID, "gopher");
  config = (ds_config)DS_CONFIG_INIT;
  config.service = DS_STR("caf\xe9");
  refused(&config, DS_ERR_INVALID, "service");
  config = (ds_config)DS_CONFIG_INIT;
  config.env.len = 4;
  refused(&config, DS_ERR_NULL, "env");
  config = (ds_config)DS_CONFIG_INIT;
  config.enabled = 3;
  refused(&config, DS_ERR_INVALID, "enabled");
  config = (ds_config)DS_CONFIG_INIT;
  config.struct_size = 0;
  refused(&config, DS_ERR_INVALID, "struct_size");

  /* A caller with a newer header: fields that it does not use are zero, and then it is understood. */
  struct {
    ds_config config;
    uint64_t later;
  } newer = {DS_CONFIG_INIT, 0};
  newer.config.struct_size = sizeof newer;
  newer.config.service = DS_STR("newer");
  ds_client *client = NULL;
  ds_error error;
  CHECK_OK(ds_client_new(&newer.config, &client, &error));
  CHECK(error.code == DS_OK && error.message[0] == '\0');
  ds_client_free(client);
  newer.later = 1;
  refused(&newer.config, DS_ERR_INVALID, "fields");
  ds_client_free(NULL);
}

static void pathways(void) {
  const char *text = "MnkGAAAAAAD2kare+meg5are+mc="; /* of other tracers: see the vectors */
  const uint8_t *header = (const uint8_t *)text;
  const int64_t ms = 1000000, then = 1786000005456 * ms;
  ds_pathway pathway, other;
  CHECK_OK(ds_pathway_decode(header, strlen(text), then, &pathway));
  CHECK(pathway.hash == 424242 && pathway.start_ns == 1786000000123 * ms && pathway.edge_start_ns == then);
  CHECK(pathway.direction == 0 && pathway.opposite_hash == 0 && pathway.reserved[4] == 0);
  /* The window is around now_ns; a negative one takes any time; nothing is written on an error. */
  memset(&other, 0x5a, sizeof other);
  const ds_pathway before = other;
  CHECK_INT(ds_pathway_decode(header, strlen(text), then + 32 * 86400 * (1000 * ms), &other), DS_ERR_HEADER);
  CHECK_INT(ds_pathway_decode(header, strlen(text), then - 61000 * ms, &other), DS_ERR_HEADER);
  CHECK_INT(ds_pathway_decode(header, 5, then, &other), DS_ERR_HEADER);
  CHECK_INT(ds_pathway_decode(header, 0, then, &other), DS_ERR_HEADER);
  CHECK_INT(ds_pathway_decode(NULL, 0, then, &other), DS_ERR_HEADER); /* an empty std::string_view */
  CHECK(memcmp(&other, &before, sizeof other) == 0);
  CHECK_OK(ds_pathway_decode(header, strlen(text), -1, &other));
  CHECK(memcmp(&other, &pathway, sizeof other) == 0);

  uint8_t out[DS_HEADER_MAX];
  size_t len = 0;
  CHECK_OK(ds_pathway_encode(&pathway, 0, out, sizeof out, &len));
  CHECK(len == strlen(text) && memcmp(out, text, len) == 0);
  CHECK_OK(ds_pathway_encode(&pathway, 1, out, sizeof out, &len));
  CHECK(len == 20 && out[0] == 0x32);
  CHECK_OK(ds_pathway_decode(out, len, then, &other));
  CHECK(memcmp(&other, &pathway, sizeof other) == 0);
  CHECK_INT(ds_pathway_encode(&pathway, 0, out, DS_HEADER_MAX - 1, &len), DS_ERR_BUFFER);
  const ds_pathway none = {0};
  CHECK_OK(ds_pathway_encode(&none, 0, out, sizeof out, &len));
  CHECK_INT(len, 0);

  /* Merge: independent of order, one of them, and the result may be an input. */
  ds_pathway many[5] = {none, pathway, pathway, pathway, none}, merged;
  many[2].hash = 7;
  many[3].hash = 8;
  CHECK_OK(ds_pathway_merge(many, 5, &merged));
  const ds_pathway first = many[1];
  many[1] = many[3];
  many[3] = first;
  CHECK_OK(ds_pathway_merge(many, 5, &many[2]));
  CHECK(memcmp(&merged, &many[2], sizeof merged) == 0 && merged.start_ns != 0);
  CHECK_OK(ds_pathway_merge(&none, 1, &merged));
  CHECK(merged.start_ns == 0);
  CHECK_OK(ds_pathway_merge(NULL, 0, &merged));
}

static void checkpoints(const char *url) {
  ds_client *client = client_at(url, DS_DELIVERY_THREAD), *another = client_at(url, DS_DELIVERY_THREAD);
  const ds_edge in = edge_of(client, "direction:in", "type:kafka");
  const ds_edge out_edge = edge_of(client, "direction:out", "type:kafka");
  const ds_edge again = edge_of(client, "type:kafka", "direction:in");
  CHECK(in.id != 0 && in.id == again.id && in.id != out_edge.id);

  ds_pathway pathway = {0}, copy;
  uint8_t buffer[DS_HEADER_MAX];
  size_t len = 99;
  CHECK_INT(ds_set_checkpoint(another, in, 1, NULL, 0, NULL, &pathway, NULL, 0, NULL), DS_ERR_EDGE);
  CHECK(pathway.start_ns == 0);
  CHECK_OK(ds_set_checkpoint(client, in, 1, NULL, 0, NULL, &pathway, NULL, 0, &len));
  CHECK(pathway.direction == 1 && pathway.start_ns == pathway.edge_start_ns && len == 0);
  const ds_pathway consumed = pathway;
  /* Produce twice from what was consumed: in place, and from a copy. The same edge gives the same hash. */
  CHECK_OK(ds_set_checkpoint(client, out_edge, 1, NULL, 0, &pathway, &pathway, buffer, sizeof buffer, &len));
  CHECK(pathway.hash != consumed.hash && pathway.start_ns == consumed.start_ns && pathway.direction == 2);
  CHECK(len > 16);
  CHECK_OK(ds_set_checkpoint(client, out_edge, 1, NULL, 0, &consumed, &copy, NULL, 0, NULL));
  CHECK(copy.hash == pathway.hash);
  /* Fan-out: a second message from the pathway after the first goes out from the consumer as well. */
  CHECK_OK(ds_set_checkpoint(client, out_edge, 1, NULL, 0, &pathway, &copy, NULL, 0, NULL));
  CHECK(copy.hash == pathway.hash);
  /* A readable header wins over the parent, an unreadable one does not; the buffer may be the header itself. */
  ds_pathway received;
  CHECK_OK(ds_set_checkpoint(client, in, DS_SIZE_UNKNOWN, buffer, len, &consumed, &received, NULL, 0, NULL));
  CHECK(received.hash != consumed.hash);
  CHECK_OK(ds_set_checkpoint(client, out_edge, 0, (const uint8_t *)"??", 2, &consumed, &copy, NULL, 0, NULL));
  CHECK(copy.hash == pathway.hash);
  CHECK_INT(counter(client, "header_unreadable"), 1);
  CHECK_OK(ds_set_checkpoint(client, in, 1, buffer, len, NULL, &copy, buffer, sizeof buffer, &len));
  CHECK(copy.hash == received.hash);
  CHECK_OK(ds_pathway_decode(buffer, len, 0, &received));
  CHECK(received.hash == copy.hash);
  /* Without a pathway to keep. */
  CHECK_OK(ds_set_checkpoint(client, out_edge, 1, NULL, 0, NULL, NULL, buffer, sizeof buffer, &len));
  CHECK_INT(ds_set_checkpoint(client, out_edge, 1, NULL, 0, NULL, NULL, buffer, 35, &len), DS_ERR_BUFFER);
  CHECK_INT(ds_set_checkpoint(client, out_edge, 1, NULL, 0, NULL, NULL, NULL, 36, &len), DS_ERR_NULL);
  CHECK_INT(ds_set_checkpoint(client, out_edge, 1, NULL, 0, NULL, NULL, buffer, 36, NULL), DS_ERR_NULL);

  /* Options: the time, and when a root entered its queue. */
  ds_options options = DS_OPTIONS_INIT;
  options.now_ns = consumed.start_ns;
  options.queued_ns = consumed.start_ns - 5000000000;
  CHECK_OK(ds_set_checkpoint_with(client, in, 1, &options, NULL, 0, NULL, &copy, NULL, 0, NULL));
  CHECK(copy.start_ns == options.queued_ns && copy.edge_start_ns == options.now_ns && copy.hash == consumed.hash);
  CHECK_OK(ds_set_checkpoint_with(client, in, 1, NULL, NULL, 0, NULL, &copy, NULL, 0, NULL));
  options.queued_ns = -1;
  CHECK_INT(ds_set_checkpoint_with(client, in, 1, &options, NULL, 0, NULL, &copy, NULL, 0, NULL), DS_ERR_INVALID);

  const ds_edge backlog = edge_of(client, "type:kafka_commit", "topic:orders");
  CHECK_OK(ds_track_offset(client, backlog, 0, 5));
  CHECK_OK(ds_track_offset(client, backlog, -1, 0));
  CHECK_INT(ds_track_offset(client, backlog, -2, 5), DS_ERR_INVALID);
  CHECK_INT(ds_track_offset(client, backlog, 0, -1), DS_ERR_INVALID);
  CHECK_OK(ds_track_transaction(client, DS_STR("a\0b"), DS_STR("sent"), 0));
  CHECK_INT(ds_track_transaction(client, DS_STR(""), DS_STR("sent"), 0), DS_ERR_INVALID);
  CHECK_INT(ds_track_transaction(client, DS_STR("a"), DS_STR("sent"), -1), DS_ERR_INVALID);
  uint32_t next = 0;
  ds_payload payload;
  CHECK_INT(ds_client_poll(client, 0, &next), DS_ERR_MODE);
  CHECK_INT(ds_client_take_payload(client, &payload), DS_ERR_MODE);
  CHECK_INT(ds_client_settle_payload(client, 1, 202), DS_ERR_MODE);
  ds_after_fork(); /* in the same process: nothing */

  const uint64_t recorded = counter(client, "checkpoints");
  CHECK_INT(recorded, 10);
  CHECK_OK(ds_client_flush(client, 10000));
  CHECK_INT(counter(client, "messages_delivered"), recorded);
  CHECK_OK(ds_client_stop(client, 10000));
  CHECK_OK(ds_client_stop(client, 0));
  /* Stopped: the header that came in goes on, and nothing is recorded. */
  CHECK_OK(ds_pathway_encode(&consumed, 0, buffer, sizeof buffer, &len));
  CHECK_OK(ds_set_checkpoint(client, in, 1, buffer, len, NULL, &copy, NULL, 0, NULL));
  CHECK(copy.hash == consumed.hash);
  CHECK_OK(ds_set_checkpoint(client, out_edge, 1, NULL, 0, NULL, &copy, buffer, sizeof buffer, &len));
  CHECK(copy.start_ns == 0 && len == 0);
  CHECK_INT(counter(client, "checkpoints"), recorded);
  CHECK(counter(client, "passed_through") >= 2);
  printf("EXPECT _all %" PRIu64 "\n", recorded);
  ds_client_free(client);
  ds_client_free(another);
}

static void disabled(void) {
  ds_config config = DS_CONFIG_INIT;
  config.enabled = 2;
  ds_client *client = NULL;
  CHECK_OK(ds_client_new(&config, &client, NULL));
  const ds_edge edge = edge_of(client, "direction:in", "type:kafka");
  const ds_pathway parent = {5, 1786000000123000000, 1786000005456000000, 6, 7, 1, {0}};
  ds_pathway pathway;
  CHECK_OK(ds_set_checkpoint(client, edge, 1, NULL, 0, &parent, &pathway, NULL, 0, NULL));
  CHECK(memcmp(&parent, &pathway, sizeof parent) == 0);
  CHECK_INT(counter(client, "checkpoints"), 0);
  CHECK_OK(ds_client_flush(client, 1000));
  ds_client_free(client);
}

static int lines, errors;
static void logged(void *userdata, int32_t level, ds_str message) {
  CHECK(userdata == &lines && message.len > 10);
  CHECK(level == DS_LOG_ERROR || level == DS_LOG_WARNING);
  lines++;
  errors += level == DS_LOG_ERROR;
}

static void log_lines(void) {
  ds_config config = DS_CONFIG_INIT;
  config.agent_url = DS_STR("http://127.0.0.1:9");
  config.delivery = DS_DELIVERY_POLL;
  config.log = logged;
  config.log_userdata = &lines;
  ds_client *client = NULL;
  CHECK_OK(ds_client_new(&config, &client, NULL));
  const ds_edge edge = edge_of(client, "direction:in", "type:kafka");
  CHECK_OK(ds_set_checkpoint(client, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL));
  CHECK_INT(lines, 0);
  CHECK_INT(ds_client_flush(client, 200), DS_ERR_TIMEOUT);
  CHECK(lines >= 1);
  CHECK(counter(client, "agent_unreachable") >= 1);
  CHECK_INT(errors, 0);
  CHECK_INT(ds_client_stop(client, 50), DS_ERR_TIMEOUT);
  CHECK_INT(errors, 1);
  CHECK_INT(counter(client, "messages_dropped_stop"), 1);
  ds_client_free(client);
}

/* The reporter has its last words after a free, finds nobody, and keeps that from a log that may be gone. */
static void no_log_after_free(void) {
  ds_config config = DS_CONFIG_INIT;
  config.agent_url = DS_STR("http://127.0.0.1:9");
  config.log = logged;
  config.log_userdata = &lines;
  ds_client *client = NULL;
  CHECK_OK(ds_client_new(&config, &client, NULL));
  const ds_edge edge = edge_of(client, "direction:in", "type:kafka");
  CHECK_OK(ds_set_checkpoint(client, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL));
  const int before = lines;
  ds_client_free(client);
  sleep_ms(500);
  CHECK_INT(lines, before);
}

static void full(void) {
  ds_config config = DS_CONFIG_INIT;
  config.max_edges = 1;
  config.delivery = DS_DELIVERY_HOST;
  ds_client *client = NULL;
  CHECK_OK(ds_client_new(&config, &client, NULL));
  edge_of(client, "direction:in", "topic:1");
  const ds_edge two = edge_of(client, "direction:in", "topic:2"), three = edge_of(client, "direction:in", "topic:3");
  CHECK(two.id == three.id && counter(client, "cut_edges") == 2);
  ds_client_free(client);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  versions();
  configs();
  pathways();
  checkpoints(argv[1]);
  disabled();
  log_lines();
  no_log_after_free();
  full();
  return done();
}
