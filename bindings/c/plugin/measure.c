/* measure.c - see measure.h. */
#include "measure.h"
#include "commits.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct measure measure;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int clients; /* that began and did not end */
static bool slow;   /* the agent did not take the statistics in time when the last one ended */

static void at_exit(void) { ds_client_stop(measure.client, MEASURE_EXIT_MS); }

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

/* ds_client_new has found the value to be one of true, 1, false and 0. */
static int switched_off(void) {
    const char *value = getenv("DD_DATA_STREAMS_ENABLED");
    if (value == NULL) return 0;
    value += strspn(value, " \t\r\n");
    return *value == 'f' || *value == 'F' || *value == '0';
}

static void make(void) {
    ds_config config = DS_CONFIG_INIT;
    ds_error error;
    measure.parent = read_parent();
    if (ds_client_new(&config, &measure.client, &error) != DS_OK) {
        measure.client = NULL;
        snprintf(measure.why, sizeof measure.why, "%s", error.message);
        return;
    }
    if (switched_off()) {
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
    if (ds_client_flush(measure.client, MEASURE_END_MS) != DS_OK) __atomic_store_n(&slow, true, __ATOMIC_RELAXED);
}
