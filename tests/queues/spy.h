/* What a helper's header hands to the library is looked at on its way, and then handed on. Include before the helper. */
#ifndef SPY_H
#define SPY_H
#include "check.h"

static struct {
    uint64_t size;
    int64_t queued_ns;
    size_t header_len;
    int checkpoints;
} spy;

static inline ds_status spy_checkpoint(const ds_client *client, ds_edge edge, uint64_t size, const ds_options *options,
                                       const uint8_t *header, size_t header_len, const ds_pathway *parent,
                                       ds_pathway *pathway, uint8_t *out, size_t out_cap, size_t *out_len) {
    spy.size = size;
    spy.queued_ns = options != NULL ? options->queued_ns : 0;
    spy.header_len = header_len;
    spy.checkpoints++;
    return ds_set_checkpoint_with(client, edge, size, options, header, header_len, parent, pathway, out, out_cap,
                                  out_len);
}

/* Whether an edge has exactly these tags; the last is NULL. */
static inline int same_edge(const ds_client *client, ds_edge edge, const char *const *tags) {
    ds_str list[8];
    ds_edge other = {0};
    size_t count = 0;
    for (; tags[count] != NULL; count++) {
        list[count].ptr = tags[count];
        list[count].len = strlen(tags[count]);
    }
    return ds_edge_intern(client, list, count, DS_STR(""), &other) == DS_OK && other.id == edge.id;
}

#define TAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define ds_set_checkpoint(client, edge, size, header, header_len, parent, pathway, out, cap, len) \
    spy_checkpoint(client, edge, size, NULL, header, header_len, parent, pathway, out, cap, len)
#define ds_set_checkpoint_with spy_checkpoint
#endif
