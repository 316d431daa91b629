/* datastreams_amqp.h - the few lines that a rabbitmq-c program needs to measure its messages.
 *
 * SYNOPSIS
 *
 *     #include <datastreams_amqp.h>    (C99 or C++11; needs datastreams.h, datastreams_message.h, rabbitmq-c 0.8 or later)
 *
 *     once for each edge:    ds_amqp_edge_in(client, amqp_cstring_bytes("orders"), &in);
 *                            ds_amqp_edge_out(client, amqp_cstring_bytes("payments"), amqp_cstring_bytes("eu"), &out);
 *     a message is consumed: ds_amqp_consume(client, in, &envelope.message, &pathway);
 *     a message is produced: ds_amqp_publish(client, out, &pathway, NULL, connection, channel, exchange, routing_key,
 *                                            mandatory, immediate, &properties, body);
 *     or by hand:            ds_amqp_produce(client, out, connection, &properties, body.len, &pathway, NULL, &stamped);
 *                            amqp_basic_publish(connection, ..., &stamped.properties, body);
 *
 * DESCRIPTION
 *
 * Everything is static inline over the public calls of rabbitmq-c and datastreams.h: nothing to link but these two.
 * No function here makes a message fail. Whatever goes wrong, the message can go on as it is, without a pathway; the
 * returned status says why and may be ignored (the client counts by cause, see ds_client_counters). A client that is
 * NULL, because ds_client_new failed, is such a case: DS_ERR_NULL. Nothing here waits for a broker or an agent.
 *
 * A pathway belongs to a message. Give each message that is in work its own ds_pathway, from ds_amqp_consume to the last
 * message that it causes; never keep one from message to message.
 *
 * EDGES
 *
 * type:rabbitmq, and by where the message goes or comes from:
 *     direction:out  topic:<routing key>               the default exchange, which hands it to the queue of that name
 *     direction:out  exchange:<name>, has_routing_key:true|false   any other exchange: direct, topic, fanout, headers
 *     direction:in   topic:<queue>
 * A queue whose name was made up by the broker (amq.gen...) or a client (a UUID) would be a new edge at every start:
 * those are topic:amq.gen, topic:amq.rabbitmq.reply-to and topic:uuid.
 *
 * MEMORY
 *
 * The properties of the program, its table of headers and what they point to are never changed. The table that is sent
 * is a copy of the entries, with ours in place of what was there under our keys, in a ds_amqp_stamped: the caller's, on
 * its stack, needed until amqp_basic_publish has returned. ds_amqp_publish has one of its own. Nothing is allocated.
 *
 * EXAMPLES
 *
 * examples/rabbitmq.c: orders to a queue, payments to a fanout exchange, a ledger. */
#ifndef DATASTREAMS_AMQP_H
#define DATASTREAMS_AMQP_H
/* Where it is since 0.12; both have the same contents. */
#if defined(__has_include)
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif
#else
#include <amqp.h>
#endif
#include "datastreams_message.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most entries in a table of headers that ours is added to; messages with more go as they are, DS_ERR_INVALID. Define
 * another number before including this, in all files of a program alike: ds_amqp_stamped takes 40 bytes for each. */
#ifndef DS_AMQP_HEADERS_MAX
#define DS_AMQP_HEADERS_MAX 48
#endif

/* ---- edges -------------------------------------------------------------------------------------------------- */

/* Used by ds_amqp_topic_: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12, each but the first may follow a "-",
 * all of it may follow "amq_". */
static inline int ds_amqp_uuid_(const char *text, size_t len) {
    static const int groups[] = {8, 4, 4, 4, 12};
    size_t at = 0, group;
    int digit;
    if (len > 4 && (text[0] | 32) == 'a' && (text[1] | 32) == 'm' && (text[2] | 32) == 'q' && text[3] == '_') at = 4;
    for (group = 0; group < sizeof groups / sizeof *groups; group++) {
        if (group > 0 && at < len && text[at] == '-') at++;
        for (digit = 0; digit < groups[group]; digit++, at++) {
            if (at >= len || !((text[at] >= '0' && text[at] <= '9') || ((text[at] | 32) >= 'a' && (text[at] | 32) <= 'f')))
                return 0;
        }
    }
    return at == len;
}

