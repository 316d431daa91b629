/* datastreams_rdkafka.h - the few lines that a librdkafka program needs to measure its messages.
 *
 * SYNOPSIS
 *
 *     #include <datastreams_rdkafka.h>    (C99 or C++11; needs datastreams.h and librdkafka 1.0 or later)
 *
 *     once for each edge:    ds_rdkafka_edge_in(client, "orders", "billing", NULL, &in);
 *                            ds_rdkafka_edge_out(client, "payments", NULL, &out);
 *     a message is consumed: ds_rdkafka_consume(client, in, message, &pathway);
 *     a message is produced: ds_rdkafka_produce(client, out, headers, key_len, value_len, &pathway, NULL);
 *                            rd_kafka_producev(producer, ..., RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
 *     offsets, for the lag:  ds_rdkafka_track_delivery()         in the delivery report callback
 *                            ds_rdkafka_track_commit()           in the offset commit callback
 *                            ds_rdkafka_track_high_watermarks()  once in a while, in a consumer
 *
 * DESCRIPTION
 *
 * Everything is static inline over the public calls of librdkafka and datastreams.h: nothing to link but these two.
 * No function here makes a message fail. Whatever goes wrong, the message can go on as it is, without a pathway;
 * the returned status says why and may be ignored (the client counts by cause, see ds_client_counters). A client
 * that is NULL, because ds_client_new failed, is such a case: DS_ERR_NULL. Except for ds_rdkafka_cluster_id nothing
 * here waits for a broker or an agent.
 *
 * A pathway belongs to a message. Give each message that is in work its own ds_pathway, from ds_rdkafka_consume to
 * the last ds_rdkafka_produce that the message causes; never keep one from message to message.
 *
 * CLUSTER ID
 *
 * Topics of one name in two clusters are told apart by a tag "kafka_cluster_id:". The tag is part of the edge, so
 * decide once for all services: either all give the id (see ds_rdkafka_cluster_id) or all give NULL. An id that one
 * start of a program has and the next has not makes two pathways of one.
 *
 * topic, group and cluster_id are NUL-terminated; NULL or "" for cluster_id means no tag.
 *
 * EXAMPLES
 *
 * examples/orders.c produces, examples/payments.c consumes and produces, examples/sink.c consumes. */
#ifndef DATASTREAMS_RDKAFKA_H
#define DATASTREAMS_RDKAFKA_H
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datastreams.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most bytes of one tag, as in "topic:orders". A topic's name has at most 249; a tag that does not fit, because
 * of a very long group, is DS_ERR_INVALID. */
#define DS_RDKAFKA_TAG_MAX 512
/* The most topics that one ds_rdkafka_topics remembers. */
#define DS_RDKAFKA_TOPICS_MAX 16

/* ---- edges -------------------------------------------------------------------------------------------------- */

/* Used by the functions below. */
typedef struct ds_rdkafka_tags_ {
    ds_str tag[5];
    size_t count;
    ds_status status; /* the first error */
    char text[5][DS_RDKAFKA_TAG_MAX];
} ds_rdkafka_tags_;

/* Adds "key:value". Used by the functions below. */
static inline void ds_rdkafka_tag_(ds_rdkafka_tags_ *tags, const char *key, const char *value) {
    char *text = tags->text[tags->count];
    int length;
    if (tags->status != DS_OK) return;
    if (value == NULL) {
        tags->status = DS_ERR_NULL;
        return;
    }
    length = snprintf(text, DS_RDKAFKA_TAG_MAX, "%s:%s", key, value);
    if (length < 0 || length >= DS_RDKAFKA_TAG_MAX) {
        tags->status = DS_ERR_INVALID;
        return;
    }
    tags->tag[tags->count].ptr = text;
    tags->tag[tags->count].len = (size_t)length;
    tags->count++;
}

/* What the edges of a program are for. */
typedef enum ds_rdkafka_kind {
    DS_RDKAFKA_IN,            /* messages that a group reads */
    DS_RDKAFKA_OUT,           /* messages that are written */
    DS_RDKAFKA_PRODUCED,      /* offsets that produced messages got */
    DS_RDKAFKA_COMMITTED,     /* offsets that a group committed */
    DS_RDKAFKA_HIGH_WATERMARK /* where partitions end */
} ds_rdkafka_kind;

/* The edge of a kind and a topic; group is for IN and COMMITTED, and ignored otherwise. Intern it once, not for each
 * message. On an error *edge is not written; a zero edge is refused by the other functions, harmlessly. Any thread. */
