/* datastreams_nats.h - the few lines that a cnats program needs to measure its messages, of core NATS and JetStream.
 *
 * SYNOPSIS
 *
 *     #include <datastreams_nats.h>    (C99 or C++11; needs datastreams.h, datastreams_message.h, cnats 3.0 or later)
 *
 *     once for each subject: ds_nats_edge_in(client, "orders", "billing", &in);
 *                            ds_nats_edge_out(client, "payments", &out);
 *     subjects by wildcard:  ds_nats_subjects_init(&table, client, DS_NATS_IN, "billing");
 *                            ds_nats_subjects_edge(&table, natsMsg_GetSubject(msg), &in);
 *     a message is consumed: ds_nats_consume(client, in, msg, &pathway);
 *     a message is produced: natsMsg_Create(&msg, "payments", NULL, data, len);
 *                            ds_nats_produce(client, out, nc, msg, &pathway, NULL);
 *                            natsConnection_PublishMsg(nc, msg)  or  js_PublishMsg(&ack, js, msg, NULL, NULL);
 *
 * DESCRIPTION
 *
 * Everything is static inline over the public calls of cnats and datastreams.h: nothing to link but these two. No
 * function here makes a message fail. Whatever goes wrong, the message can go on as it is, without a pathway; the returned
 * status says why and may be ignored (the client counts by cause, see ds_client_counters). A client that is NULL, because
 * ds_client_new failed, is such a case: DS_ERR_NULL. Nothing here waits for a server or an agent.
 *
 * A pathway belongs to a message. Give each message that is in work its own ds_pathway, from ds_nats_consume to the last
 * ds_nats_produce that the message causes; never keep one from message to message.
 *
 * EDGES
 *
 * type:nats, topic:<the message's subject>, and where messages are read group:<queue group, or the durable name of a pull
 * consumer>. Not measured are answers to requests (subjects that begin with "_INBOX.") and what client and server say to
 * each other ("$JS.", "$KV."): they have no edge, DS_ERR_INVALID, and the zero edge is refused by the other functions,
 * harmlessly. Programs with an inbox prefix of their own leave out its subjects themselves.
 *
 * Subjects that hold an id or a time, such as "orders.4711", are an edge each: give a name for them all ("orders.*")
 * instead of the message's subject, in all programs alike.
 *
 * MEMORY
 *
 * A message stays the caller's; ds_nats_produce sets one header in it, in cnats' memory. cnats lists the other headers of
 * a message in an array that is allocated and freed here; messages without headers allocate nothing here.
 *
 * EXAMPLES
 *
 * examples/nats.c: orders, payments and a ledger, over core NATS or JetStream. */
#ifndef DATASTREAMS_NATS_H
#define DATASTREAMS_NATS_H
#if defined(__has_include)
#if __has_include(<nats/nats.h>)
#include <nats/nats.h>
#else
#include <nats.h>
#endif
#else
#include <nats/nats.h>
#endif
#include <stdlib.h>
#include "datastreams_message.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most subjects that one ds_nats_subjects remembers, and the longest. */
#define DS_NATS_SUBJECTS_MAX 32
#define DS_NATS_SUBJECT_MAX 128

/* ---- edges -------------------------------------------------------------------------------------------------- */

/* What the edges of a program are for. */
typedef enum ds_nats_kind {
    DS_NATS_IN, /* messages that are read */
    DS_NATS_OUT /* messages that are written */
} ds_nats_kind;

/* The edge of a kind and a subject. group is for IN: the queue group, or the durable name of a pull consumer; NULL or ""
 * for neither. Intern it once, not for each message. On an error *edge is not written. Any thread. */
static inline ds_status ds_nats_edge(const ds_client *client, ds_nats_kind kind, const char *subject, const char *group,
                                     ds_edge *edge) {
    ds_message_tags tags;
    if (subject == NULL) return DS_ERR_NULL;
    if (subject[0] == '\0' || subject[0] == '$' || strncmp(subject, "_INBOX.", 7) == 0) return DS_ERR_INVALID;
    ds_message_tags_init(&tags);
    switch (kind) {
    case DS_NATS_IN:
        ds_message_tag(&tags, "direction", "in", 2);
        if (group != NULL && group[0] != '\0') ds_message_tag(&tags, "group", group, strlen(group));
        break;
    case DS_NATS_OUT:
        ds_message_tag(&tags, "direction", "out", 3);
        break;
    default:
        return DS_ERR_INVALID;
    }
    ds_message_tag(&tags, "topic", subject, strlen(subject));
    ds_message_tag(&tags, "type", "nats", 4);
    return ds_message_edge(client, &tags, edge);
}

/* The edge of messages that are read: direction:in, group (when there is one), topic, type:nats. */
static inline ds_status ds_nats_edge_in(const ds_client *client, const char *subject, const char *group, ds_edge *edge) {
    return ds_nats_edge(client, DS_NATS_IN, subject, group, edge);
}