/* Adds the tag "topic:" with a queue's name, or the kind of a name that was made up. Used by the functions below. */
static inline void ds_amqp_topic_(ds_message_tags *tags, amqp_bytes_t queue) {
    static const char gen[] = "amq.gen", reply[] = "amq.rabbitmq.reply-to", uuid[] = "uuid";
    const char *name = (const char *)queue.bytes;
    size_t len = queue.len;
    if (len == 0 || (len >= sizeof gen - 1 && memcmp(name, gen, sizeof gen - 1) == 0)) {
        name = gen; /* no name: the queue that this channel was given last */
        len = sizeof gen - 1;
    } else if (len >= sizeof reply - 1 && memcmp(name, reply, sizeof reply - 1) == 0) {
        name = reply;
        len = sizeof reply - 1;
    } else if (ds_amqp_uuid_(name, len)) {
        name = uuid;
        len = sizeof uuid - 1;
    }
    ds_message_tag(tags, "topic", name, len);
}

/* The edge of messages that are read from a queue. Intern it once, not for each message. On an error *edge is not
 * written; a zero edge is refused by the other functions, harmlessly. Any thread. */
static inline ds_status ds_amqp_edge_in(const ds_client *client, amqp_bytes_t queue, ds_edge *edge) {
    ds_message_tags tags;
    if (queue.len > 0 && queue.bytes == NULL) return DS_ERR_NULL;
    ds_message_tags_init(&tags);
    ds_message_tag(&tags, "direction", "in", 2);
    ds_amqp_topic_(&tags, queue);
    ds_message_tag(&tags, "type", "rabbitmq", 8);
    return ds_message_edge(client, &tags, edge);
}

/* The edge of messages that are published to an exchange with a routing key, either of which may be amqp_empty_bytes. Of
 * an exchange that has a name, all routing keys are one edge. As ds_amqp_edge_in otherwise. */
static inline ds_status ds_amqp_edge_out(const ds_client *client, amqp_bytes_t exchange, amqp_bytes_t routing_key,
                                         ds_edge *edge) {
    ds_message_tags tags;
    if ((exchange.len > 0 && exchange.bytes == NULL) || (routing_key.len > 0 && routing_key.bytes == NULL))
        return DS_ERR_NULL;
    ds_message_tags_init(&tags);
    ds_message_tag(&tags, "direction", "out", 3);
    if (exchange.len > 0) {
        ds_message_tag(&tags, "exchange", exchange.bytes, exchange.len);
        if (routing_key.len > 0)
            ds_message_tag(&tags, "has_routing_key", "true", 4);
        else
            ds_message_tag(&tags, "has_routing_key", "false", 5);
    } else {
        ds_amqp_topic_(&tags, routing_key);
    }
    ds_message_tag(&tags, "type", "rabbitmq", 8);
    return ds_message_edge(client, &tags, edge);
}

/* ---- sizes -------------------------------------------------------------------------------------------------- */

