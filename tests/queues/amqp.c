/* datastreams_amqp.h over a real RabbitMQ: amqp HOST PORT AGENT_URL */
#define _POSIX_C_SOURCE 200809L
#include "spy.h"

#include "datastreams_amqp.h"
#if AMQP_VERSION >= AMQP_VERSION_CODE(0, 12, 0, 0)
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp_tcp_socket.h>
#endif

#define CHANNEL 1
static amqp_connection_state_t connection;

static amqp_bytes_t text(const char *literal) { return amqp_cstring_bytes(literal); }

static amqp_table_entry_t utf8(const char *key, const char *value) {
    amqp_table_entry_t entry;
    memset(&entry, 0, sizeof entry); /* entries are compared as bytes */
    entry.key = text(key);
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = text(value);
    return entry;
}

static amqp_table_entry_t number(const char *key, uint8_t kind, int64_t value) {
    amqp_table_entry_t entry;
    memset(&entry, 0, sizeof entry);
    entry.key = text(key);
    entry.value.kind = kind;
    entry.value.value.i64 = value;
    return entry;
}

static amqp_basic_properties_t with_headers(amqp_table_entry_t *entries, int count) {
    amqp_basic_properties_t properties;
    memset(&properties, 0, sizeof properties);
    properties._flags = AMQP_BASIC_HEADERS_FLAG;
    properties.headers.entries = entries;
    properties.headers.num_entries = count;
    return properties;
}

/* How often a header is in a table, and its last value. */
static int occurrences(const amqp_basic_properties_t *properties, const char *key, const amqp_field_value_t **value) {
    int count = 0;
    if (!(properties->_flags & AMQP_BASIC_HEADERS_FLAG)) return 0;
    for (int i = 0; i < properties->headers.num_entries; i++) {
        const amqp_table_entry_t *entry = &properties->headers.entries[i];
        if (entry->key.len != strlen(key) || memcmp(entry->key.bytes, key, entry->key.len) != 0) continue;
        count++;
        if (value != NULL) *value = &entry->value;
    }
    return count;
}

/* The pathway that properties carry; zero: none. */
static ds_pathway carried(const amqp_basic_properties_t *properties) {
    const amqp_field_value_t *value = NULL;
    ds_pathway pathway;
    memset(&pathway, 0, sizeof pathway);
    if (occurrences(properties, DS_HEADER_KEY, &value) == 0) return pathway;
    CHECK_INT(value->kind, AMQP_FIELD_KIND_UTF8);
    CHECK_OK(ds_pathway_decode((const uint8_t *)value->value.bytes.bytes, value->value.bytes.len, 0, &pathway));
    return pathway;
}

static int names(const ds_client *client, const char *queue, const char *topic) {
    char tag[600];
    ds_edge in = {0}, out = {0};
    snprintf(tag, sizeof tag, "topic:%s", topic);
    CHECK_OK(ds_amqp_edge_in(client, text(queue), &in));
    CHECK_OK(ds_amqp_edge_out(client, amqp_empty_bytes, text(queue), &out));
    return same_edge(client, in, TAGS("direction:in", tag, "type:rabbitmq")) &&
           same_edge(client, out, TAGS("direction:out", tag, "type:rabbitmq"));
}

