/* parent.h - what a produced message continues.
 *
 * librdkafka has no place for the pathway of the message that a program works on, and the program does not know about
 * us. What is left is to remember what was consumed last: on this thread, or in this process. */
#ifndef DS_PLUGIN_PARENT_H
#define DS_PLUGIN_PARENT_H
#include <datastreams.h>
#include <stdbool.h>

typedef enum parent_kind {
    PARENT_THREAD, /* the message that this thread consumed last */
    PARENT_PROCESS, /* the message that any thread consumed last */
    PARENT_NONE    /* nothing: every message begins a pathway, unless it carries a header */
} parent_kind;

/* Messages that are consumed within this time, and nothing is produced in between, are a batch: what is produced next
 * continues the merge of them. A batch that librdkafka hands out takes microseconds for each message; a program that
 * produces for few of the messages that it consumes is misled by this time at most. */
#define PARENT_BATCH_NS 10000000
/* Of a larger batch, a thread merges so many: any of them. */
#define PARENT_BATCH_MAX 32

/* A message was consumed at now_ns. Never waits. Any thread. */
void parent_consumed(parent_kind kind, const ds_pathway *pathway, int64_t now_ns);

/* What a message that is produced now continues. False: nothing. Never waits. Any thread. */
bool parent_find(parent_kind kind, ds_pathway *parent);

/* In a forked child: forgets what another thread may have been writing. */
void parent_after_fork(void);

#endif