/* The bytes of a value. wire 0: of what it says, numbers as 8; else on the wire, with its kind. */
static inline uint64_t ds_amqp_value_size_(const amqp_field_value_t *value, int wire) {
    uint64_t size = wire ? 1 : 0;
    int i;
    switch (value->kind) {
    case AMQP_FIELD_KIND_VOID:
        return size;
    case AMQP_FIELD_KIND_BOOLEAN:
        return size + 1;
    case AMQP_FIELD_KIND_I8:
    case AMQP_FIELD_KIND_U8:
        return wire ? 2 : 8;
    case AMQP_FIELD_KIND_I16:
    case AMQP_FIELD_KIND_U16:
        return wire ? 3 : 8;
    case AMQP_FIELD_KIND_I32:
    case AMQP_FIELD_KIND_U32:
    case AMQP_FIELD_KIND_F32:
        return wire ? 5 : 8;
    case AMQP_FIELD_KIND_DECIMAL:
        return wire ? 6 : 8;
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
        return size + (wire ? 4 : 0) + value->value.bytes.len;
    case AMQP_FIELD_KIND_ARRAY:
        size += wire ? 4 : 0;
        for (i = 0; i < value->value.array.num_entries; i++)
            size += ds_amqp_value_size_(&value->value.array.entries[i], wire);
        return size;
    case AMQP_FIELD_KIND_TABLE:
        size += wire ? 4 : 0;
        for (i = 0; i < value->value.table.num_entries; i++)
            size += (wire ? 1 : 0) + value->value.table.entries[i].key.len +
                    ds_amqp_value_size_(&value->value.table.entries[i].value, wire);
        return size;
    default: /* 64 bits */
        return size + 8;
    }
}

/* The bytes of the frame that properties take. */
static inline uint64_t ds_amqp_frame_size_(const amqp_basic_properties_t *properties) {
    const amqp_flags_t flags = properties->_flags;
    /* The frame's head and end; class, weight and size of the body; the flags. */
    uint64_t size = 7 + 1 + 12 + 2;
    int i;
    if (flags & AMQP_BASIC_CONTENT_TYPE_FLAG) size += 1 + properties->content_type.len;
    if (flags & AMQP_BASIC_CONTENT_ENCODING_FLAG) size += 1 + properties->content_encoding.len;
    if (flags & AMQP_BASIC_HEADERS_FLAG) {
        size += 4;
        for (i = 0; i < properties->headers.num_entries; i++)
            size += 1 + properties->headers.entries[i].key.len +
                    ds_amqp_value_size_(&properties->headers.entries[i].value, 1);
    }
    if (flags & AMQP_BASIC_DELIVERY_MODE_FLAG) size += 1;
    if (flags & AMQP_BASIC_PRIORITY_FLAG) size += 1;
    if (flags & AMQP_BASIC_CORRELATION_ID_FLAG) size += 1 + properties->correlation_id.len;
    if (flags & AMQP_BASIC_REPLY_TO_FLAG) size += 1 + properties->reply_to.len;
    if (flags & AMQP_BASIC_EXPIRATION_FLAG) size += 1 + properties->expiration.len;
    if (flags & AMQP_BASIC_MESSAGE_ID_FLAG) size += 1 + properties->message_id.len;
    if (flags & AMQP_BASIC_TIMESTAMP_FLAG) size += 8;
    if (flags & AMQP_BASIC_TYPE_FLAG) size += 1 + properties->type.len;
    if (flags & AMQP_BASIC_USER_ID_FLAG) size += 1 + properties->user_id.len;
    if (flags & AMQP_BASIC_APP_ID_FLAG) size += 1 + properties->app_id.len;
    if (flags & AMQP_BASIC_CLUSTER_ID_FLAG) size += 1 + properties->cluster_id.len;
    return size;
}

/* ---- messages ----------------------------------------------------------------------------------------------- */

/* What a table of headers holds. Used by the functions below. */
typedef struct ds_amqp_found_ {
    ds_message_header header;
    uint64_t others; /* bytes of the names and values of all headers but ours */
    int ours;        /* how many are ours */
} ds_amqp_found_;

