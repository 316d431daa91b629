/* headers.h - what a message's headers hold. */
#ifndef DS_PLUGIN_HEADERS_H
#define DS_PLUGIN_HEADERS_H
#include "rdkafka_api.h"
#include <stddef.h>
#include <stdint.h>

struct headers_found {
    const uint8_t *header; /* ours, to be read; NULL: none. Borrowed from the headers */
    size_t header_len;
    bool ours;       /* there is something under our keys, be it empty */
    uint64_t others; /* bytes of the names and values of all headers but ours; a null value counts 0 */
    uint64_t wire;   /* bytes that those take on the wire */
};

/* The bytes that a header of ours takes on the wire at most: lengths below 64 take a byte each. */
#define HEADERS_OURS_WIRE (sizeof DS_HEADER_KEY - 1 + DS_HEADER_MAX + 2)

/* Whether ours is the only header, or there are only ours. */
bool headers_only_ours(const struct rdkafka_api *api, const rd_kafka_headers_t *headers);

/* Looks for our header: the last under DS_HEADER_KEY, as producers that add without removing leave the newest last; when
 * there is none, or it cannot be read, the last under DS_HEADER_KEY_LEGACY. headers may be NULL. */
struct headers_found headers_find(const struct rdkafka_api *api, const rd_kafka_headers_t *headers);

#endif
