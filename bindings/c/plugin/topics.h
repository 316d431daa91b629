/* topics.h - the edges of the topics that one client of librdkafka meets. */
#ifndef DS_PLUGIN_TOPICS_H
#define DS_PLUGIN_TOPICS_H
#include "edges.h"
#include <datastreams.h>
#include <stdbool.h>
#include <stdint.h>

#define TOPICS_BUCKETS 64
/* The most topics that are kept. Beyond them messages are recorded all the same, slower and without their offsets; the
 * client's bound on edges (max_edges, counted by cut_edges) comes first. */
#define TOPICS_MAX 8192
#define TOPIC_PARTITIONS 16

/* A topic as a handle of librdkafka's and its edges; never changed once it is in a table, but for the last three. */
struct topic {
    const struct topic *next; /* in its bucket, newest first */
    const void *handle;       /* NULL: found by its name */
    const char *cluster;      /* the id that the edges name, or "" */
    ds_edge messages;         /* they pass this; only of a handle */
    ds_edge offsets;          /* of what is produced or committed */
    ds_edge ends;             /* of partitions that are consumed; only of a handle */
    bool takes_headers, refuses_headers; /* a message with ours was, or never was and one was not. Atomic */
    struct {
        int64_t partition, due_ns; /* when to look where this partition ends; atomic, each for itself */
    } look[TOPIC_PARTITIONS];
    char name[];
};

struct topics {
    const ds_client *client;
    bool consumes;     /* messages are consumed, offsets committed; else both produced */
    const char *group; /* of a consumer, or "" */
    const struct topic *bucket[TOPICS_BUCKETS];
    uint32_t count;
};

/* The topic of a message. The handle may be one that another topic had before: only together with the name it says which
 * topic is meant. NULL when there is no room. Never waits. Any thread. */
struct topic *topics_of_message(struct topics *topics, const void *handle, const char *name, const char *cluster);

/* The topic of a message that topics_of_message was called for, and that has not been destroyed since: it holds its
 * handle, which is therefore nobody else's. NULL: it was not. Calls nothing of librdkafka. Any thread. */
struct topic *topics_of_handle(const struct topics *topics, const void *handle);

/* The topic of this name, where there is no handle. NULL when there is no room. Any thread. */
const struct topic *topics_of_name(struct topics *topics, const char *name, const char *cluster);

/* Whether to look where a partition ends: once in a second. Any thread. */
bool topic_look(struct topic *topic, int32_t partition, int64_t now_ns);

/* No thread may be using the table. */
void topics_free(struct topics *topics);

#endif
