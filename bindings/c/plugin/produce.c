/* produce.c - a message is produced: its checkpoint and its header, and the offset that it gets. */
#include "headers.h"
#include "instance.h"
#include <string.h>

/* What a message needs on the wire beside key, value and headers, at most: in a batch of its own, since that is what
 * brokers compare with their limit. */
#define MESSAGE_OVERHEAD (61 + 36)
/* Requests of the protocol. Since version 3 a request with messages has headers. */
#define REQUEST_PRODUCE 0
#define REQUEST_END_TRANSACTION 26
#define PRODUCE_WITH_HEADERS 3

/* Puts our header in place of what headers has under our keys, or into new headers of the message. */
static void put(const struct rdkafka_api *api, rd_kafka_message_t *message, rd_kafka_headers_t *headers,
                const uint8_t *header, size_t header_len) {
    rd_kafka_headers_t *into = headers != NULL ? headers : api->headers_new(1);
    api->header_add(into, DS_HEADER_KEY, sizeof DS_HEADER_KEY - 1, header, (ssize_t)header_len);
    if (headers == NULL) api->message_set_headers(message, into);
}

/* Tells something once: librdkafka logs an error that is returned. */
static rd_kafka_resp_err_t tell_once(bool *told, rd_kafka_resp_err_t what) {
    return __atomic_exchange_n(told, true, __ATOMIC_RELAXED) ? RD_KAFKA_RESP_ERR_NO_ERROR : what;
}

/* In the thread that produces. Locks of librdkafka's may be held: only the message itself may be asked for. */
rd_kafka_resp_err_t on_send(rd_kafka_t *rk, rd_kafka_message_t *message, void *opaque) {
    struct instance *instance = opaque;
    const struct rdkafka_api *api = &instance->api;
    rd_kafka_headers_t *headers = NULL;
    struct headers_found found;
    uint8_t kept[128], out[DS_HEADER_MAX];
    size_t kept_len = 0, out_len = 0;
    ds_pathway parent;
    const ds_pathway *continued = NULL;
    const struct topic *topic;
    const char *name, *cluster;
    uint64_t size;
    ds_edge edge;
    (void)rk;
    if (__atomic_load_n(&instance->headerless, __ATOMIC_RELAXED))
        return tell_once(&instance->told_headerless, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE);
    if (api->message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) headers = NULL;
    found = headers_find(api, headers);
    size = message->key != NULL ? message->key_len : 0;
    size += message->payload != NULL ? message->len : 0;
    /* A message about as large as librdkafka accepts is sent as it is: it has been accepted before we see it, and the
     * broker's limit is often the same. */
    if (MESSAGE_OVERHEAD + size + found.wire + HEADERS_OURS_WIRE > instance->message_max)
        return tell_once(&instance->told_too_large, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    if (parent_find(instance->measure->parent, &parent)) {
        continued = &parent;
    } else if (found.header != NULL) {
        /* A message that is forwarded with its headers says itself where it comes from. A copy, because that is removed
         * next. No readable form is longer, and bytes after a readable one are ignored. */
        kept_len = found.header_len < sizeof kept ? found.header_len : sizeof kept;
        memcpy(kept, found.header, kept_len);
    }
    name = api->topic_name(message->rkt);
    cluster = cluster_id(&instance->cluster);
    topic = topics_of_message(&instance->produced, message->rkt, name, cluster);
    if (topic != NULL && __atomic_load_n(&topic->refuses_headers, __ATOMIC_RELAXED))
        return tell_once(&instance->told_headerless, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE);
    if (found.ours) {
        api->header_remove(headers, DS_HEADER_KEY);
        api->header_remove(headers, DS_HEADER_KEY_LEGACY);
    }
    edge = topic != NULL ? topic->messages : kafka_edge(instance->measure->client, EDGE_OUT, name, "", cluster);
    ds_set_checkpoint(instance->measure->client, edge, size + found.others, kept_len > 0 ? kept : NULL, kept_len, continued,
                      NULL, out, sizeof out, &out_len);
    if (out_len > 0) put(api, message, headers, out, out_len);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A topic in the format from before Kafka 0.11 (log.message.format.version) refuses messages with headers, and says no more
 * than that the error is unknown. A message cannot be taken back here; those that follow go without. */
static bool refused(const struct rdkafka_api *api, const rd_kafka_message_t *message) {
    rd_kafka_headers_t *headers = NULL;
    return (message->err == RD_KAFKA_RESP_ERR_UNKNOWN ||
            message->err == RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT) &&
           api->message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR && headers_only_ours(api, headers);
}

/* In a thread of librdkafka's, or in the thread that produces, when the message could not be queued: only the message itself
 * may be asked for. */
rd_kafka_resp_err_t on_acknowledgement(rd_kafka_t *rk, rd_kafka_message_t *message, void *opaque) {
    const struct instance *instance = opaque;
    struct topic *topic = topics_of_handle(&instance->produced, message->rkt);
    (void)rk;
    if (topic == NULL) return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (!__atomic_load_n(&topic->takes_headers, __ATOMIC_RELAXED) && refused(&instance->api, message))
            __atomic_store_n(&topic->refuses_headers, true, __ATOMIC_RELAXED);
    } else if (message->offset >= 0) {
        if (!__atomic_load_n(&topic->refuses_headers, __ATOMIC_RELAXED))
            __atomic_store_n(&topic->takes_headers, true, __ATOMIC_RELAXED);
        ds_track_offset(instance->measure->client, topic->offsets, message->partition, message->offset);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* In a thread of librdkafka's: nothing of it may be called. */
rd_kafka_resp_err_t on_request_sent(rd_kafka_t *rk, int sockfd, const char *broker, int32_t broker_id, int16_t key,
                                    int16_t version, int32_t correlation, size_t size, void *opaque) {
    struct instance *instance = opaque;
    (void)sockfd, (void)broker, (void)broker_id, (void)correlation, (void)size;
    if (key == REQUEST_END_TRANSACTION) commits_ask();
    if (key != REQUEST_PRODUCE) return RD_KAFKA_RESP_ERR_NO_ERROR;
    /* Headers are left out of it, without a word to anyone. */
    if (version < PRODUCE_WITH_HEADERS) __atomic_store_n(&instance->headerless, true, __ATOMIC_RELAXED);
    cluster_ask_aside(&instance->cluster, rk);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}
