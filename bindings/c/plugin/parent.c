/* parent.c - see parent.h. */
#include "parent.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Merging costs more than all else here, and most messages that are consumed cause none: a thread keeps what it consumed,
 * and merges when it produces. */
static __thread struct {
    ds_pathway pathway[PARENT_BATCH_MAX]; /* of the batch, each message as likely as the others; or what was merged */
    uint32_t count;                       /* of the batch; 0: nothing was consumed */
    uint64_t chance;                      /* which messages of a larger batch are kept */
    int64_t since_ns;                     /* when the batch began */
    bool open;                            /* nothing was produced since */
} of_thread;

static bool same_batch(bool open, int64_t since_ns, int64_t now_ns) {
    return open && now_ns >= since_ns && now_ns - since_ns < PARENT_BATCH_NS;
}

static void consumed_by_thread(const ds_pathway *pathway, int64_t now_ns) {
    uint32_t at;
    if (!same_batch(of_thread.open, of_thread.since_ns, now_ns)) {
        of_thread.count = 0;
        of_thread.since_ns = now_ns;
        of_thread.open = true;
    }
    at = of_thread.count++;
    if (at >= PARENT_BATCH_MAX) {
        of_thread.chance = of_thread.chance * 6364136223846793005u + 1442695040888963407u;
        at = (uint32_t)(((of_thread.chance >> 32) * of_thread.count) >> 32);
        if (at >= PARENT_BATCH_MAX) return;
    }
    of_thread.pathway[at] = *pathway;
}

static bool parent_of_thread(ds_pathway *parent) {
    const size_t kept = of_thread.count < PARENT_BATCH_MAX ? of_thread.count : PARENT_BATCH_MAX;
    if (kept > 1) {
        if (ds_pathway_merge(of_thread.pathway, kept, &of_thread.pathway[0]) != DS_OK) return false;
        of_thread.count = 1;
    }
    of_thread.open = false;
    *parent = of_thread.pathway[0];
    return kept > 0;
}

/* What the process consumed last; merged at once, as it is not the place for much. */
struct last {
    ds_pathway pathway; /* of the message, or of all messages of the batch */
    int64_t since_ns;   /* when the batch began */
    uint64_t open;      /* 1: nothing was produced since */
};

static void consumed_by_process(struct last *last, const ds_pathway *pathway, int64_t now_ns) {
    if (same_batch(last->open != 0, last->since_ns, now_ns)) {
        ds_pathway both[2];
        both[0] = last->pathway;
        both[1] = *pathway;
        if (ds_pathway_merge(both, 2, &last->pathway) == DS_OK) return;
    }
    last->pathway = *pathway;
    last->since_ns = now_ns;
    last->open = 1;
}

/* That of the process is written by whoever finds nobody else writing, and read by whoever finds it the same before and
 * after: no lock, which a fork could leave locked. An odd turn: somebody writes. */
#define WORDS (sizeof(struct last) / sizeof(uint64_t))
static uint64_t of_process[WORDS];
static uint64_t turn;

static bool read_process(struct last *last, uint64_t *at) {
    uint64_t words[WORDS];
    size_t i;
    *at = __atomic_load_n(&turn, __ATOMIC_ACQUIRE);
    if (*at & 1) return false;
    for (i = 0; i < WORDS; i++) words[i] = __atomic_load_n(&of_process[i], __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&turn, __ATOMIC_RELAXED) != *at) return false;
    memcpy(last, words, sizeof words);
    return true;
}

/* False: another thread wrote meanwhile. */
static bool write_process(const struct last *last, uint64_t at) {
    uint64_t words[WORDS];
    size_t i;
    memcpy(words, last, sizeof words);
    if (!__atomic_compare_exchange_n(&turn, &at, at + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return false;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (i = 0; i < WORDS; i++) __atomic_store_n(&of_process[i], words[i], __ATOMIC_RELAXED);
    __atomic_store_n(&turn, at + 2, __ATOMIC_RELEASE);
    return true;
}

/* How often a thread looks again when others are writing, which takes them nanoseconds. */
#define ATTEMPTS 64

void parent_consumed(parent_kind kind, const ds_pathway *pathway, int64_t now_ns) {
    struct last last;
    uint64_t at;
    if (kind == PARENT_THREAD) consumed_by_thread(pathway, now_ns);
    /* When two threads consume at once, one of both is the last. */
    if (kind != PARENT_PROCESS || !read_process(&last, &at)) return;
    consumed_by_process(&last, pathway, now_ns);
    write_process(&last, at);
}

bool parent_find(parent_kind kind, ds_pathway *parent) {
    struct last last;
    uint64_t at;
    int i;
    if (kind == PARENT_THREAD) return parent_of_thread(parent);
    if (kind == PARENT_NONE) return false;
    for (i = 0; i < ATTEMPTS; i++) {
        if (!read_process(&last, &at)) continue;
        *parent = last.pathway;
        if (last.open) {
            last.open = 0;
            write_process(&last, at); /* else a message was consumed since, and a new batch may have begun */
        }
        return parent->start_ns != 0;
    }
    return false;
}

void parent_after_fork(void) {
    if ((turn & 1) == 0) return;
    memset(of_process, 0, sizeof of_process);
    turn++;
}