static inline ds_status ds_rdkafka_edge(const ds_client *client, ds_rdkafka_kind kind, const char *topic,
                                        const char *group, const char *cluster_id, ds_edge *edge) {
    ds_rdkafka_tags_ tags;
    ds_str service;
    tags.count = 0;
    tags.status = DS_OK;
    service.ptr = NULL; /* the client's own */
    service.len = 0;
    switch (kind) {
    case DS_RDKAFKA_IN:
        ds_rdkafka_tag_(&tags, "direction", "in");
        ds_rdkafka_tag_(&tags, "group", group);
        ds_rdkafka_tag_(&tags, "type", "kafka");
        break;
    case DS_RDKAFKA_OUT:
        ds_rdkafka_tag_(&tags, "direction", "out");
        ds_rdkafka_tag_(&tags, "type", "kafka");
        break;
    case DS_RDKAFKA_PRODUCED:
        ds_rdkafka_tag_(&tags, "type", "kafka_produce");
        break;
    case DS_RDKAFKA_COMMITTED:
        ds_rdkafka_tag_(&tags, "consumer_group", group);
        ds_rdkafka_tag_(&tags, "type", "kafka_commit");
        break;
    case DS_RDKAFKA_HIGH_WATERMARK:
        ds_rdkafka_tag_(&tags, "type", "kafka_high_watermark");
        break;
    default:
        return DS_ERR_INVALID;
    }
    ds_rdkafka_tag_(&tags, "topic", topic);
    if (cluster_id != NULL && cluster_id[0] != '\0') ds_rdkafka_tag_(&tags, "kafka_cluster_id", cluster_id);
    if (tags.status != DS_OK) return tags.status;
    return ds_edge_intern(client, tags.tag, tags.count, service, edge);
}

/* The edge of messages that a group reads from a topic: direction:in, group, topic, type:kafka. */
static inline ds_status ds_rdkafka_edge_in(const ds_client *client, const char *topic, const char *group,
                                           const char *cluster_id, ds_edge *edge) {
    return ds_rdkafka_edge(client, DS_RDKAFKA_IN, topic, group, cluster_id, edge);
}

/* The edge of messages that are written to a topic: direction:out, topic, type:kafka. */
static inline ds_status ds_rdkafka_edge_out(const ds_client *client, const char *topic, const char *cluster_id,
                                            ds_edge *edge) {
    return ds_rdkafka_edge(client, DS_RDKAFKA_OUT, topic, NULL, cluster_id, edge);
}

/* The edges of one kind by topic, for callbacks and for programs that meet many topics (a subscription to a pattern,
 * say). It remembers DS_RDKAFKA_TOPICS_MAX topics; topics beyond them are interned at each call, which is slower and
 * otherwise the same. For one thread at a time. Nothing to free; it borrows client, group and cluster_id. */
typedef struct ds_rdkafka_topics {
    const ds_client *client;
    ds_rdkafka_kind kind;
    const char *group, *cluster_id;
    size_t count;
    struct {
        char name[250];
        ds_edge edge;
    } topic[DS_RDKAFKA_TOPICS_MAX];
} ds_rdkafka_topics;

/* Makes a table. group is for IN and COMMITTED, else NULL. */
static inline void ds_rdkafka_topics_init(ds_rdkafka_topics *topics, const ds_client *client, ds_rdkafka_kind kind,
                                          const char *group, const char *cluster_id) {
    if (topics == NULL) return;
    topics->client = client;
    topics->kind = kind;
    topics->group = group;
    topics->cluster_id = cluster_id;
    topics->count = 0;
}

/* The edge of a topic, from the table or interned. */
static inline ds_status ds_rdkafka_topics_edge(ds_rdkafka_topics *topics, const char *topic, ds_edge *edge) {
    ds_status status;
    size_t i;
    if (topics == NULL || topic == NULL || edge == NULL) return DS_ERR_NULL;
    for (i = 0; i < topics->count; i++) {
        if (strcmp(topics->topic[i].name, topic) == 0) {
            *edge = topics->topic[i].edge;
            return DS_OK;
        }
    }
    status = ds_rdkafka_edge(topics->client, topics->kind, topic, topics->group, topics->cluster_id, edge);
    if (status == DS_OK && i < DS_RDKAFKA_TOPICS_MAX && strlen(topic) < sizeof topics->topic[i].name) {
        strcpy(topics->topic[i].name, topic);
        topics->topic[i].edge = *edge;
        topics->count++;
    }
    return status;
}

