/* What the library costs a C program, against floors measured in the same run. Prints ratios; asserts nothing.
 *
 *   bench [message|memory|pause|idle]     all of them without an argument
 *   bench count N                         N messages and nothing else, for callgrind */
#define _GNU_SOURCE
#include <datastreams.h>

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 1000000
#define REPEATS 7
#define GROUPS 10000

static int64_t clock_ns(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void must(ds_status status, const char *what) {
  if (status != DS_OK) {
    fprintf(stderr, "%s: %s\n", what, ds_status_text(status));
    exit(1);
  }
}

static ds_client *client_new(uint32_t delivery) {
  ds_config config = DS_CONFIG_INIT;
  config.service = DS_STR("bench");
  config.delivery = delivery;
  config.agent_url = DS_STR("http://127.0.0.1:9");
  ds_client *client;
  ds_error error;
  if (ds_client_new(&config, &client, &error) != DS_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  return client;
}

static ds_edge edge_of(const ds_client *client, const char *direction, int topic) {
  char name[32];
  snprintf(name, sizeof name, "topic:%d", topic);
  ds_str tags[] = {{direction, strlen(direction)}, {name, strlen(name)}, DS_STR("type:kafka"), DS_STR("group:billing")};
  ds_edge edge;
  must(ds_edge_intern(client, tags, 4, DS_STR(""), &edge), "ds_edge_intern");
  return edge;
}

static uint64_t counter(const ds_client *client, const char *name) {
  uint64_t values[256];
  size_t count;
  must(ds_client_counters(client, values, 256, &count), "ds_client_counters");
  for (size_t index = 0; index < count; index++)
    if (strcmp(ds_counter_name(index), name) == 0) return values[index];
  fprintf(stderr, "no counter %s\n", name);
  exit(1);
}

/* ---- one message ---- */

typedef struct work {
  const ds_client *client;
  ds_edge in, out;
  uint8_t header[DS_HEADER_MAX];
  size_t header_len;
  double ns;
} work;

static volatile uint64_t sink;

/* One clock read, the rest of a pathway hash and six increments: what cannot be saved. */
static double floor_ns(void) {
  uint32_t cells[64] = {0};
  uint64_t hash = 1;
  double best = 1e9;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    int64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int round = 0; round < ROUNDS; round++) {
      uint64_t parent = hash;
      for (int byte = 0; byte < 8; byte++) hash = hash * 0x100000001b3u ^ ((parent >> (8 * byte)) & 0xff);
      for (int step = 0; step < 6; step++) cells[(hash >> (6 * step)) & 63]++;
      sink = (uint64_t)clock_ns(CLOCK_REALTIME);
    }
    double ns = (double)(clock_ns(CLOCK_MONOTONIC) - start) / ROUNDS;
    if (ns < best) best = ns;
  }
  sink = hash + cells[hash & 63];
  return best;
}

static void *floors(void *argument) {
  *(double *)argument = floor_ns();
  return NULL;
}

static void start_pathway(work *work, int64_t age_ns) {
  ds_pathway pathway = {1, 0, 0, 0, 0, 0, {0, 0, 0, 0, 0}};
  pathway.start_ns = clock_ns(CLOCK_REALTIME) - age_ns;
  pathway.edge_start_ns = pathway.start_ns;
  must(ds_pathway_encode(&pathway, 0, work->header, sizeof work->header, &work->header_len), "ds_pathway_encode");
}

static void *messages(void *argument) {
  work *work = argument;
  double best = 1e9;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    int64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int round = 0; round < ROUNDS; round++) {
      ds_pathway pathway;
      uint8_t out[DS_HEADER_MAX];
      size_t out_len;
      ds_set_checkpoint(work->client, work->in, 1000, work->header, work->header_len, NULL, &pathway, out, sizeof out,
                        &out_len);
    }
    double ns = (double)(clock_ns(CLOCK_MONOTONIC) - start) / ROUNDS;
    if (ns < best) best = ns;
  }
  work->ns = best;
  return NULL;
}

