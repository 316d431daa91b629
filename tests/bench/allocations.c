/* A message allocates nothing once its edge and parent are known in the bucket: counted at malloc itself, which this
 * program defines. Exits with 1 and says how many there were, when there were any. */
#define _GNU_SOURCE
#include <datastreams.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_long allocations;

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
  allocations++;
  return __libc_realloc(old, size);
}
int posix_memalign(void **result, size_t alignment, size_t size) {
  allocations++;
  *result = __libc_memalign(alignment, size);
  return *result ? 0 : 12;
}
void *aligned_alloc(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

static int failed;

static void expect(const char *what, int nothing, long count, int messages) {
  printf("%s: %ld allocations in %d messages\n", what, count, messages);
  if (nothing ? count != 0 : count == 0) failed = 1;
}

/* The time is the caller's, so that no bucket ends in between. */
static long run(const ds_client *client, ds_edge in, ds_edge out, int64_t now, int64_t age, int messages) {
  ds_pathway origin = {1, now - age, now - age, 0, 0, 0, {0, 0, 0, 0, 0}};
  uint8_t header[DS_HEADER_MAX], sent[DS_HEADER_MAX];
  size_t header_len, sent_len;
  if (ds_pathway_encode(&origin, 0, header, sizeof header, &header_len) != DS_OK) exit(2);
  long before = allocations;
  for (int message = 0; message < messages; message++) {
    ds_options options = DS_OPTIONS_INIT;
    ds_pathway pathway;
    options.now_ns = now + message % 1000;
    if (ds_set_checkpoint_with(client, in, 1000, &options, header, header_len, NULL, &pathway, NULL, 0, NULL) != DS_OK ||
        ds_set_checkpoint_with(client, out, 500, &options, NULL, 0, &pathway, &pathway, sent, sizeof sent, &sent_len) !=
            DS_OK ||
        ds_track_offset(client, in, 1, message) != DS_OK)
      exit(2);
  }
  return allocations - before;
}

int main(void) {
  ds_config config = DS_CONFIG_INIT;
  config.service = DS_STR("allocations");
  config.delivery = DS_DELIVERY_HOST;
  ds_client *client;
  ds_error error;
  if (ds_client_new(&config, &client, &error) != DS_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 2;
  }
  const ds_str in_tags[] = {DS_STR_INIT("direction:in"), DS_STR_INIT("topic:orders"), DS_STR_INIT("type:kafka")};
  const ds_str out_tags[] = {DS_STR_INIT("direction:out"), DS_STR_INIT("topic:bills"), DS_STR_INIT("type:kafka")};
  ds_edge in, out;
  if (ds_edge_intern(client, in_tags, 3, DS_STR(""), &in) != DS_OK ||
      ds_edge_intern(client, out_tags, 3, DS_STR(""), &out) != DS_OK)
    return 2;
  const int64_t now = 1790000005000000000, second = 1000000000;
  expect("first messages", 0, run(client, in, out, now, second, 1), 2);
  expect("messages", 1, run(client, in, out, now, second, 100000), 200000);
  expect("first messages with an origin in another bucket", 0, run(client, in, out, now, 60 * second, 1), 2);
  expect("messages with an origin in another bucket", 1, run(client, in, out, now, 60 * second, 100000), 200000);
  /* A flush gives the memory back to the next bucket: the first message there finds its groups' memory. */
  if (ds_client_flush(client, 1000) != DS_OK) return 2;
  run(client, in, out, now + 10 * second, second, 1);
  expect("messages in the next bucket", 1, run(client, in, out, now + 10 * second, second, 100000), 200000);
  ds_client_free(client);
  return failed;
}