/* Copies the cluster's id into text and returns text, or makes text empty and returns NULL: the broker did not tell
 * within timeout_ms, is older than 0.10.1, or the id does not fit. Waits: call it at the start, not for messages. */
static inline const char *ds_rdkafka_cluster_id(rd_kafka_t *rk, int timeout_ms, char *text, size_t cap) {
    char *id;
    size_t length;
    if (text == NULL || cap == 0) return NULL;
    text[0] = '\0';
    if (rk == NULL) return NULL;
    id = rd_kafka_clusterid(rk, timeout_ms);
    if (id == NULL) return NULL;
    length = strlen(id);
    if (length > 0 && length < cap) memcpy(text, id, length + 1);
    rd_kafka_mem_free(rk, id);
    return text[0] != '\0' ? text : NULL;
}

/* ---- messages ----------------------------------------------------------------------------------------------- */

/* What a message's headers hold: where our header is, and how many bytes all others take. */
typedef struct ds_rdkafka_found {
    const uint8_t *header; /* NULL: none; borrowed from the headers */
    size_t header_len;
    uint64_t others; /* bytes of the names and values of all headers but ours; a null value counts 0 */
} ds_rdkafka_found;

/* Looks for our header: the last under DS_HEADER_KEY, as producers that add without removing leave the newest last;
 * when there is none, or it cannot be read, the last under DS_HEADER_KEY_LEGACY. headers may be NULL. */
static inline ds_rdkafka_found ds_rdkafka_find(const rd_kafka_headers_t *headers) {
    ds_rdkafka_found found;
    const void *value;
    const uint8_t *legacy = NULL;
    const char *name;
    size_t size, legacy_len = 0, i;
    ds_pathway read;
    found.header = NULL;
    found.header_len = 0;
    found.others = 0;
    if (headers == NULL) return found;
    for (i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        if (value == NULL) size = 0;
        if (strcmp(name, DS_HEADER_KEY) == 0) {
            found.header = size > 0 ? (const uint8_t *)value : NULL;
            found.header_len = size;
        } else if (strcmp(name, DS_HEADER_KEY_LEGACY) == 0) {
            legacy = size > 0 ? (const uint8_t *)value : NULL;
            legacy_len = size;
        } else {
            found.others += strlen(name) + size;
        }
    }
    /* Both are there only when a producer also writes for old readers: only then is the first one tried here. When
     * neither can be read, the first one is handed on, to be counted as unreadable. */
    if (legacy != NULL &&
        (found.header == NULL || (ds_pathway_decode(found.header, found.header_len, 0, &read) != DS_OK &&
                                  ds_pathway_decode(legacy, legacy_len, 0, &read) == DS_OK))) {
        found.header = legacy;
        found.header_len = legacy_len;
    }
    return found;
}

/* A message was consumed. Call it for what rd_kafka_consumer_poll or a consume callback returned, before the work on
 * the message begins: *pathway becomes its pathway, for ds_rdkafka_produce of messages that this one causes.
 *
 * A message with an error (also RD_KAFKA_RESP_ERR__PARTITION_EOF) is not a consumed message: nothing is recorded,
 * DS_ERR_INVALID. A message without a value (a tombstone) is one, of the size of its key and headers. When it has no
 * header that can be read, a pathway starts, at the message's timestamp: the time in the queue is then known, even
 * though its producer does not take part. Timestamps that lie too far off are ignored, and counted.
 *
 * On every error *pathway becomes zero, which ds_rdkafka_produce takes as "no pathway", so that a variable used for
 * many messages cannot carry the pathway of one to the next. pathway may be NULL, for programs that only consume.
 * Any thread. */
static inline ds_status ds_rdkafka_consume(const ds_client *client, ds_edge edge, const rd_kafka_message_t *message,
                                           ds_pathway *pathway) {
    ds_options options = DS_OPTIONS_INIT;
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    rd_kafka_headers_t *headers = NULL;
    ds_rdkafka_found found;
    uint64_t size;
    int64_t at_ms;
    if (pathway != NULL) memset(pathway, 0, sizeof *pathway);
    if (message == NULL) return DS_ERR_NULL;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return DS_ERR_INVALID;
    /* An error means that there are no headers. The headers stay the message's. */
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) headers = NULL;
    found = ds_rdkafka_find(headers);
    size = found.others;
    if (message->key != NULL) size += message->key_len;
    if (message->payload != NULL) size += message->len;
    at_ms = rd_kafka_message_timestamp(message, &kind);
    if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && at_ms > 0 && at_ms <= INT64_MAX / 1000000)
        options.queued_ns = at_ms * 1000000;
    return ds_set_checkpoint_with(client, edge, size, &options, found.header, found.header_len, NULL, pathway, NULL,
                                  0, NULL);
}

