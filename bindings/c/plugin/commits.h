/* commits.h - offsets that are committed with transactions, which interceptors are not told.
 *
 * They are sent by a producer for the group of a consumer. So when a producer of the process ends a transaction, the groups of
 * the process's consumers are asked what they have committed: half a second later, and so again as long as transactions
 * end, by a thread of our own that ends when none does. Needs librdkafka 2.0. */
#ifndef DS_PLUGIN_COMMITS_H
#define DS_PLUGIN_COMMITS_H
#include "rdkafka_api.h"
#include <stdbool.h>

/* A client whose group is asked for. */
struct commits {
    struct commits *next;
    const struct rdkafka_api *api;
    rd_kafka_t *rk;
    const char *group;
    void (*committed)(const rd_kafka_topic_partition_list_t *offsets, void *opaque);
    void *opaque;
    unsigned asked; /* in this round */
    bool joined, ended; /* ended: atomic */
};

/* A client begins. Nothing happens when it has no group, or when this librdkafka cannot be asked. committed is called from
 * our thread, with offsets that are borrowed. Any thread. */
void commits_join(struct commits *commits);

/* It ends: nothing asks it any more once this returns. Waits for a tenth of a second at most. Any thread. */
void commits_leave(struct commits *commits);

/* A transaction ends. Any thread, also librdkafka's; waits for nobody. */
void commits_ask(void);

/* In a forked child: there are no clients. */
void commits_after_fork(void);

#endif