/* The edge of messages that are written to a subject: direction:out, topic, type:nats. */
static inline ds_status ds_nats_edge_out(const ds_client *client, const char *subject, ds_edge *edge) {
    return ds_nats_edge(client, DS_NATS_OUT, subject, NULL, edge);
}

/* The edges of one kind by subject, for subscriptions by wildcard. It remembers DS_NATS_SUBJECTS_MAX subjects; those
 * beyond them are interned at each call, which is slower and otherwise the same. For one thread at a time: a table for
 * each subscription, whose callback is. Nothing to free; it borrows client and group. */
typedef struct ds_nats_subjects {
    const ds_client *client;
    ds_nats_kind kind;
    const char *group;
    size_t count;
    struct {
        char name[DS_NATS_SUBJECT_MAX];
        ds_edge edge;
    } subject[DS_NATS_SUBJECTS_MAX];
} ds_nats_subjects;

/* Makes a table. group is for IN, else NULL. */
static inline void ds_nats_subjects_init(ds_nats_subjects *subjects, const ds_client *client, ds_nats_kind kind,
                                         const char *group) {
    if (subjects == NULL) return;
    subjects->client = client;
    subjects->kind = kind;
    subjects->group = group;
    subjects->count = 0;
}

/* The edge of a subject, from the table or interned. On an error *edge becomes zero, not that of the message before. */
static inline ds_status ds_nats_subjects_edge(ds_nats_subjects *subjects, const char *subject, ds_edge *edge) {
    ds_status status;
    size_t i;
    if (edge != NULL) edge->id = 0;
    if (subjects == NULL || subject == NULL || edge == NULL) return DS_ERR_NULL;
    for (i = 0; i < subjects->count; i++) {
        if (strcmp(subjects->subject[i].name, subject) == 0) {
            *edge = subjects->subject[i].edge;
            return DS_OK;
        }
    }
    status = ds_nats_edge(subjects->client, subjects->kind, subject, subjects->group, edge);
    if (status == DS_OK && i < DS_NATS_SUBJECTS_MAX && strlen(subject) < DS_NATS_SUBJECT_MAX) {
        strcpy(subjects->subject[i].name, subject);
        subjects->subject[i].edge = *edge;
        subjects->count++;
    }
    return status;
}

/* ---- messages ----------------------------------------------------------------------------------------------- */

/* What a message's headers hold. Used by the functions below. */
typedef struct ds_nats_found_ {
    ds_message_header header;
    uint64_t others; /* bytes of the names and values of all headers but ours */
    uint64_t lines;  /* how many those are */
    int ours;        /* whether there is one of ours */
} ds_nats_found_;

static inline ds_nats_found_ ds_nats_find_(natsMsg *msg) {
    ds_nats_found_ found;
    const char **keys = NULL, **values = NULL;
    int key, value, key_count = 0, value_count = 0;
    memset(&found, 0, sizeof found);
    /* An error means that there are no headers, or none that can be read. */
    if (natsMsgHeader_Keys(msg, &keys, &key_count) != NATS_OK) return found;
    for (key = 0; key < key_count; key++) {
        const size_t key_len = strlen(keys[key]);
        const int which = ds_message_ours(keys[key], key_len);
        values = NULL;
        if (which != 0) found.ours = 1;
        if (natsMsgHeader_Values(msg, keys[key], &values, &value_count) != NATS_OK) continue;
        for (value = 0; value < value_count; value++) {
            const size_t len = values[value] != NULL ? strlen(values[value]) : 0;
            ds_message_header_take(&found.header, which, values[value], len); /* the last counts */
            if (which != 0) continue;
            found.others += key_len + len;
            found.lines++;
        }
        free((void *)values);
    }
    free((void *)keys);
    ds_message_header_choose(&found.header);
    return found;
}

/* When the stream took the message, in ns since the epoch, of the subject for its acknowledgement: $JS.ACK.<stream>.
 * <consumer>.<deliveries>.<stream's number>.<consumer's number>.<time>.<pending>, newer servers with <domain>.<account>
 * before that. 0: it comes from no stream. Used by ds_nats_consume. */
static inline int64_t ds_nats_queued_ns_(const char *reply) {
    const char *token[10];
    int64_t ns = 0;
    size_t count = 1, digits;
    if (reply == NULL || strncmp(reply, "$JS.ACK.", 8) != 0) return 0;
    token[0] = reply;
    for (; *reply != '\0'; reply++) {
        if (*reply != '.') continue;
        if (count < sizeof token / sizeof *token) token[count] = reply + 1;
        count++;
    }
    if (count < 9) return 0;
    reply = token[count == 9 ? 7 : 9];
    for (digits = 0; reply[digits] >= '0' && reply[digits] <= '9'; digits++) {
        const int64_t digit = reply[digits] - '0';
        if (digits >= 19 || ns > (INT64_MAX - digit) / 10) return 0;
        ns = ns * 10 + digit;
    }
    return reply[digits] == '.' || reply[digits] == '\0' ? ns : 0;
}