static void edges(const ds_client *client) {
    char longest[DS_MESSAGE_TAG_MAX + 1];
    amqp_bytes_t broken = {3, NULL};
    ds_edge edge = {7};
    CHECK(names(client, "orders", "orders") && names(client, "", "amq.gen"));
    CHECK(names(client, "amq.gen-8VsVHwrvMJzDPcWCSa-QhA", "amq.gen"));
    CHECK(names(client, "amq.rabbitmq.reply-to.g1h2AA5yZXBseUAx", "amq.rabbitmq.reply-to"));
    CHECK(names(client, "amq.direct", "amq.direct"));
    CHECK(names(client, "0fe1c9b2-5A7e-4c1d-9b1e-0123456789ab", "uuid"));
    CHECK(names(client, "0fe1c9b25a7e4c1d9b1e0123456789ab", "uuid"));
    CHECK(names(client, "AMQ_0fe1c9b25a7e-4c1d9b1e0123456789ab", "uuid"));
    CHECK(names(client, "0fe1c9b25a7e4c1d9b1e0123456789a", "0fe1c9b25a7e4c1d9b1e0123456789a"));
    CHECK(names(client, "0fe1c9b25a7e4c1d9b1e0123456789abc", "0fe1c9b25a7e4c1d9b1e0123456789abc"));
    CHECK(names(client, "0fe1c9b2--5a7e4c1d9b1e0123456789ab", "0fe1c9b2--5a7e4c1d9b1e0123456789ab"));
    CHECK(names(client, "gfe1c9b25a7e4c1d9b1e0123456789ab", "gfe1c9b25a7e4c1d9b1e0123456789ab"));
    CHECK(names(client, "amq_", "amq_") && names(client, "x", "x"));

    CHECK_OK(ds_amqp_edge_out(client, text("shop"), text("key"), &edge));
    CHECK(same_edge(client, edge, TAGS("direction:out", "exchange:shop", "has_routing_key:true", "type:rabbitmq")));
    CHECK_OK(ds_amqp_edge_out(client, text("shop"), amqp_empty_bytes, &edge));
    CHECK(same_edge(client, edge, TAGS("direction:out", "exchange:shop", "has_routing_key:false", "type:rabbitmq")));

    edge.id = 7;
    CHECK(ds_amqp_edge_in(NULL, text("orders"), &edge) == DS_ERR_NULL && edge.id == 7);
    CHECK(ds_amqp_edge_in(client, text("orders"), NULL) == DS_ERR_NULL);
    CHECK(ds_amqp_edge_in(client, broken, &edge) == DS_ERR_NULL && edge.id == 7);
    CHECK(ds_amqp_edge_out(client, broken, amqp_empty_bytes, &edge) == DS_ERR_NULL && edge.id == 7);
    memset(longest, 'q', sizeof longest);
    longest[sizeof longest - sizeof "topic:"] = '\0';
    CHECK_OK(ds_amqp_edge_in(client, text(longest), &edge));
    longest[sizeof longest - sizeof "topic:"] = 'q';
    longest[sizeof longest - sizeof "topic:" + 1] = '\0';
    edge.id = 7;
    CHECK(ds_amqp_edge_in(client, text(longest), &edge) == DS_ERR_INVALID && edge.id == 7);
}

