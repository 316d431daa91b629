/* instance.h - what the plugin knows of one client of librdkafka, and its part in that client's life. */
#ifndef DS_PLUGIN_INSTANCE_H
#define DS_PLUGIN_INSTANCE_H
#include "cluster.h"
#include "commits.h"
#include "measure.h"
#include "rdkafka_api.h"
#include "topics.h"
#include <datastreams.h>

/* librdkafka names it when it logs what we return. */
#define INTERCEPTOR "datastreams"

/* Made with a configuration and freed with it, which is when the client of librdkafka is gone, and all its threads. */
struct instance {
    struct rdkafka_api api;
    const char *missing; /* a function that this librdkafka does not show; NULL: none */
    const struct measure *measure;
    bool ready;          /* the rest is there */
    uint64_t message_max; /* bytes of a message that librdkafka accepts */
    struct cluster cluster;
    struct commits commits;
    struct topics produced, consumed;
    char *group;          /* "" when there is none */
    bool headerless;      /* the broker was found to take no headers. Atomic */
    bool told_headerless; /* Atomic */
    bool told_too_large;  /* Atomic */
};

/* Nanoseconds since the Unix epoch. */
int64_t now_ns(void);

/* Makes the interceptors of a configuration known to the librdkafka that inside lies in. Never fails the program: when it is
 * not possible, nothing happens, or a line is logged when the client is made. */
void instance_attach(rd_kafka_conf_t *conf, const void *inside);

/* ---- interceptors: produce.c ---- */
rd_kafka_resp_err_t on_send(rd_kafka_t *rk, rd_kafka_message_t *message, void *opaque);
rd_kafka_resp_err_t on_acknowledgement(rd_kafka_t *rk, rd_kafka_message_t *message, void *opaque);
rd_kafka_resp_err_t on_request_sent(rd_kafka_t *rk, int sockfd, const char *broker, int32_t broker_id, int16_t key,
                                    int16_t version, int32_t correlation, size_t size, void *opaque);

/* ---- interceptors: consume.c ---- */
rd_kafka_resp_err_t on_consume(rd_kafka_t *rk, rd_kafka_message_t *message, void *opaque);
void track_committed(const rd_kafka_topic_partition_list_t *offsets, void *instance);
rd_kafka_resp_err_t on_commit(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets, rd_kafka_resp_err_t err,
                              void *opaque);

#endif