static inline ds_amqp_found_ ds_amqp_find_(const amqp_basic_properties_t *properties) {
    ds_amqp_found_ found;
    int i;
    memset(&found, 0, sizeof found);
    if (properties == NULL || !(properties->_flags & AMQP_BASIC_HEADERS_FLAG)) return found;
    for (i = 0; i < properties->headers.num_entries; i++) {
        const amqp_table_entry_t *entry = &properties->headers.entries[i];
        const int which = ds_message_ours(entry->key.bytes, entry->key.len);
        if (which == 0) {
            found.others += entry->key.len + ds_amqp_value_size_(&entry->value, 0);
            continue;
        }
        found.ours++;
        /* .NET's tracer writes bytes, all others text. Anything else cannot be read, and is counted as that. */
        if (entry->value.kind == AMQP_FIELD_KIND_UTF8 || entry->value.kind == AMQP_FIELD_KIND_BYTES)
            ds_message_header_take(&found.header, which, entry->value.value.bytes.bytes, entry->value.value.bytes.len);
        else if (entry->value.kind != AMQP_FIELD_KIND_VOID)
            ds_message_header_take(&found.header, which, "?", 1);
    }
    ds_message_header_choose(&found.header);
    return found;
}

/* A message was consumed. Call it for the message of what amqp_consume_message returned, or for what amqp_read_message
 * read after amqp_basic_get, before the work on it begins: *pathway becomes its pathway, for the messages that this one
 * causes. When it has no header that can be read, a pathway starts; at the message's timestamp, where it has one (in
 * seconds, as AMQP has it): the time in the queue is then known to the second.
 *
 * On every error *pathway becomes zero, which the functions below take as "no pathway", so that a variable used for many
 * messages cannot carry the pathway of one to the next. pathway may be NULL, for programs that only consume. The message
 * is only read. Any thread. */
static inline ds_status ds_amqp_consume(const ds_client *client, ds_edge edge, const amqp_message_t *message,
                                        ds_pathway *pathway) {
    ds_options options = DS_OPTIONS_INIT;
    ds_amqp_found_ found;
    if (pathway != NULL) memset(pathway, 0, sizeof *pathway);
    if (message == NULL) return DS_ERR_NULL;
    found = ds_amqp_find_(&message->properties);
    /* What cannot be seconds, such as a time in ms, would not fit. */
    if ((message->properties._flags & AMQP_BASIC_TIMESTAMP_FLAG) && message->properties.timestamp < 9000000000u)
        options.queued_ns = (int64_t)message->properties.timestamp * 1000000000;
    return ds_set_checkpoint_with(client, edge, found.others + message->body.len, &options, found.header.ptr,
                                  found.header.len, NULL, pathway, NULL, 0, NULL);
}

/* Properties to publish a message with. Nothing to free; what they point to is here, or the program's own. */
typedef struct ds_amqp_stamped {
    amqp_basic_properties_t properties;
    amqp_table_entry_t entries[DS_AMQP_HEADERS_MAX + 1];
    uint8_t text[DS_HEADER_MAX]; /* our header's value */
} ds_amqp_stamped;

/* A message is about to be published. Call it when everything else is in properties (which may be NULL), immediately
 * before amqp_basic_publish with &stamped->properties: the pathway is extended by edge, and its header is in the table
 * of stamped in place of what was there under our keys. properties are not changed. stamped borrows from them.
 *
 * parent is the pathway of the message that caused this one. When it is NULL or zero, a header that properties already
 * hold is continued (a message that is forwarded with its properties); without one, a pathway starts here. pathway
 * becomes the pathway after; it may be NULL or the same as parent. When one consumed message causes several, NULL lets
 * all of them continue from the consumed one.
 *
 * Whatever is returned, stamped->properties can be published with. DS_ERR_INVALID: the table has more than
 * DS_AMQP_HEADERS_MAX entries, or with ours the properties would be longer than a frame of connection, and rabbitmq-c
 * would refuse the message; it goes as it is, and nothing is recorded. connection may be NULL: then frames are taken to
 * be long enough. After any other error stamped holds nothing under our keys: a stale header would put the message on a
 * wrong pathway. Any thread, but connection is for one at a time, as always. */