/* A message was consumed. Call it in the subscription's callback, or for what natsSubscription_NextMsg or
 * natsSubscription_Fetch returned, before the work on the message begins: *pathway becomes its pathway, for the messages
 * that this one causes. When it has no header that can be read, a pathway starts; in a stream, when the stream took the
 * message: the time in the queue is then known, even though its producer does not take part.
 *
 * On every error *pathway becomes zero, which ds_nats_produce takes as "no pathway", so that a variable used for many
 * messages cannot carry the pathway of one to the next. pathway may be NULL, for programs that only consume. Any thread,
 * but a message is for one at a time. */
static inline ds_status ds_nats_consume(const ds_client *client, ds_edge edge, natsMsg *msg, ds_pathway *pathway) {
    ds_options options = DS_OPTIONS_INIT;
    ds_nats_found_ found;
    if (pathway != NULL) memset(pathway, 0, sizeof *pathway);
    if (msg == NULL) return DS_ERR_NULL;
    found = ds_nats_find_(msg);
    options.queued_ns = ds_nats_queued_ns_(natsMsg_GetReply(msg));
    return ds_set_checkpoint_with(client, edge, found.others + (uint64_t)natsMsg_GetDataLength(msg), &options,
                                  found.header.ptr, found.header.len, NULL, pathway, NULL, 0, NULL);
}

/* A message is about to be published. Call it when everything else is in msg, immediately before
 * natsConnection_PublishMsg, natsConnection_RequestMsg, js_PublishMsg or js_PublishMsgAsync: the pathway is extended by
 * edge, and its header put into msg in place of what was there under our keys.
 *
 * parent is the pathway of the message that caused this one. When it is NULL or zero, a header that msg already has is
 * continued; without one, a pathway starts here. pathway becomes the pathway after; it may be NULL or the same as parent.
 * When one consumed message causes several, NULL lets all of them continue from the consumed one.
 *
 * nc is the connection that the message goes to, also when it goes there by JetStream. DS_ERR_INVALID: its server takes no
 * headers, or with ours the message would be longer than it takes; the message goes as it is, and nothing is recorded.
 * nc may be NULL: then all of that is taken for granted. A stream may have a lower limit of its own (max_msg_size), which
 * cannot be seen here: leave room for 73 bytes. After any other error msg has nothing under our keys: a stale header would
 * put it on a wrong pathway.
 *
 * A publish that failed and is tried again is the same message: do not call this again for it. Any thread, but a message
 * is for one at a time. */
static inline ds_status ds_nats_produce(const ds_client *client, ds_edge edge, natsConnection *nc, natsMsg *msg,
                                        const ds_pathway *parent, ds_pathway *pathway) {
    /* The first line of headers and the empty one after them; our name and value; around each header. */
    const uint64_t lines = sizeof "NATS/1.0\r\n\r\n" - 1, ours = sizeof DS_HEADER_KEY - 1 + DS_HEADER_MAX, line = 4;
    uint8_t text[DS_HEADER_MAX + 1], kept[128];
    size_t kept_len = 0, out_len = 0;
    ds_nats_found_ found;
    ds_pathway after;
    ds_status status;
    uint64_t size;
    if (msg == NULL) return DS_ERR_NULL;
    found = ds_nats_find_(msg);
    size = found.others + (uint64_t)natsMsg_GetDataLength(msg);
    if (nc != NULL) {
        const int64_t limit = natsConnection_GetMaxPayload(nc);
        if (natsConnection_HasHeaderSupport(nc) != NATS_OK) return DS_ERR_INVALID;
        if (limit > 0 && size + lines + ours + (found.lines + 1) * line > (uint64_t)limit) return DS_ERR_INVALID;
    }
    /* A copy, because it is replaced. No readable form is longer, and bytes after a readable one are ignored. */
    if ((parent == NULL || parent->start_ns == 0) && found.header.ptr != NULL) {
        kept_len = found.header.len < sizeof kept ? found.header.len : sizeof kept;
        memcpy(kept, found.header.ptr, kept_len);
    }
    if (found.ours) {
        natsMsgHeader_Delete(msg, DS_HEADER_KEY);
        natsMsgHeader_Delete(msg, DS_HEADER_KEY_LEGACY);
    }
    status = ds_set_checkpoint(client, edge, size, kept_len > 0 ? kept : NULL, kept_len, parent, &after, text,
                               DS_HEADER_MAX, &out_len);
    if (status != DS_OK) return status;
    if (pathway != NULL) *pathway = after;
    if (out_len == 0) return DS_OK;
    text[out_len] = '\0';
    return natsMsgHeader_Set(msg, DS_HEADER_KEY, (const char *)text) == NATS_OK ? DS_OK : DS_ERR_SYSTEM;
}

#ifdef __cplusplus
}
#endif
#endif
