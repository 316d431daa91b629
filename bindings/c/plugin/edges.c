/* edges.c - see edges.h. */
#include "edges.h"
#include <stdio.h>
#include <string.h>

/* The most bytes of one tag. Kafka's topics have 249 at most, its groups and clusters hardly more. */
#define TAG_MAX 512
#define TAGS_MAX 5

struct tags {
    ds_str tag[TAGS_MAX];
    size_t count;
    char text[TAGS_MAX][TAG_MAX];
    int refused;
};

static void add(struct tags *tags, const char *key, const char *value) {
    char *text = tags->text[tags->count];
    int length;
    if (value[0] == '\0') return;
    length = snprintf(text, TAG_MAX, "%s:%s", key, value);
    if (length < 0 || length >= TAG_MAX) {
        tags->refused = 1;
        return;
    }
    tags->tag[tags->count].ptr = text;
    tags->tag[tags->count].len = (size_t)length;
    tags->count++;
}

ds_edge kafka_edge(const ds_client *client, kafka_edge_kind kind, const char *topic, const char *group,
                   const char *cluster) {
    static const ds_str own = {NULL, 0};
    static const ds_edge none = {0};
    struct tags tags;
    ds_edge edge;
    tags.count = 0;
    tags.refused = 0;
    if (kind == EDGE_IN) add(&tags, "direction", "in");
    if (kind == EDGE_OUT) add(&tags, "direction", "out");
    if (kind == EDGE_IN) add(&tags, "group", group);
    if (kind == EDGE_COMMITTED) add(&tags, "consumer_group", group);
    add(&tags, "kafka_cluster_id", cluster);
    add(&tags, "topic", topic);
    switch (kind) {
    case EDGE_IN:
    case EDGE_OUT: add(&tags, "type", "kafka"); break;
    case EDGE_PRODUCED: add(&tags, "type", "kafka_produce"); break;
    case EDGE_COMMITTED: add(&tags, "type", "kafka_commit"); break;
    case EDGE_HIGH_WATERMARK: add(&tags, "type", "kafka_high_watermark"); break;
    }
    if (tags.refused || ds_edge_intern(client, tags.tag, tags.count, own, &edge) != DS_OK) return none;
    return edge;
}
