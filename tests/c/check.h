/* Checks for test programs: a failed one says where and ends the program with 1. */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "datastreams.h"

#define CHECK(condition)                                                                         \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition);              \
      exit(1);                                                                                   \
    }                                                                                            \
  } while (0)

#define CHECK_INT(left, right)                                                                   \
  do {                                                                                           \
    const long long left_ = (long long)(left), right_ = (long long)(right);                      \
    if (left_ != right_) {                                                                       \
      fprintf(stderr, "%s:%d: check failed: %s is %lld, not %s, which is %lld\n", __FILE__,      \
              __LINE__, #left, left_, #right, right_);                                           \
      exit(1);                                                                                   \
    }                                                                                            \
  } while (0)

#define CHECK_OK(call) CHECK_INT(call, DS_OK)

/* One counter by its name. */
static inline uint64_t counter(const ds_client *client, const char *name) {
  uint64_t values[256];
  size_t count = 0;
  CHECK_OK(ds_client_counters(client, values, 256, &count));
  CHECK(count <= 256);
  for (size_t i = 0; i < count; i++)
    if (strcmp(ds_counter_name(i), name) == 0) return values[i];
  fprintf(stderr, "no counter %s\n", name);
  exit(1);
}

/* All counters that are not zero, for whoever reads why a test failed. */
static inline void show_counters(const ds_client *client) {
  uint64_t values[256];
  size_t count = 0;
  if (ds_client_counters(client, values, 256, &count) != DS_OK) return;
  for (size_t i = 0; i < count; i++)
    if (values[i] != 0) fprintf(stderr, "  %s %" PRIu64 "\n", ds_counter_name(i), values[i]);
}

/* A client of service "test" with this agent (NULL: nobody listens there) and delivery. */
static inline ds_client *client_at(const char *agent_url, uint32_t delivery) {
  ds_config config = DS_CONFIG_INIT;
  config.service = DS_STR("test");
  config.env = DS_STR("ci");
  config.delivery = delivery;
  config.request_timeout_ms = 2000;
  if (agent_url == NULL) agent_url = "http://127.0.0.1:9";
  config.agent_url.ptr = agent_url;
  config.agent_url.len = strlen(agent_url);
  ds_client *client = NULL;
  ds_error error;
  if (ds_client_new(&config, &client, &error) != DS_OK) {
    fprintf(stderr, "ds_client_new: %s\n", error.message);
    exit(1);
  }
  return client;
}

static inline ds_edge edge_of(const ds_client *client, const char *first, const char *second) {
  const ds_str tags[] = {{first, strlen(first)}, {second, strlen(second)}};
  ds_edge edge = {0};
  CHECK_OK(ds_edge_intern(client, tags, 2, DS_STR(""), &edge));
  return edge;
}

static inline void sleep_ms(long ms) {
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

/* The end of a program: with CHECK_PAUSE_MS in the environment, after threads that were told to end have done so. */
static inline int done(void) {
  const char *pause = getenv("CHECK_PAUSE_MS");
  if (pause != NULL) sleep_ms(atol(pause));
  return 0;
}

#endif