static void stamping(const ds_client *client) {
    static amqp_table_entry_t many[DS_AMQP_HEADERS_MAX + 2];
    amqp_table_entry_t entries[6], before[6], inner[2];
    amqp_field_value_t list[2];
    amqp_basic_properties_t properties, as_it_was;
    ds_edge in = {0}, out = {0}, none = {0};
    ds_pathway consumed, first, second, read;
    static ds_amqp_stamped stamped, again;
    int checkpoints;
    memset(entries, 0, sizeof entries);
    CHECK_OK(ds_amqp_edge_in(client, text("orders"), &in));
    CHECK_OK(ds_amqp_edge_out(client, text("shop"), text("key"), &out));
    CHECK_OK(ds_set_checkpoint(client, in, 1, NULL, 0, NULL, &consumed, NULL, 0, NULL));

    /* Without properties: ours alone. */
    CHECK_OK(ds_amqp_produce(client, out, NULL, NULL, 10, &consumed, &first, &stamped));
    CHECK(spy.size == 10 && spy.header_len == 0);
    CHECK(stamped.properties._flags == AMQP_BASIC_HEADERS_FLAG && stamped.properties.headers.num_entries == 1);
    read = carried(&stamped.properties);
    CHECK(read.hash == first.hash && read.hash != consumed.hash && read.start_ns / 1000000 == first.start_ns / 1000000);

    /* Sizes: names, texts, numbers as 8, what is in tables and lists; ours not. Stale ones of ours are replaced. */
    entries[0] = utf8(DS_HEADER_KEY, "stale");
    entries[1] = utf8("tenant", "blue");
    entries[2] = number("attempt", AMQP_FIELD_KIND_I32, 3);
    entries[3] = utf8(DS_HEADER_KEY_LEGACY, "stale");
    entries[4].key = text("table");
    entries[4].value.kind = AMQP_FIELD_KIND_TABLE;
    entries[4].value.value.table.num_entries = 2;
    entries[4].value.value.table.entries = inner;
    inner[0] = utf8("a", "bc");
    inner[1] = number("flag", AMQP_FIELD_KIND_BOOLEAN, 1);
    entries[5].key = text("list");
    entries[5].value.kind = AMQP_FIELD_KIND_ARRAY;
    entries[5].value.value.array.num_entries = 2;
    entries[5].value.value.array.entries = list;
    list[0] = number("", AMQP_FIELD_KIND_VOID, 0).value;
    list[1] = number("", AMQP_FIELD_KIND_TIMESTAMP, 5).value;
    properties = with_headers(entries, 6);
    properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
    properties.priority = 5;
    as_it_was = properties;
    memcpy(before, entries, sizeof entries);
    CHECK_OK(ds_amqp_produce(client, out, NULL, &properties, 100, &consumed, &second, &stamped));
    CHECK_INT(spy.size, 100 + 6 + 4 + 7 + 8 + 5 + 1 + 2 + 4 + 1 + 4 + 8);
    CHECK(spy.header_len == 0 && second.hash == first.hash);
    CHECK(memcmp(before, entries, sizeof entries) == 0 && memcmp(&as_it_was, &properties, sizeof properties) == 0);
    CHECK(stamped.properties.headers.num_entries == 5 && stamped.properties.priority == 5);
    CHECK(occurrences(&stamped.properties, DS_HEADER_KEY, NULL) == 1);
    CHECK(occurrences(&stamped.properties, DS_HEADER_KEY_LEGACY, NULL) == 0);
    CHECK(occurrences(&stamped.properties, "tenant", NULL) == 1 && occurrences(&stamped.properties, "list", NULL) == 1);

    /* What was stamped is forwarded: without a parent (NULL or zero) its header goes on, and is only read. */
    read = carried(&stamped.properties);
    CHECK_OK(ds_amqp_produce(client, out, NULL, &stamped.properties, 100, NULL, &second, &again));
    CHECK(spy.header_len > 0);
    CHECK_OK(ds_set_checkpoint(client, out, 1, NULL, 0, &read, &read, NULL, 0, NULL));
    CHECK(second.hash == read.hash && carried(&again.properties).hash == read.hash);
    memset(&read, 0, sizeof read);
    CHECK_OK(ds_amqp_produce(client, out, NULL, &stamped.properties, 100, &read, &read, &again));
    CHECK(read.hash == second.hash);

    /* Errors leave no header of ours, and all others; the next message is not disturbed. */
    checkpoints = spy.checkpoints;
    CHECK(ds_amqp_produce(client, out, NULL, &properties, 1, NULL, NULL, NULL) == DS_ERR_NULL);
    CHECK_INT(spy.checkpoints, checkpoints);
    CHECK(ds_amqp_produce(client, none, NULL, &properties, 1, &consumed, &first, &stamped) == DS_ERR_EDGE);
    CHECK(occurrences(&stamped.properties, DS_HEADER_KEY, NULL) == 0 && stamped.properties.headers.num_entries == 4);
    CHECK(ds_amqp_produce(NULL, out, NULL, NULL, 1, &consumed, &first, &stamped) == DS_ERR_NULL);
    CHECK(stamped.properties._flags == 0 && stamped.properties.headers.num_entries == 0);
    CHECK(ds_amqp_produce(client, out, NULL, &properties, 1, &consumed, NULL, &stamped) == DS_OK);

    /* As many entries as there is room for; one more goes as it is, unrecorded. One of ours does not count. */
    for (int i = 0; i < DS_AMQP_HEADERS_MAX + 2; i++) many[i] = number("n", AMQP_FIELD_KIND_I64, i);
    properties = with_headers(many, DS_AMQP_HEADERS_MAX);
    CHECK_OK(ds_amqp_produce(client, out, NULL, &properties, 1, &consumed, NULL, &stamped));
    CHECK_INT(stamped.properties.headers.num_entries, DS_AMQP_HEADERS_MAX + 1);
    many[3] = utf8(DS_HEADER_KEY, "stale");
    properties.headers.num_entries++;
    CHECK_OK(ds_amqp_produce(client, out, NULL, &properties, 1, &consumed, NULL, &stamped));
    properties.headers.num_entries++;
    checkpoints = spy.checkpoints;
    CHECK(ds_amqp_produce(client, out, NULL, &properties, 1, &consumed, NULL, &stamped) == DS_ERR_INVALID);
    CHECK(spy.checkpoints == checkpoints && stamped.properties.headers.entries == many);
    CHECK_INT(stamped.properties.headers.num_entries, DS_AMQP_HEADERS_MAX + 2);
}