static void *hops(void *argument) {
  work *work = argument;
  double best = 1e9;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    int64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int round = 0; round < ROUNDS; round++) {
      ds_pathway pathway;
      uint8_t out[DS_HEADER_MAX];
      size_t out_len;
      ds_set_checkpoint(work->client, work->in, 1000, work->header, work->header_len, NULL, &pathway, NULL, 0, NULL);
      ds_set_checkpoint(work->client, work->out, 500, NULL, 0, &pathway, &pathway, out, sizeof out, &out_len);
    }
    double ns = (double)(clock_ns(CLOCK_MONOTONIC) - start) / ROUNDS;
    if (ns < best) best = ns;
  }
  work->ns = best;
  return NULL;
}

static void bench_message(void) {
  ds_client *client = client_new(DS_DELIVERY_HOST);
  work one = {client, edge_of(client, "direction:in", 1), edge_of(client, "direction:out", 2), {0}, 0, 0};
  double floor = floor_ns();
  printf("floor: clock, rest of the hash, six increments   %7.1f ns\n", floor);
  start_pathway(&one, 0);
  messages(&one);
  printf("message: decode, checkpoint, encode              %7.1f ns   %.2f x the floor\n", one.ns, one.ns / floor);
  start_pathway(&one, 60000000000);
  messages(&one);
  double single = one.ns;
  printf("message whose origin is in another bucket        %7.1f ns   %.2f x the floor\n", one.ns, one.ns / floor);
  hops(&one);
  printf("hop: decode, in, out, encode                     %7.1f ns   %.2f x the floor\n", one.ns, one.ns / floor);

  work two[2] = {one, one};
  pthread_t threads[2];
  for (int index = 0; index < 2; index++) pthread_create(&threads[index], NULL, messages, &two[index]);
  for (int index = 0; index < 2; index++) pthread_join(threads[index], NULL);
  messages(&one);
  if (one.ns < single) single = one.ns;
  double rate = single / two[0].ns + single / two[1].ns;
  /* Two processors may be two halves of one core: then not even the floor runs twice as fast. */
  double floors_ns[2];
  for (int index = 0; index < 2; index++) pthread_create(&threads[index], NULL, floors, &floors_ns[index]);
  for (int index = 0; index < 2; index++) pthread_join(threads[index], NULL);
  double again = floor_ns();
  if (again < floor) floor = again;
  printf("two threads                              %7.1f, %7.1f ns   %.2f x the messages of one; the floor: %.2f x\n",
         two[0].ns, two[1].ns, rate, floor / floors_ns[0] + floor / floors_ns[1]);
  /* What was timed was work: every message was recorded, but for those that found every shard busy. */
  uint64_t calls = 7ull * REPEATS * ROUNDS, cut = counter(client, "cut_busy");
  if (counter(client, "checkpoints") + cut != calls || counter(client, "headers_read") + cut < calls / 7 * 6 ||
      cut > calls / 1000) {
    fprintf(stderr, "bench: of %llu messages not all were recorded\n", (unsigned long long)calls);
    exit(1);
  }
  ds_client_stop(client, 0);
  ds_client_free(client);
}

/* ---- ten thousand groups ---- */

static double gaussian(void) {
  double sum = 0;
  for (int term = 0; term < 12; term++) sum += (double)rand() / RAND_MAX;
  return sum - 6;
}

