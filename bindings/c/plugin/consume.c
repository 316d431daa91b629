/* consume.c - a message is consumed: its checkpoint, and what it leaves for messages that are produced; offsets. */
#include "headers.h"
#include "instance.h"
#include <string.h>

/* Where the message's partition ends, as the last answer of the broker told: no request is made. */
static void look(struct instance *instance, rd_kafka_t *rk, const struct topic *topic, int32_t partition) {
    int64_t low = RD_KAFKA_OFFSET_INVALID, high = RD_KAFKA_OFFSET_INVALID;
    if (instance->api.get_watermark_offsets(rk, topic->name, partition, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0)
        ds_track_offset(instance->measure->client, topic->ends, partition, high);
}

/* In the thread that consumes, where none of librdkafka's locks is held. */
rd_kafka_resp_err_t on_consume(rd_kafka_t *rk, rd_kafka_message_t *message, void *opaque) {
    struct instance *instance = opaque;
    const struct rdkafka_api *api = &instance->api;
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    rd_kafka_headers_t *headers = NULL;
    struct headers_found found;
    ds_options options = DS_OPTIONS_INIT;
    ds_pathway pathway;
    const char *name, *cluster;
    struct topic *topic;
    uint64_t size;
    int64_t at_ms;
    ds_edge edge;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || message->rkt == NULL) return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (api->message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) headers = NULL;
    found = headers_find(api, headers);
    size = found.others;
    size += message->key != NULL ? message->key_len : 0;
    size += message->payload != NULL ? message->len : 0;
    options.now_ns = now_ns();
    at_ms = api->message_timestamp(message, &kind);
    if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && at_ms > 0 && at_ms <= INT64_MAX / 1000000)
        options.queued_ns = at_ms * 1000000;
    name = api->topic_name(message->rkt);
    cluster = cluster_id_at_consume(&instance->cluster, rk);
    topic = topics_of_message(&instance->consumed, message->rkt, name, cluster);
    edge = topic != NULL ? topic->messages
                         : kafka_edge(instance->measure->client, EDGE_IN, name, instance->group, cluster);
    if (ds_set_checkpoint_with(instance->measure->client, edge, size, &options, found.header, found.header_len, NULL,
                               &pathway, NULL, 0, NULL) == DS_OK)
        parent_consumed(instance->measure->parent, &pathway, options.now_ns);
    if (topic != NULL && api->get_watermark_offsets != NULL &&
        topic_look(topic, message->partition, options.now_ns))
        look(instance, rk, topic, message->partition);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Offsets are those of the next messages to read. In a thread of librdkafka's or of commits.h. */
void track_committed(const rd_kafka_topic_partition_list_t *offsets, void *opaque) {
    struct instance *instance = opaque;
    const ds_client *client = instance->measure->client;
    int i;
    for (i = 0; i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &offsets->elems[i];
        const struct topic *topic;
        if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR || one->offset < 0) continue;
        topic = topics_of_name(&instance->consumed, one->topic, cluster_id(&instance->cluster));
        if (topic != NULL) ds_track_offset(client, topic->offsets, one->partition, one->offset);
    }
}

/* In a thread of librdkafka's: nothing of it may be called. */
rd_kafka_resp_err_t on_commit(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets, rd_kafka_resp_err_t err,
                              void *opaque) {
    const struct instance *instance = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && offsets != NULL && instance->group[0] != '\0')
        track_committed(offsets, opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}
