/* commits.c - see commits.h. */
#include "commits.h"
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

/* How long after the end of a transaction is asked, how often an answer is looked for, and how many times. */
#define PAUSE_NS 500000000
#define LOOK_MS 100
#define LOOKS 50

/* Held while a list is changed or searched, never while anything is asked. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static struct commits *first;
static const struct commits *busy; /* is being asked */
static bool running;
static unsigned ends; /* of transactions. Atomic */

static bool can_ask(const struct commits *commits) {
    const struct rdkafka_api *api = commits->api;
    return commits->group[0] != '\0' && api->ListConsumerGroupOffsets != NULL &&
           api->ListConsumerGroupOffsets_new != NULL && api->ListConsumerGroupOffsets_destroy != NULL &&
           api->ListConsumerGroupOffsets_result_groups != NULL &&
           api->event_ListConsumerGroupOffsets_result != NULL && api->event_destroy != NULL &&
           api->group_result_partitions != NULL && api->queue_new != NULL && api->queue_poll != NULL &&
           api->queue_destroy != NULL;
}

static void take(const struct commits *commits, rd_kafka_event_t *event) {
    const struct rdkafka_api *api = commits->api;
    const rd_kafka_ListConsumerGroupOffsets_result_t *result = api->event_ListConsumerGroupOffsets_result(event);
    const rd_kafka_group_result_t **groups = NULL;
    const rd_kafka_topic_partition_list_t *offsets;
    size_t count = 0, i;
    if (result != NULL) groups = api->ListConsumerGroupOffsets_result_groups(result, &count);
    for (i = 0; i < count; i++) {
        offsets = api->group_result_partitions(groups[i]);
        if (offsets != NULL) commits->committed(offsets, commits->opaque);
    }
}

static void ask(const struct commits *commits) {
    const struct rdkafka_api *api = commits->api;
    rd_kafka_ListConsumerGroupOffsets_t *request = api->ListConsumerGroupOffsets_new(commits->group, NULL);
    rd_kafka_queue_t *queue = api->queue_new(commits->rk);
    rd_kafka_event_t *event = NULL;
    int looks;
    api->ListConsumerGroupOffsets(commits->rk, &request, 1, NULL, queue);
    for (looks = 0; looks < LOOKS && event == NULL && !__atomic_load_n(&commits->ended, __ATOMIC_RELAXED); looks++)
        event = api->queue_poll(queue, LOOK_MS);
    if (event != NULL) {
        take(commits, event);
        api->event_destroy(event);
    }
    api->queue_destroy(queue);
    api->ListConsumerGroupOffsets_destroy(request);
}

/* Asks each client once. The lock is held, but while one is asked. */
static void ask_all(unsigned round) {
    struct commits *one = first;
    while (one != NULL) {
        if (one->asked == round) {
            one = one->next;
            continue;
        }
        one->asked = round;
        busy = one;
        pthread_mutex_unlock(&lock);
        ask(one);
        pthread_mutex_lock(&lock);
        busy = NULL;
        pthread_cond_broadcast(&answered);
        one = first; /* others may have come and gone */
    }
}

static void *run(void *unused) {
    const struct timespec pause = {0, PAUSE_NS};
    unsigned round = 0, before;
    (void)unused;
    pthread_mutex_lock(&lock);
    do {
        before = __atomic_load_n(&ends, __ATOMIC_RELAXED);
        pthread_mutex_unlock(&lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&lock);
        ask_all(++round);
    } while (first != NULL && before != __atomic_load_n(&ends, __ATOMIC_RELAXED));
    for (struct commits *one = first; one != NULL; one = one->next) one->asked = 0;
    running = false;
    pthread_mutex_unlock(&lock);
    return NULL;
}

void commits_join(struct commits *commits) {
    commits->joined = can_ask(commits);
    if (!commits->joined) return;
    commits->asked = 0;
    commits->ended = false;
    pthread_mutex_lock(&lock);
    commits->next = first;
    first = commits;
    pthread_mutex_unlock(&lock);
}

void commits_leave(struct commits *commits) {
    struct commits **place;
    if (!commits->joined) return;
    commits->joined = false;
    __atomic_store_n(&commits->ended, true, __ATOMIC_RELAXED);
    pthread_mutex_lock(&lock);
    for (place = &first; *place != NULL && *place != commits; place = &(*place)->next) {
    }
    if (*place != NULL) *place = commits->next;
    while (busy == commits) pthread_cond_wait(&answered, &lock);
    pthread_mutex_unlock(&lock);
}

void commits_ask(void) {
    sigset_t all, before;
    pthread_t thread;
    __atomic_fetch_add(&ends, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&lock);
    if (!running && first != NULL) {
        /* A program's signal handlers do not run in our thread. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        running = pthread_create(&thread, NULL, run, NULL) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (running) pthread_detach(thread);
    }
    pthread_mutex_unlock(&lock);
}

void commits_after_fork(void) {
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&answered, NULL);
    first = NULL;
    busy = NULL;
    running = false;
}
