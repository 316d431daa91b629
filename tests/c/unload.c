/* dlclose while the reporter runs and the fork handler is registered: the library stays. argv[1]: the agent's URL,
 * argv[2]: the library. */
#include <dlfcn.h>
#include <sys/wait.h>

#include "check.h"

int main(int argc, char **argv) {
  CHECK(argc == 3);
  void *library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  ds_status (*make)(const ds_config *, ds_client **, ds_error *);
  ds_status (*intern)(const ds_client *, const ds_str *, size_t, ds_str, ds_edge *);
  ds_status (*checkpoint)(const ds_client *, ds_edge, uint64_t, const uint8_t *, size_t, const ds_pathway *, ds_pathway *,
                          uint8_t *, size_t, size_t *);
  void (*end)(ds_client *);
  *(void **)&make = dlsym(library, "ds_client_new");
  *(void **)&intern = dlsym(library, "ds_edge_intern");
  *(void **)&checkpoint = dlsym(library, "ds_set_checkpoint");
  *(void **)&end = dlsym(library, "ds_client_free");
  CHECK(make != NULL && intern != NULL && checkpoint != NULL && end != NULL);
  ds_config config = DS_CONFIG_INIT;
  config.agent_url = (ds_str){argv[1], strlen(argv[1])};
  ds_client *client = NULL;
  CHECK_OK(make(&config, &client, NULL));
  const ds_str tag = DS_STR("direction:in");
  ds_edge edge;
  CHECK_OK(intern(client, &tag, 1, DS_STR(""), &edge));
  CHECK_OK(checkpoint(client, edge, 1, NULL, 0, NULL, NULL, NULL, 0, NULL));
  end(client);
  CHECK_INT(dlclose(library), 0);
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  int status = 1;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  sleep_ms(100); /* the reporter's last words */
  return done();
}