static long resident_kb(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file && fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  if (file) fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void fill(const ds_client *client, int64_t now, int each) {
  srand(1);
  for (int group = 0; group < GROUPS; group++) {
    ds_edge edge = edge_of(client, "direction:in", group % 100);
    for (int message = 0; message < each; message++) {
      /* Log-normal with sigma 1: 99 % of the latencies lie within a factor of 170. */
      int64_t latency = (int64_t)(20e6 * exp(gaussian()));
      ds_pathway parent = {(uint64_t)(group / 100 + 1), 0, 0, 0, 0, 0, {0, 0, 0, 0, 0}};
      parent.edge_start_ns = now - latency;
      parent.start_ns = parent.edge_start_ns - (int64_t)(50e6 * exp(gaussian()));
      ds_options options = DS_OPTIONS_INIT;
      options.now_ns = now;
      must(ds_set_checkpoint_with(client, edge, (uint64_t)(400 * exp(gaussian() / 2)), &options, NULL, 0, &parent, NULL,
                                  NULL, 0, NULL),
           "ds_set_checkpoint_with");
    }
  }
}

static void bench_memory(void) {
  long before = resident_kb();
  ds_client *client = client_new(DS_DELIVERY_HOST);
  fill(client, 1790000005000000000, 100);
  double mib = (double)counter(client, "memory_bytes") / (1 << 20);
  printf("%d groups of 100 messages                     %7.1f MiB charged, %.1f MiB resident, %llu cut\n", GROUPS, mib,
         (double)(resident_kb() - before) / 1024, (unsigned long long)counter(client, "cut_memory"));
  ds_client_free(client);
}

/* ---- the longest checkpoint while everything is flushed ---- */

static atomic_int flushing;

static void *flush(void *argument) {
  must(ds_client_flush(argument, 60000), "ds_client_flush");
  flushing = 0;
  return NULL;
}

static double longest_us(work *work, int seconds_or_flush) {
  int64_t longest = 0;
  int64_t end = clock_ns(CLOCK_MONOTONIC) + (int64_t)seconds_or_flush * 1000000;
  while (seconds_or_flush ? clock_ns(CLOCK_MONOTONIC) < end : flushing != 0) {
    ds_pathway pathway;
    int64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    ds_set_checkpoint(work->client, work->in, 1000, work->header, work->header_len, NULL, &pathway, NULL, 0, NULL);
    int64_t took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    if (took > longest) longest = took;
  }
  return (double)longest / 1000;
}

static void bench_pause(void) {
  ds_client *client = client_new(DS_DELIVERY_HOST);
  work one = {client, edge_of(client, "direction:in", 1), edge_of(client, "direction:out", 2), {0}, 0, 0};
  start_pathway(&one, 0);
  double quiet = longest_us(&one, 200);
  fill(client, clock_ns(CLOCK_REALTIME), 50);
  pthread_t thread;
  flushing = 1;
  int64_t start = clock_ns(CLOCK_MONOTONIC);
  pthread_create(&thread, NULL, flush, client);
  double busy = longest_us(&one, 0);
  double took = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e6;
  pthread_join(thread, NULL);
  printf("longest checkpoint                               %7.1f us quiet, %.1f us while %d groups are flushed (%.0f ms)\n",
         quiet, busy, GROUPS, took);
  ds_client_free(client);
}

/* ---- an idle process ---- */

static long switches(void) {
  long sum = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *task; tasks && (task = readdir(tasks));) {
    char path[300], line[256];
    if (task->d_name[0] == '.' || atoi(task->d_name) == getpid()) continue;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
      long value;
      if (sscanf(line, "voluntary_ctxt_switches: %ld", &value) == 1) sum += value;
    }
    if (file) fclose(file);
  }
  if (tasks) closedir(tasks);
  return sum;
}

static void bench_idle(void) {
  ds_client *client = client_new(DS_DELIVERY_THREAD);
  work one = {client, edge_of(client, "direction:in", 1), edge_of(client, "direction:out", 2), {0}, 0, 0};
  /* Early in a bucket, so that its end does not fall into the count. */
  while (clock_ns(CLOCK_REALTIME) / 1000000000 % 10 > 3) usleep(100000);
  start_pathway(&one, 0);
  ds_set_checkpoint(client, one.in, 1, one.header, one.header_len, NULL, NULL, NULL, 0, NULL);
  sleep(1);
  long armed = switches();
  sleep(3);
  printf("wake-ups in 3 s with an open bucket              %7ld\n", switches() - armed);
  ds_client_stop(client, 100);
  ds_client_free(client);
}

static void count(int rounds) {
  ds_client *client = client_new(DS_DELIVERY_HOST);
  work one = {client, edge_of(client, "direction:in", 1), edge_of(client, "direction:out", 2), {0}, 0, 0};
  start_pathway(&one, 0);
  for (int round = 0; round < rounds; round++) {
    ds_pathway pathway;
    uint8_t out[DS_HEADER_MAX];
    size_t out_len;
    ds_set_checkpoint(client, one.in, 1000, one.header, one.header_len, NULL, &pathway, out, sizeof out, &out_len);
  }
  ds_client_free(client);
}

int main(int argc, char **argv) {
  const char *only = argc > 1 ? argv[1] : "";
  if (argc > 2 && strcmp(only, "count") == 0) {
    count(atoi(argv[2]));
    return 0;
  }
  if (!*only || strcmp(only, "message") == 0) bench_message();
  if (!*only || strcmp(only, "memory") == 0) bench_memory();
  if (!*only || strcmp(only, "pause") == 0) bench_pause();
  if (!*only || strcmp(only, "idle") == 0) bench_idle();
  return 0;
}