static void need(amqp_rpc_reply_t reply) {
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
        fprintf(stderr, "%s\n", amqp_error_string2(reply.library_error));
    CHECK_INT(reply.reply_type, AMQP_RESPONSE_NORMAL);
}

static void publish(const char *exchange, const char *key, const amqp_basic_properties_t *properties,
                    const char *body) {
    CHECK_INT(amqp_basic_publish(connection, CHANNEL, text(exchange), text(key), 0, 0, properties, text(body)), 0);
}

/* The next message of a queue; to be destroyed. */
static amqp_message_t get(const char *queue) {
    amqp_message_t message;
    for (int i = 0; i < 500; i++) {
        amqp_rpc_reply_t reply;
        amqp_maybe_release_buffers(connection);
        reply = amqp_basic_get(connection, CHANNEL, text(queue), 1);
        need(reply);
        if (reply.reply.id == AMQP_BASIC_GET_OK_METHOD) {
            need(amqp_read_message(connection, CHANNEL, &message, 0));
            return message;
        }
        sleep_ms(10);
    }
    fprintf(stderr, "%s stays empty\n", queue);
    exit(1);
}

static void queue(const char *name) {
    amqp_queue_declare(connection, CHANNEL, text(name), 0, 0, 0, 0, amqp_empty_table);
    need(amqp_get_rpc_reply(connection));
}

static void exchange(const char *name, const char *type, const char *bound, const char *key) {
    amqp_exchange_declare(connection, CHANNEL, text(name), text(type), 0, 0, 1, 0, amqp_empty_table);
    need(amqp_get_rpc_reply(connection));
    amqp_queue_bind(connection, CHANNEL, text(bound), text(name), text(key), amqp_empty_table);
    need(amqp_get_rpc_reply(connection));
}

/* Every way from a producer to a consumer: the pathway arrives, and the body and headers as they were. */
static void ways(const ds_client *client) {
    const struct {
        const char *exchange, *type, *bound, *key;
    } cases[] = {{"", NULL, NULL, "landing"},
                 {"by-direct", "direct", "eu", "eu"},
                 {"by-topic", "topic", "orders.*", "orders.eu"},
                 {"by-fanout", "fanout", "", ""},
                 {"by-fanout-keyed", "fanout", "", "ignored"}};
    amqp_table_entry_t entries[1];
    queue("landing");
    entries[0] = utf8("tenant", "\xc3\xa4");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        amqp_basic_properties_t properties = with_headers(entries, 1);
        ds_edge in = {0}, out = {0};
        ds_pathway sent, pathway;
        ds_status measured = DS_ERR_PANIC;
        amqp_message_t message;
        if (cases[i].type != NULL) exchange(cases[i].exchange, cases[i].type, "landing", cases[i].bound);
        CHECK_OK(ds_amqp_edge_in(client, text("landing"), &in));
        CHECK_OK(ds_amqp_edge_out(client, text(cases[i].exchange), text(cases[i].key), &out));
        CHECK_INT(ds_amqp_publish(client, out, NULL, &measured, connection, CHANNEL, text(cases[i].exchange),
                                  text(cases[i].key), 1, 0, &properties, text("hello")),
                  AMQP_STATUS_OK);
        CHECK_OK(measured);
        CHECK_INT(spy.size, 5 + 6 + 2);
        message = get("landing");
        CHECK(message.body.len == 5 && memcmp(message.body.bytes, "hello", 5) == 0);
        CHECK(occurrences(&message.properties, "tenant", NULL) == 1);
        sent = carried(&message.properties);
        CHECK(sent.hash != 0);
        CHECK_OK(ds_amqp_consume(client, in, &message, &pathway));
        CHECK(spy.size == 13 && spy.header_len > 0 && spy.queued_ns == 0);
        CHECK(pathway.start_ns / 1000000 == sent.start_ns / 1000000 && pathway.hash != sent.hash && pathway.direction == 1);
        amqp_destroy_message(&message);
    }
}

