/* measure.c - see measure.h. */
#include "measure.h"
#include "commits.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct measure measure;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int clients; /* that began and did not end */
static bool slow;   /* the agent did not take the statistics in time when the last one ended */
static int64_t waited_until_ns; /* in vain. Atomic; of the monotonic clock */

static int64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Most programs end with their clients: then they wait once. */
static void at_exit(void) {
    const int64_t waited = __atomic_load_n(&waited_until_ns, __ATOMIC_RELAXED);
    const bool again = waited == 0 || monotonic_ns() - waited > (int64_t)MEASURE_EXIT_MS * 1000000;
    ds_client_stop(measure.client, again ? MEASURE_EXIT_MS : 0);
}

/* The parent's clients do not work in a child, and need not be ended there. */
static void after_fork(void) {
    clients = 0;
    commits_after_fork();
    parent_after_fork();
}

/* What is not understood is told, and thread is used. */
static parent_kind read_parent(void) {
    static const char *const names[] = {"thread", "process", "none"};
    const char *value = getenv("DS_RDKAFKA_PARENT");
    size_t i;
    if (value == NULL || value[0] == '\0') return PARENT_THREAD;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(value, names[i]) == 0) return (parent_kind)i;
    snprintf(measure.why, sizeof measure.why, "DS_RDKAFKA_PARENT is \"%.64s\", not thread, process or none; thread is used",
             value);
    return PARENT_THREAD;
}

static void make(void) {
    ds_config config = DS_CONFIG_INIT;
    ds_error error;
    uint32_t enabled = 0;
    measure.parent = read_parent();
    if (ds_client_new(&config, &measure.client, &error) != DS_OK) {
        measure.client = NULL;
        snprintf(measure.why, sizeof measure.why, "%s", error.message);
        return;
    }
    if (ds_client_enabled(measure.client, &enabled) != DS_OK || !enabled) {
        ds_client_free(measure.client);
        measure.client = NULL;
        snprintf(measure.why, sizeof measure.why, "DD_DATA_STREAMS_ENABLED switches it off");
        return;
    }
    pthread_atfork(NULL, NULL, after_fork);
    atexit(at_exit);
}

const struct measure *measure_get(void) {
    pthread_once(&once, make);
    return &measure;
}

void measure_begin(void) { __atomic_fetch_add(&clients, 1, __ATOMIC_RELAXED); }

void measure_end(void) {
    if (__atomic_fetch_sub(&clients, 1, __ATOMIC_RELAXED) != 1 || __atomic_load_n(&slow, __ATOMIC_RELAXED)) return;
    if (ds_client_flush(measure.client, MEASURE_END_MS) == DS_OK) return;
    __atomic_store_n(&slow, true, __ATOMIC_RELAXED);
    __atomic_store_n(&waited_until_ns, monotonic_ns(), __ATOMIC_RELAXED);
}
