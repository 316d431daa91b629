/* A consumer of the installed library: what a first program does. Prints the hash that tests/vectors expect. */
#include <datastreams.h>
#include <inttypes.h>
#include <stdio.h>

#ifdef WITH_OTHER
/* Another Rust library in the same program; see other.rs. */
extern int other_catches_a_panic(int value);
#endif

int main(void) {
  ds_config config = DS_CONFIG_INIT;
  ds_client *client;
  ds_error error;
  ds_edge edge;
  ds_pathway pathway;
  uint8_t header[DS_HEADER_MAX];
  size_t len = 0;
  const ds_str tags[] = {DS_STR("direction:out"), DS_STR("topic:dsm-system-tests-queue"), DS_STR("type:kafka")};
  config.service = DS_STR("weblog");
  config.env = DS_STR("system-tests");
  config.agent_url = DS_STR("http://127.0.0.1:9");
  if (ds_client_new(&config, &client, &error) != DS_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  if (ds_edge_intern(client, tags, 3, DS_STR(""), &edge) != DS_OK) return 2;
  if (ds_set_checkpoint(client, edge, 10, NULL, 0, NULL, &pathway, header, sizeof header, &len) != DS_OK) return 3;
  if (pathway.hash != UINT64_C(4463699290244539355)) return 4;
  if (ds_abi_version() != DS_ABI_VERSION || len < 16) return 5;
#ifdef WITH_OTHER
  if (other_catches_a_panic(7) != -7) return 6;
#endif
  /* Nobody listens there: the reporter's thread, its socket and its timer have all run when the time is over. */
  if (ds_client_stop(client, 100) != DS_ERR_TIMEOUT) return 7;
  ds_client_free(client);
  printf("%" PRIu64 "\n", pathway.hash);
  return 0;
}
