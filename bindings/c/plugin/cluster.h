/* cluster.h - the id of the cluster that a client is connected with, learned without waiting.
 *
 * librdkafka knows it once a broker has told about topics. It may be asked where a program's thread consumes, and there it
 * is always known; it may not be asked from its own threads, nor where a message is produced, as a batch is produced
 * under a lock. So a producer asks from a thread of our own, once, when its first request with messages was sent: then
 * the id is known. Until then messages go without it. */
#ifndef DS_PLUGIN_CLUSTER_H
#define DS_PLUGIN_CLUSTER_H
#include "rdkafka_api.h"
#include <pthread.h>
#include <stdbool.h>

struct cluster {
    const struct rdkafka_api *api;
    const char *id;       /* "" until it is known. Atomic */
    char *own;            /* what id is, when this client learned it itself. Atomic */
    char *servers;        /* the bootstrap servers, by which clients of one process know of each other */
    int asked;            /* how often it was asked for. Atomic */
    pthread_mutex_t lock; /* of all that follows */
    rd_kafka_t *rk;
    pthread_t thread;
    bool started, ended;
};

/* Takes the id that another client with the same bootstrap servers learned. False: the system refused. */
bool cluster_init(struct cluster *cluster, const struct rdkafka_api *api, const char *servers);

/* The id, or "". Lives until cluster_free. Any thread. */
const char *cluster_id(struct cluster *cluster);

/* The same in a thread of the program that consumed a message, where librdkafka may be asked. */
const char *cluster_id_at_consume(struct cluster *cluster, rd_kafka_t *rk);

/* A request with messages was sent: starts the thread that asks, the first time. Only from librdkafka's threads, which it
 * does not hold up: when the lock is taken, the next request will do. */
void cluster_ask_aside(struct cluster *cluster, rd_kafka_t *rk);

/* The client of librdkafka ends: nothing asks it any more once this returns. Waits for the thread that asks, which does
 * not wait itself. */
void cluster_end(struct cluster *cluster);

/* After cluster_end, or when nothing was asked. */
void cluster_free(struct cluster *cluster);

#endif