/* Headers as others may write them, and messages from before anybody measured. */
static void strange(const ds_client *client) {
    uint8_t header[DS_HEADER_MAX], legacy[DS_HEADER_MAX];
    size_t header_len = 0, legacy_len = 0;
    amqp_table_entry_t entries[3];
    amqp_basic_properties_t properties;
    amqp_message_t message;
    ds_edge in = {0}, other = {0};
    ds_pathway origin, pathway;
    const uint64_t unreadable = counter(client, "header_unreadable");
    const time_t now = time(NULL);
    CHECK_OK(ds_amqp_edge_in(client, text("strange"), &in));
    CHECK_OK(ds_amqp_edge_out(client, text("strange"), text("key"), &other));
    CHECK_OK(ds_set_checkpoint(client, other, 1, NULL, 0, NULL, &origin, header, sizeof header, &header_len));
    CHECK_OK(ds_pathway_encode(&origin, 1, legacy, sizeof legacy, &legacy_len));
    queue("strange");

    /* Bytes, as .NET's tracer writes; twice, of which the last counts; the legacy key alone. */
    for (int kind = 0; kind < 3; kind++) {
        entries[0] = utf8(DS_HEADER_KEY, "stale");
        entries[1] = utf8(kind == 2 ? DS_HEADER_KEY_LEGACY : DS_HEADER_KEY, "");
        entries[1].value.kind = kind == 0 ? AMQP_FIELD_KIND_BYTES : AMQP_FIELD_KIND_UTF8;
        entries[1].value.value.bytes.bytes = kind == 2 ? legacy : header;
        entries[1].value.value.bytes.len = kind == 2 ? legacy_len : header_len;
        if (kind == 2) entries[1].value.kind = AMQP_FIELD_KIND_BYTES;
        properties = with_headers(kind == 1 ? entries : entries + 1, kind == 1 ? 2 : 1);
        publish("", "strange", &properties, "x");
        message = get("strange");
        CHECK_OK(ds_amqp_consume(client, in, &message, &pathway));
        CHECK(pathway.start_ns / 1000000 == origin.start_ns / 1000000 && spy.size == 1);
        amqp_destroy_message(&message);
    }
    CHECK_INT(counter(client, "header_unreadable"), unreadable);

    /* What cannot be read starts anew, and is counted; nothing at all is not. */
    entries[0] = utf8(DS_HEADER_KEY, "?!");
    entries[1] = number(DS_HEADER_KEY, AMQP_FIELD_KIND_I64, 17);
    entries[2] = number(DS_HEADER_KEY, AMQP_FIELD_KIND_VOID, 0);
    for (int i = 0; i < 3; i++) {
        properties = with_headers(entries + i, 1);
        publish("", "strange", &properties, "x");
        message = get("strange");
        CHECK_OK(ds_amqp_consume(client, in, &message, &pathway));
        CHECK(pathway.start_ns == pathway.edge_start_ns && pathway.hash != 0);
        amqp_destroy_message(&message);
    }
    CHECK_INT(counter(client, "header_unreadable"), unreadable + 2);

    /* A timestamp in seconds is when the pathway starts; one that cannot be seconds is passed over. */
    for (int i = 0; i < 3; i++) {
        const uint64_t times[] = {(uint64_t)now - 100, (uint64_t)now * 1000, UINT64_MAX};
        memset(&properties, 0, sizeof properties);
        properties._flags = AMQP_BASIC_TIMESTAMP_FLAG;
        properties.timestamp = times[i];
        publish("", "strange", &properties, "x");
        message = get("strange");
        CHECK_OK(ds_amqp_consume(client, in, &message, &pathway));
        CHECK_INT(spy.queued_ns, i == 0 ? (now - 100) * 1000000000LL : 0);
        CHECK((pathway.start_ns == spy.queued_ns) == (i == 0));
        amqp_destroy_message(&message);
    }

    /* Without a client, an edge or a message: no pathway of an earlier message is left. */
    publish("", "strange", NULL, "x");
    message = get("strange");
    pathway = origin;
    CHECK(ds_amqp_consume(NULL, in, &message, &pathway) == DS_ERR_NULL && pathway.hash == 0 && pathway.start_ns == 0);
    pathway = origin;
    in.id = 0;
    CHECK(ds_amqp_consume(client, in, &message, &pathway) == DS_ERR_EDGE && pathway.start_ns == 0);
    CHECK(ds_amqp_consume(client, in, NULL, NULL) == DS_ERR_NULL);
    amqp_destroy_message(&message);
}