/* A message is about to be produced. Call it when everything else is in headers, immediately before rd_kafka_producev
 * with RD_KAFKA_V_HEADERS(headers): the pathway is extended by edge, and its header put into headers in place of what
 * was there under our keys. key_len and value_len are those of the message, 0 for none.
 *
 * parent is the pathway of the message that caused this one. When it is NULL or zero, a header that headers already
 * hold is continued (a message that is forwarded with its headers); without one, a pathway starts here. pathway
 * becomes the pathway after; it may be NULL or the same as parent. When one consumed message causes several, NULL
 * lets all of them continue from the consumed one.
 *
 * headers are the caller's: rd_kafka_headers_new(8), or rd_kafka_headers_copy of a consumed message's. Headers that
 * librdkafka refuses to change are found out before anything is recorded: DS_ERR_INVALID. After any other error
 * headers hold nothing under our keys: a stale header would put the message on a wrong pathway.
 *
 * When rd_kafka_producev then fails with RD_KAFKA_RESP_ERR__QUEUE_FULL, poll and call it again with the same headers;
 * do not call this function again, as the message has passed its edge. Brokers older than 0.11 do not take headers
 * at all: do not call it for them; for topics in a format of that time see ds_rdkafka_headers_refused, and for messages
 * about as large as message.max.bytes ds_rdkafka_fits. Any thread. */
static inline ds_status ds_rdkafka_produce(const ds_client *client, ds_edge edge, rd_kafka_headers_t *headers,
                                           size_t key_len, size_t value_len, const ds_pathway *parent,
                                           ds_pathway *pathway) {
    ds_rdkafka_found found;
    uint8_t kept[128], out[DS_HEADER_MAX];
    size_t kept_len = 0, out_len = 0;
    rd_kafka_resp_err_t removed, removed_legacy;
    ds_pathway after;
    ds_status status;
    if (headers == NULL) return DS_ERR_NULL;
    found = ds_rdkafka_find(headers);
    /* A copy, because it is removed next. No readable form is longer, and bytes after a readable one are ignored. */
    if ((parent == NULL || parent->start_ns == 0) && found.header != NULL) {
        kept_len = found.header_len < sizeof kept ? found.header_len : sizeof kept;
        memcpy(kept, found.header, kept_len);
    }
    /* Removing tells whether headers can be changed; adding to headers that can be changed has no way to fail. So
     * nothing is recorded for a message that then travels without its header. */
    removed = rd_kafka_header_remove(headers, DS_HEADER_KEY);
    removed_legacy = rd_kafka_header_remove(headers, DS_HEADER_KEY_LEGACY);
    if ((removed != RD_KAFKA_RESP_ERR_NO_ERROR && removed != RD_KAFKA_RESP_ERR__NOENT) ||
        (removed_legacy != RD_KAFKA_RESP_ERR_NO_ERROR && removed_legacy != RD_KAFKA_RESP_ERR__NOENT))
        return DS_ERR_INVALID;
    status = ds_set_checkpoint(client, edge, found.others + key_len + value_len, kept_len > 0 ? kept : NULL,
                               kept_len, parent, &after, out, sizeof out, &out_len);
    if (status != DS_OK) return status;
    if (pathway != NULL) *pathway = after;
    if (out_len > 0 && rd_kafka_header_add(headers, DS_HEADER_KEY, -1, out, (ssize_t)out_len) !=
                           RD_KAFKA_RESP_ERR_NO_ERROR)
        return DS_ERR_INVALID;
    return DS_OK;
}

/* The most bytes of a message that a producer takes, its message.max.bytes, for ds_rdkafka_fits. 0: not known. Any thread. */
static inline size_t ds_rdkafka_max_bytes(rd_kafka_t *producer) {
    char text[32];
    size_t size = sizeof text;
    if (producer == NULL ||
        rd_kafka_conf_get(rd_kafka_conf(producer), "message.max.bytes", text, &size) != RD_KAFKA_CONF_OK)
        return 0;
    return (size_t)strtoull(text, NULL, 10);
}

