/* cluster.c - see cluster.h. */
#include "cluster.h"
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Which id the servers of a name belong to; never taken out. */
struct known {
    const struct known *next;
    char *servers, *id;
};
static const struct known *known;
static int known_count;
#define KNOWN_MAX 64

/* How often a consumer asks for what its broker, older than 0.10.1, does not tell. */
#define ASK_MAX 3

static const char *known_id(const char *servers) {
    const struct known *one = __atomic_load_n(&known, __ATOMIC_ACQUIRE);
    while (one != NULL && strcmp(one->servers, servers) != 0) one = one->next;
    return one != NULL ? one->id : "";
}

/* Tells other clients with these servers. */
static void tell(const char *servers, const char *id) {
    struct known *one;
    /* A mock cluster inside of the client has no servers, and is another for each. */
    if (servers[0] == '\0' || strcmp(known_id(servers), id) == 0) return;
    if (__atomic_fetch_add(&known_count, 1, __ATOMIC_RELAXED) >= KNOWN_MAX) return;
    one = malloc(sizeof *one);
    if (one == NULL) return;
    one->id = strdup(id);
    one->servers = strdup(servers);
    if (one->id == NULL || one->servers == NULL) {
        free(one->id);
        free(one->servers);
        free(one);
        return;
    }
    one->next = __atomic_load_n(&known, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&known, &one->next, one, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    }
}

static void ask(struct cluster *cluster, rd_kafka_t *rk) {
    char *nobody = NULL;
    char *id = cluster->api->clusterid(rk, 0), *copy = id != NULL ? strdup(id) : NULL;
    __atomic_fetch_add(&cluster->asked, 1, __ATOMIC_RELAXED);
    if (id != NULL) cluster->api->mem_free(rk, id);
    if (copy == NULL) return;
    tell(cluster->servers, copy);
    /* Two threads may have asked at once. */
    if (__atomic_compare_exchange_n(&cluster->own, &nobody, copy, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        __atomic_store_n(&cluster->id, copy, __ATOMIC_RELEASE);
    else
        free(copy);
}

static bool can_ask(const struct cluster *cluster) {
    return cluster->api->clusterid != NULL && cluster->api->mem_free != NULL;
}

bool cluster_init(struct cluster *cluster, const struct rdkafka_api *api, const char *servers) {
    memset(cluster, 0, sizeof *cluster);
    cluster->api = api;
    cluster->servers = strdup(servers);
    cluster->id = known_id(servers);
    if (cluster->servers != NULL && pthread_mutex_init(&cluster->lock, NULL) == 0) return true;
    free(cluster->servers);
    return false;
}

const char *cluster_id(struct cluster *cluster) {
    const char *id = __atomic_load_n(&cluster->id, __ATOMIC_ACQUIRE);
    if (id[0] != '\0') return id;
    /* Another client may have learned it since. */
    id = known_id(cluster->servers);
    if (id[0] != '\0') __atomic_store_n(&cluster->id, id, __ATOMIC_RELEASE);
    return id;
}

const char *cluster_id_at_consume(struct cluster *cluster, rd_kafka_t *rk) {
    const char *id = cluster_id(cluster);
    if (id[0] != '\0' || !can_ask(cluster) || __atomic_load_n(&cluster->asked, __ATOMIC_RELAXED) >= ASK_MAX) return id;
    ask(cluster, rk);
    return cluster_id(cluster);
}

static void *ask_aside(void *argument) {
    struct cluster *cluster = argument;
    ask(cluster, cluster->rk);
    return NULL;
}

void cluster_ask_aside(struct cluster *cluster, rd_kafka_t *rk) {
    sigset_t all, before;
    if (cluster_id(cluster)[0] != '\0' || !can_ask(cluster) || pthread_mutex_trylock(&cluster->lock) != 0) return;
    if (!cluster->started && !cluster->ended) {
        cluster->rk = rk;
        /* A program's signal handlers do not run in our thread. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        cluster->started = pthread_create(&cluster->thread, NULL, ask_aside, cluster) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_mutex_unlock(&cluster->lock);
}

void cluster_end(struct cluster *cluster) {
    bool join;
    pthread_mutex_lock(&cluster->lock);
    cluster->ended = true;
    join = cluster->started;
    pthread_mutex_unlock(&cluster->lock);
    if (join) pthread_join(cluster->thread, NULL);
}

void cluster_free(struct cluster *cluster) {
    pthread_mutex_destroy(&cluster->lock);
    free(cluster->servers);
    free(cluster->own);
}