/* The longest headers that a frame takes with ours, and one byte more: both arrive. */
static void longest(const ds_client *client) {
    static char value[200000];
    const size_t frame = (size_t)amqp_get_frame_max(connection);
    /* A frame of 8 and 12 bytes, flags, the table's length, two names, kinds and lengths, and our value. */
    const size_t room = frame - 8 - 12 - 2 - 4 - (1 + 4 + 5) - (1 + sizeof DS_HEADER_KEY - 1 + 5) - DS_HEADER_MAX;
    amqp_table_entry_t entries[1];
    amqp_basic_properties_t properties;
    ds_edge in = {0}, out = {0};
    CHECK(frame > 4096 && frame < sizeof value);
    CHECK_OK(ds_amqp_edge_in(client, text("longest"), &in));
    CHECK_OK(ds_amqp_edge_out(client, amqp_empty_bytes, text("longest"), &out));
    queue("longest");
    memset(value, 'a', sizeof value);
    for (size_t more = 0; more < 2; more++) {
        amqp_message_t message;
        ds_status measured = DS_OK;
        entries[0] = utf8("long", "");
        entries[0].value.value.bytes.bytes = value;
        entries[0].value.value.bytes.len = room + more;
        properties = with_headers(entries, 1);
        CHECK_INT(ds_amqp_publish(client, out, NULL, &measured, connection, CHANNEL, amqp_empty_bytes, text("longest"),
                                  0, 0, &properties, text("x")),
                  AMQP_STATUS_OK);
        CHECK_INT(measured, more == 0 ? DS_OK : DS_ERR_INVALID);
        message = get("longest");
        CHECK_INT(occurrences(&message.properties, DS_HEADER_KEY, NULL), 1 - (int)more);
        CHECK_OK(ds_amqp_consume(client, in, &message, NULL));
        CHECK_INT(spy.size, 1 + 4 + (int)(room + more));
        amqp_destroy_message(&message);
    }
}

int main(int argc, char **argv) {
    ds_client *client, *with_agent;
    amqp_socket_t *socket;
    CHECK_INT(argc, 4);
    connection = amqp_new_connection();
    socket = amqp_tcp_socket_new(connection);
    CHECK_INT(amqp_socket_open(socket, argv[1], atoi(argv[2])), AMQP_STATUS_OK);
    need(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"));
    amqp_channel_open(connection, CHANNEL);
    need(amqp_get_rpc_reply(connection));

    client = client_at(NULL, DS_DELIVERY_HOST);
    edges(client);
    stamping(client);
    strange(client);
    ds_client_free(client);

    with_agent = client_at(argv[3], DS_DELIVERY_THREAD);
    ways(with_agent);
    longest(with_agent);
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
    CHECK_OK(ds_client_stop(with_agent, 20000));
    ds_client_free(with_agent);
    return done();
}