/* Whether a message has room for our header: 1, or 0 when it is to be produced without ds_rdkafka_produce, because it would
 * be larger with it than librdkafka or the broker takes. Only programs with messages that may be about as large as that need
 * to ask. max_bytes is what ds_rdkafka_max_bytes returned, or the topic's max.message.bytes where that is less; 0: there is
 * always room. The answer is on the safe side by some 30 bytes. headers may be NULL. Any thread. */
static inline int ds_rdkafka_fits(size_t max_bytes, const rd_kafka_headers_t *headers, size_t key_len, size_t value_len) {
    /* What stands around a message in a batch of its own, and around each header; ours. */
    const uint64_t batch = 61 + 36, around = 2 * 5, ours = sizeof DS_HEADER_KEY - 1 + DS_HEADER_MAX + 2;
    uint64_t size = batch + ours + key_len;
    const void *value;
    const char *name;
    size_t len, i;
    for (i = 0; headers != NULL &&
                rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        if (strcmp(name, DS_HEADER_KEY) != 0 && strcmp(name, DS_HEADER_KEY_LEGACY) != 0)
            size += around + strlen(name) + (value != NULL ? len : 0);
    }
    return max_bytes == 0 || (size <= max_bytes && value_len <= max_bytes - size);
}

/* Also writes the pathway in binary under DS_HEADER_KEY_LEGACY, the only key that data-streams-go reads. Only for
 * messages that such old programs consume: after ds_rdkafka_produce, with the pathway that it gave. Any thread. */
static inline ds_status ds_rdkafka_legacy_header(rd_kafka_headers_t *headers, const ds_pathway *pathway) {
    uint8_t out[DS_HEADER_MAX];
    size_t out_len = 0;
    rd_kafka_resp_err_t removed;
    ds_status status;
    if (headers == NULL || pathway == NULL) return DS_ERR_NULL;
    status = ds_pathway_encode(pathway, 1, out, sizeof out, &out_len);
    if (status != DS_OK) return status;
    removed = rd_kafka_header_remove(headers, DS_HEADER_KEY_LEGACY);
    if (removed != RD_KAFKA_RESP_ERR_NO_ERROR && removed != RD_KAFKA_RESP_ERR__NOENT) return DS_ERR_INVALID;
    if (out_len > 0 && rd_kafka_header_add(headers, DS_HEADER_KEY_LEGACY, -1, out, (ssize_t)out_len) !=
                           RD_KAFKA_RESP_ERR_NO_ERROR)
        return DS_ERR_INVALID;
    return DS_OK;
}

/* Whether the messages of a producer carry headers. One for each producer, in static memory or zero at the beginning. */
typedef struct ds_rdkafka_headers {
    int refused; /* use the functions below */
} ds_rdkafka_headers;

/* Whether to call ds_rdkafka_produce: 0 from the first refusal on. Any thread. */
static inline int ds_rdkafka_headers_on(const ds_rdkafka_headers *headers) {
#if defined(__GNUC__) || defined(__clang__)
    return headers == NULL || !__atomic_load_n(&headers->refused, __ATOMIC_RELAXED);
#else
    return headers == NULL || !*(const volatile int *)&headers->refused;
#endif
}

/* Was this message refused because of our header? Call it in the delivery report callback for every message, with the
 * headers of its producer. A broker whose topics have the format from before Kafka 0.11 (log.message.format.version) refuses
 * messages with headers, and says no more than RD_KAFKA_RESP_ERR_UNKNOWN; it drops all that came in one batch with them.
 * From the first such answer on ds_rdkafka_headers_on is 0: pathways end at this producer, which the program should tell.
 *
 * 1: the message had no headers but ours, and can be produced again without: rd_kafka_producev with its topic, partition,
 * key and payload from within the callback, which is then behind those that are queued. Do that as often as 1 is returned,
 * but not for ever, as a broker can have other reasons for an unknown error: messages that were queued with the header
 * before the first refusal can take it with them once or twice more. 0: the message was delivered, or failed for another
 * reason. Any thread. */
