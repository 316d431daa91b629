/* The library built with the feature `fault` panics on the first call of every export, and in the reporter three times:
 * the program gets DS_ERR_PANIC (or the value that the header names), sees nothing printed, and goes on.
 * argv[1]: the agent's URL. */
#include <sys/stat.h>

#include "check.h"

/* Calls twice: the first one panics, the second one works. */
#define TWICE(call)                                                                              \
  do {                                                                                           \
    CHECK_INT(call, DS_ERR_PANIC);                                                               \
    CHECK_OK(call);                                                                              \
  } while (0)

int main(int argc, char **argv) {
  CHECK(argc == 2);
  CHECK_INT(setenv("DATASTREAMS_FAULT", "exports:1,reporter:3", 1), 0);
  /* Everything that anybody prints from here on goes into a file. */
  FILE *file = tmpfile();
  const int shown[] = {dup(1), dup(2)};
  CHECK(file != NULL && shown[0] >= 0 && shown[1] >= 0);
  CHECK(dup2(fileno(file), 1) == 1 && dup2(fileno(file), 2) == 2);

  ds_config config = DS_CONFIG_INIT;
  config.service = DS_STR("fault");
  config.agent_url = (ds_str){argv[1], strlen(argv[1])};
  ds_client *client = NULL, *host = NULL;
  ds_error error;
  CHECK_INT(ds_client_new(&config, &client, &error), DS_ERR_PANIC);
  CHECK(client == NULL && error.code == DS_ERR_PANIC && strstr(error.message, "bug") != NULL);
  CHECK_OK(ds_client_new(&config, &client, &error));
  config.delivery = DS_DELIVERY_HOST;
  CHECK_OK(ds_client_new(&config, &host, NULL));

  CHECK(ds_abi_version() == 0 && ds_abi_version() == DS_ABI_VERSION);
  CHECK(ds_version()[0] == '\0' && ds_version()[0] != '\0');
  CHECK(ds_status_text(DS_OK)[0] == '\0' && ds_status_text(DS_OK)[0] != '\0');
  CHECK(ds_counter_name(0) == NULL && ds_counter_name(0) != NULL);
  ds_after_fork();
  ds_after_fork();

  uint64_t values[4];
  size_t len;
  TWICE(ds_client_counters(client, values, 4, &len));
  ds_str url;
  TWICE(ds_client_agent_url(client, &url));
  uint32_t enabled;
  TWICE(ds_client_enabled(client, &enabled));
  const ds_str tags[] = {DS_STR_INIT("direction:in"), DS_STR_INIT("type:kafka")};
  ds_edge edge = {0};
  TWICE(ds_edge_intern(client, tags, 2, DS_STR(""), &edge));
  ds_pathway pathway = {0};
  uint8_t out[DS_HEADER_MAX];
  TWICE(ds_set_checkpoint(client, edge, 1, NULL, 0, NULL, &pathway, out, sizeof out, &len));
  TWICE(ds_set_checkpoint_with(client, edge, 1, NULL, NULL, 0, NULL, &pathway, out, sizeof out, &len));
  TWICE(ds_pathway_decode(out, len, 0, &pathway));
  TWICE(ds_pathway_encode(&pathway, 0, out, sizeof out, &len));
  TWICE(ds_pathway_merge(&pathway, 1, &pathway));
  TWICE(ds_track_offset(client, edge, 0, 1));
  TWICE(ds_track_transaction(client, DS_STR("id"), DS_STR("sent"), 0));

  uint32_t next;
  TWICE(ds_client_poll(host, 0, &next));
  ds_payload payload;
  CHECK_OK(ds_edge_intern(host, tags, 2, DS_STR(""), &edge));
  CHECK_OK(ds_set_checkpoint(host, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL));
  TWICE(ds_client_flush(host, 1000));
  TWICE(ds_client_take_payload(host, &payload));
  CHECK(payload.id != 0);
  TWICE(ds_client_settle_payload(host, payload.id, 202));

  /* The reporter panicked as well, and still delivers. */
  for (int i = 0; i < 1000 && counter(client, "panics") < 7 + 3; i++) sleep_ms(10);
  CHECK_INT(counter(client, "panics"), 7 + 3); /* counters, url, intern, two checkpoints, offset, transaction; reporter */
  CHECK_INT(counter(host, "panics"), 4);
  CHECK_OK(ds_client_flush(client, 10000));
  CHECK_INT(counter(client, "messages_delivered"), 2);
  TWICE(ds_client_stop(client, 10000));
  const uint64_t recorded = counter(client, "checkpoints");
  ds_client_free(client); /* panics: the client is lost, the program is not */
  ds_client_free(host);

  struct stat printed;
  CHECK_INT(fflush(NULL), 0);
  CHECK_INT(fstat(fileno(file), &printed), 0);
  CHECK(dup2(shown[0], 1) == 1 && dup2(shown[1], 2) == 2);
  CHECK_INT(printed.st_size, 0);
  printf("EXPECT _all %" PRIu64 "\n", recorded);
  return done();
}