static inline ds_status ds_amqp_produce(const ds_client *client, ds_edge edge, amqp_connection_state_t connection,
                                        const amqp_basic_properties_t *properties, size_t body_len,
                                        const ds_pathway *parent, ds_pathway *pathway, ds_amqp_stamped *stamped) {
    const int frame_max = connection != NULL ? amqp_get_frame_max(connection) : 0;
    ds_amqp_found_ found;
    amqp_table_entry_t *ours;
    ds_pathway after;
    ds_status status;
    size_t out_len = 0;
    int i, had, count = 0;
    if (stamped == NULL) return DS_ERR_NULL;
    if (properties != NULL)
        stamped->properties = *properties;
    else
        memset(&stamped->properties, 0, sizeof stamped->properties);
    had = stamped->properties._flags & AMQP_BASIC_HEADERS_FLAG ? stamped->properties.headers.num_entries : 0;
    found = ds_amqp_find_(&stamped->properties);
    if (had - found.ours > DS_AMQP_HEADERS_MAX) return DS_ERR_INVALID;

    for (i = 0; i < had; i++) {
        const amqp_table_entry_t *entry = &properties->headers.entries[i];
        if (ds_message_ours(entry->key.bytes, entry->key.len) == 0) stamped->entries[count++] = *entry;
    }
    ours = &stamped->entries[count];
    ours->key = amqp_cstring_bytes(DS_HEADER_KEY);
    ours->value.kind = AMQP_FIELD_KIND_UTF8;
    ours->value.value.bytes.bytes = stamped->text;
    ours->value.value.bytes.len = DS_HEADER_MAX; /* the longest that it can be */
    stamped->properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    stamped->properties.headers.entries = stamped->entries;
    stamped->properties.headers.num_entries = count + 1;
    if (frame_max > 0 && ds_amqp_frame_size_(&stamped->properties) > (uint64_t)frame_max) {
        if (properties != NULL)
            stamped->properties = *properties;
        else
            memset(&stamped->properties, 0, sizeof stamped->properties);
        return DS_ERR_INVALID;
    }

    if (parent != NULL && parent->start_ns != 0) memset(&found.header, 0, sizeof found.header);
    status = ds_set_checkpoint(client, edge, found.others + body_len, found.header.ptr, found.header.len, parent, &after,
                               stamped->text, sizeof stamped->text, &out_len);
    if (status != DS_OK) out_len = 0;
    if (status == DS_OK && pathway != NULL) *pathway = after;
    ours->value.value.bytes.len = out_len;
    if (out_len == 0) {
        stamped->properties.headers.num_entries = count;
        if (properties == NULL || !(properties->_flags & AMQP_BASIC_HEADERS_FLAG))
            stamped->properties._flags &= ~(amqp_flags_t)AMQP_BASIC_HEADERS_FLAG;
    }
    return status;
}

/* Publishes a message with its pathway: ds_amqp_produce, then amqp_basic_publish with the arguments from connection to
 * body, whose answer it returns. A message that cannot be measured is published all the same: *measured becomes what
 * ds_amqp_produce returned; it may be NULL. A message that then fails has been recorded, once for each call. */
static inline int ds_amqp_publish(const ds_client *client, ds_edge edge, const ds_pathway *parent, ds_status *measured,
                                  amqp_connection_state_t connection, amqp_channel_t channel, amqp_bytes_t exchange,
                                  amqp_bytes_t routing_key, amqp_boolean_t mandatory, amqp_boolean_t immediate,
                                  const amqp_basic_properties_t *properties, amqp_bytes_t body) {
    ds_amqp_stamped stamped;
    const ds_status status =
        ds_amqp_produce(client, edge, connection, properties, body.len, parent, NULL, &stamped);
    if (measured != NULL) *measured = status;
    return amqp_basic_publish(connection, channel, exchange, routing_key, mandatory, immediate, &stamped.properties,
                              body);
}

#ifdef __cplusplus
}
#endif
#endif
