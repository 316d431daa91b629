/* topics.c - see topics.h. Entries are put before all others by one exchange, and stay until the end: no locks. */
#include "topics.h"
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_NS 1000000000

static size_t bucket_of_handle(const void *handle) {
    const uint64_t bits = (uint64_t)(uintptr_t)handle;
    return (size_t)((bits * 0x9E3779B97F4A7C15u) >> 58) % TOPICS_BUCKETS;
}

static size_t bucket_of_name(const char *name) {
    uint32_t sum = 5381;
    while (*name != '\0') sum = sum * 33 + (unsigned char)*name++;
    return sum % TOPICS_BUCKETS;
}

static const struct topic *newest(const struct topics *topics, size_t bucket) {
    return __atomic_load_n(&topics->bucket[bucket], __ATOMIC_ACQUIRE);
}

static struct topic *add(struct topics *topics, size_t bucket, const void *handle, const char *name,
                         const char *cluster) {
    const size_t length = strlen(name) + 1;
    struct topic *topic;
    int i;
    if (__atomic_load_n(&topics->count, __ATOMIC_RELAXED) >= TOPICS_MAX) return NULL;
    topic = calloc(1, sizeof *topic + length);
    if (topic == NULL) return NULL;
    __atomic_fetch_add(&topics->count, 1, __ATOMIC_RELAXED);
    topic->handle = handle;
    topic->cluster = cluster;
    memcpy(topic->name, name, length);
    for (i = 0; i < TOPIC_PARTITIONS; i++) topic->look[i].partition = -1;
    if (handle != NULL)
        topic->messages =
            kafka_edge(topics->client, topics->consumes ? EDGE_IN : EDGE_OUT, name, topics->group, cluster);
    if (handle != NULL && topics->consumes)
        topic->ends = kafka_edge(topics->client, EDGE_HIGH_WATERMARK, name, "", cluster);
    if (!topics->consumes)
        topic->offsets = kafka_edge(topics->client, EDGE_PRODUCED, name, "", cluster);
    else if (handle == NULL)
        topic->offsets = kafka_edge(topics->client, EDGE_COMMITTED, name, topics->group, cluster);
    topic->next = newest(topics, bucket);
    while (!__atomic_compare_exchange_n(&topics->bucket[bucket], &topic->next, topic, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
    }
    return topic;
}

struct topic *topics_of_message(struct topics *topics, const void *handle, const char *name, const char *cluster) {
    const size_t bucket = bucket_of_handle(handle);
    const struct topic *topic = newest(topics, bucket);
    struct topic *added;
    bool same;
    while (topic != NULL && topic->handle != handle) topic = topic->next;
    /* An older topic that had the handle is behind the newer one, and not found any more. */
    same = topic != NULL && strcmp(topic->name, name) == 0;
    if (same && topic->cluster == cluster) return (struct topic *)topic;
    added = add(topics, bucket, handle, name, cluster);
    /* The cluster's id was learned since. */
    if (same && added != NULL && __atomic_load_n(&topic->refuses_headers, __ATOMIC_RELAXED))
        __atomic_store_n(&added->refuses_headers, true, __ATOMIC_RELAXED);
    return added;
}

struct topic *topics_of_handle(const struct topics *topics, const void *handle) {
    const struct topic *topic = newest(topics, bucket_of_handle(handle));
    while (topic != NULL && topic->handle != handle) topic = topic->next;
    return (struct topic *)topic;
}

const struct topic *topics_of_name(struct topics *topics, const char *name, const char *cluster) {
    const size_t bucket = bucket_of_name(name);
    const struct topic *topic = newest(topics, bucket);
    while (topic != NULL && (topic->handle != NULL || strcmp(topic->name, name) != 0)) topic = topic->next;
    if (topic != NULL && topic->cluster == cluster) return topic;
    return add(topics, bucket, NULL, name, cluster);
}

bool topic_look(struct topic *topic, int32_t partition, int64_t now_ns) {
    const size_t slot = (size_t)(uint32_t)partition % TOPIC_PARTITIONS;
    int64_t due_ns = __atomic_load_n(&topic->look[slot].due_ns, __ATOMIC_RELAXED);
    /* Two partitions that share a slot are looked at more often, and none less. A clock that was set back must not keep
     * a partition from being looked at. */
    if (__atomic_load_n(&topic->look[slot].partition, __ATOMIC_RELAXED) == partition && now_ns < due_ns &&
        now_ns > due_ns - 2 * LOOK_EVERY_NS)
        return false;
    __atomic_store_n(&topic->look[slot].partition, partition, __ATOMIC_RELAXED);
    __atomic_store_n(&topic->look[slot].due_ns, now_ns + LOOK_EVERY_NS, __ATOMIC_RELAXED);
    return true;
}

void topics_free(struct topics *topics) {
    size_t bucket;
    for (bucket = 0; bucket < TOPICS_BUCKETS; bucket++) {
        const struct topic *topic = topics->bucket[bucket];
        while (topic != NULL) {
            const struct topic *next = topic->next;
            free((void *)(uintptr_t)topic);
            topic = next;
        }
        topics->bucket[bucket] = NULL;
    }
    topics->count = 0;
}
