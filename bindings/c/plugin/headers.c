/* headers.c - see headers.h. */
#include "headers.h"
#include <datastreams.h>
#include <string.h>

/* Bytes of a length on the wire: zigzag, seven bits in a byte. */
static uint64_t length_bytes(uint64_t length) {
    uint64_t bytes = 1;
    for (length <<= 1; length >= 128; length >>= 7) bytes++;
    return bytes;
}

struct headers_found headers_find(const struct rdkafka_api *api, const rd_kafka_headers_t *headers) {
    struct headers_found found = {NULL, 0, false, 0, 0};
    const uint8_t *legacy = NULL;
    const void *value;
    const char *name;
    size_t size, legacy_len = 0, i;
    ds_pathway read;
    if (headers == NULL) return found;
    for (i = 0; api->header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        if (value == NULL) size = 0;
        if (strcmp(name, DS_HEADER_KEY) == 0) {
            found.header = size > 0 ? value : NULL;
            found.header_len = size;
            found.ours = true;
        } else if (strcmp(name, DS_HEADER_KEY_LEGACY) == 0) {
            legacy = size > 0 ? value : NULL;
            legacy_len = size;
            found.ours = true;
        } else {
            const size_t length = strlen(name);
            found.others += length + size;
            found.wire += length_bytes(length) + length + length_bytes(size) + size;
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

bool headers_only_ours(const struct rdkafka_api *api, const rd_kafka_headers_t *headers) {
    const void *value;
    const char *name;
    size_t size, i;
    if (headers == NULL) return false;
    for (i = 0; api->header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        if (strcmp(name, DS_HEADER_KEY) != 0 && strcmp(name, DS_HEADER_KEY_LEGACY) != 0) return false;
    return i > 0;
}
