/* datastreams_message.h - what the headers for message queues have in common: tags, and the search for our header among
 * a message's. Included by datastreams_amqp.h and datastreams_nats.h (C99 and C++11). A helper for another queue starts
 * here; programs need not look into it. */
#ifndef DATASTREAMS_MESSAGE_H
#define DATASTREAMS_MESSAGE_H
#include <stdint.h>
#include <string.h>
#include "datastreams.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most bytes of one tag, as in "topic:orders", and of tags in one edge. */
#define DS_MESSAGE_TAG_MAX 512
#define DS_MESSAGE_TAGS_MAX 4

/* ---- tags --------------------------------------------------------------------------------------------------- */

/* The tags of an edge while they are put together. Begin with ds_message_tags_init. */
typedef struct ds_message_tags {
    ds_str tag[DS_MESSAGE_TAGS_MAX];
    size_t count;
    ds_status status; /* the first error */
    char text[DS_MESSAGE_TAGS_MAX][DS_MESSAGE_TAG_MAX];
} ds_message_tags;

static inline void ds_message_tags_init(ds_message_tags *tags) {
    tags->count = 0;
    tags->status = DS_OK;
}

/* Adds "key:value". A tag that is too long is remembered as DS_ERR_INVALID. */
static inline void ds_message_tag(ds_message_tags *tags, const char *key, const void *value, size_t value_len) {
    const size_t key_len = strlen(key);
    char *text;
    if (tags->status != DS_OK) return;
    if (value == NULL && value_len > 0) {
        tags->status = DS_ERR_NULL;
        return;
    }
    if (tags->count == DS_MESSAGE_TAGS_MAX || value_len > DS_MESSAGE_TAG_MAX ||
        key_len + 1 + value_len > DS_MESSAGE_TAG_MAX) {
        tags->status = DS_ERR_INVALID;
        return;
    }
    text = tags->text[tags->count];
    memcpy(text, key, key_len);
    text[key_len] = ':';
    if (value_len > 0) memcpy(text + key_len + 1, value, value_len);
    tags->tag[tags->count].ptr = text;
    tags->tag[tags->count].len = key_len + 1 + value_len;
    tags->count++;
}

/* The edge of these tags, of the client's own service. On an error *edge is not written. */
static inline ds_status ds_message_edge(const ds_client *client, const ds_message_tags *tags, ds_edge *edge) {
    ds_str service;
    service.ptr = NULL;
    service.len = 0;
    if (tags->status != DS_OK) return tags->status;
    return ds_edge_intern(client, tags->tag, tags->count, service, edge);
}

/* ---- headers ------------------------------------------------------------------------------------------------ */

/* Whether a header is ours: 1 under DS_HEADER_KEY, 2 under DS_HEADER_KEY_LEGACY, else 0. */
static inline int ds_message_ours(const void *name, size_t len) {
    if (len == sizeof DS_HEADER_KEY - 1 && memcmp(name, DS_HEADER_KEY, len) == 0) return 1;
    if (len == sizeof DS_HEADER_KEY_LEGACY - 1 && memcmp(name, DS_HEADER_KEY_LEGACY, len) == 0) return 2;
    return 0;
}

/* Our headers as a message has them, each by its last occurrence, borrowed from the message. Begin with zero. */
typedef struct ds_message_header {
    const uint8_t *ptr; /* under DS_HEADER_KEY; NULL: none */
    size_t len;
    const uint8_t *legacy; /* under DS_HEADER_KEY_LEGACY; NULL: none */
    size_t legacy_len;
} ds_message_header;

/* Takes note of a value under one of our keys; which: the answer of ds_message_ours. An empty one is none. */
static inline void ds_message_header_take(ds_message_header *header, int which, const void *value, size_t len) {
    const uint8_t *ptr = len > 0 ? (const uint8_t *)value : NULL;
    if (which == 1) {
        header->ptr = ptr;
        header->len = ptr != NULL ? len : 0;
    } else if (which == 2) {
        header->legacy = ptr;
        header->legacy_len = ptr != NULL ? len : 0;
    }
}

/* Makes ptr and len the header to go on from: that under DS_HEADER_KEY; the legacy one when there is none, or only the
 * legacy one can be read. When neither can, the first is handed on, to be counted as unreadable. */
static inline void ds_message_header_choose(ds_message_header *header) {
    ds_pathway read;
    if (header->legacy == NULL) return;
    /* Both are there only when a producer also writes for old readers: only then is the first one tried here. */
    if (header->ptr != NULL && (ds_pathway_decode(header->ptr, header->len, 0, &read) == DS_OK ||
                                ds_pathway_decode(header->legacy, header->legacy_len, 0, &read) != DS_OK))
        return;
    header->ptr = header->legacy;
    header->len = header->legacy_len;
}

#ifdef __cplusplus
}
#endif
#endif