static inline int ds_rdkafka_headers_refused(ds_rdkafka_headers *headers, const rd_kafka_message_t *message) {
    rd_kafka_headers_t *sent = NULL;
    const void *value;
    const char *name;
    size_t size, count = 0;
    if (headers == NULL || message == NULL ||
        (message->err != RD_KAFKA_RESP_ERR_UNKNOWN && message->err != RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT))
        return 0;
    if (rd_kafka_message_headers(message, &sent) != RD_KAFKA_RESP_ERR_NO_ERROR) sent = NULL;
    while (sent != NULL && rd_kafka_header_get_all(sent, count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (strcmp(name, DS_HEADER_KEY) != 0 && strcmp(name, DS_HEADER_KEY_LEGACY) != 0) return 0; /* the program's own */
        count++;
    }
    if (count == 0) return !ds_rdkafka_headers_on(headers);
#if defined(__GNUC__) || defined(__clang__)
    __atomic_store_n(&headers->refused, 1, __ATOMIC_RELAXED);
#else
    *(volatile int *)&headers->refused = 1;
#endif
    return 1;
}

/* ---- offsets ------------------------------------------------------------------------------------------------ */

/* The offset that a produced message got. Call it in the delivery report callback (rd_kafka_conf_set_dr_msg_cb) for
 * every message, with a table of kind PRODUCED. A message that was not delivered, or whose offset is not known
 * (acks=0, or a retry of an idempotent producer), has none: DS_ERR_INVALID. */
static inline ds_status ds_rdkafka_track_delivery(ds_rdkafka_topics *produced, const rd_kafka_message_t *message) {
    ds_edge backlog;
    ds_status status;
    if (produced == NULL || message == NULL) return DS_ERR_NULL;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || message->offset < 0 || message->rkt == NULL)
        return DS_ERR_INVALID;
    status = ds_rdkafka_topics_edge(produced, rd_kafka_topic_name(message->rkt), &backlog);
    if (status != DS_OK) return status;
    return ds_track_offset(produced->client, backlog, message->partition, message->offset);
}

/* The offsets that a group committed: the next offset to read, as Kafka keeps them. Call it in the offset commit
 * callback (rd_kafka_conf_set_offset_commit_cb), which also runs for automatic commits, or after
 * rd_kafka_commit(..., 0) with its list; with a table of kind COMMITTED. err is the callback's, or what rd_kafka_commit
 * returned; partitions that failed or have no offset are left out. Returns the first error. */
static inline ds_status ds_rdkafka_track_commit(ds_rdkafka_topics *committed, rd_kafka_resp_err_t err,
                                                const rd_kafka_topic_partition_list_t *offsets) {
    ds_status first = DS_OK, status;
    ds_edge backlog;
    int i;
    if (committed == NULL) return DS_ERR_NULL;
    if (err == RD_KAFKA_RESP_ERR__NO_OFFSET) return DS_OK; /* there was nothing to commit */
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return DS_ERR_INVALID;
    if (offsets == NULL) return DS_ERR_NULL;
    for (i = 0; i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &offsets->elems[i];
        if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR || one->offset < 0) continue;
        status = ds_rdkafka_topics_edge(committed, one->topic, &backlog);
        if (status == DS_OK) status = ds_track_offset(committed->client, backlog, one->partition, one->offset);
        if (first == DS_OK) first = status;
    }
    return first;
}

/* Where the partitions that a consumer is assigned end, as the last fetch told it: no request is made. Call it once in
 * a while (every second is plenty) in the thread that polls, with a table of kind HIGH_WATERMARK; with the commits it
 * gives the lag even when the producers do not take part. Returns the first error. */
static inline ds_status ds_rdkafka_track_high_watermarks(ds_rdkafka_topics *ends, rd_kafka_t *consumer) {
    rd_kafka_topic_partition_list_t *assigned = NULL;
    ds_status first = DS_OK, status;
    int64_t low, high;
    ds_edge backlog;
    int i;
    if (ends == NULL || consumer == NULL) return DS_ERR_NULL;
    if (rd_kafka_assignment(consumer, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR || assigned == NULL)
        return DS_ERR_INVALID;
    for (i = 0; i < assigned->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &assigned->elems[i];
        low = high = RD_KAFKA_OFFSET_INVALID;
        if (rd_kafka_get_watermark_offsets(consumer, one->topic, one->partition, &low, &high) !=
                RD_KAFKA_RESP_ERR_NO_ERROR ||
            high < 0)
            continue; /* nothing was fetched from it yet */
        status = ds_rdkafka_topics_edge(ends, one->topic, &backlog);
        if (status == DS_OK) status = ds_track_offset(ends->client, backlog, one->partition, high);
        if (first == DS_OK) first = status;
    }
    rd_kafka_topic_partition_list_destroy(assigned);
    return first;
}

#ifdef __cplusplus
}
#endif
#endif
