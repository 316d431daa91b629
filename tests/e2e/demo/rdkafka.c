// datastreams_rdkafka.h over librdkafka's mock cluster, or over the Kafka that DATASTREAMS_KAFKA=host:port names (with no
// topic "orders" yet): messages and offsets that were really sent and read.
//
// What the header hands to the library is looked at on its way (`spy`), and then handed on.
#define _POSIX_C_SOURCE 200809L
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include "check.h"

static struct {
    uint64_t size;
    int64_t queued_ns;
    size_t header_len;
    int checkpoints;
    struct {
        ds_edge edge;
        int32_t partition;
        int64_t offset;
    } tracked[16];
    int count;
} spy;

static ds_status spy_checkpoint(const ds_client *client, ds_edge edge, uint64_t size, const ds_options *options,
                                const uint8_t *header, size_t header_len, const ds_pathway *parent,
                                ds_pathway *pathway, uint8_t *out, size_t out_cap, size_t *out_len) {
    spy.size = size;
    spy.queued_ns = options != NULL ? options->queued_ns : 0;
    spy.header_len = header_len;
    spy.checkpoints++;
    return ds_set_checkpoint_with(client, edge, size, options, header, header_len, parent, pathway, out, out_cap,
                                  out_len);
}

static ds_status spy_offset(const ds_client *client, ds_edge edge, int32_t partition, int64_t offset) {
    if (spy.count < 16) {
        spy.tracked[spy.count].edge = edge;
        spy.tracked[spy.count].partition = partition;
        spy.tracked[spy.count].offset = offset;
    }
    spy.count++;
    return ds_track_offset(client, edge, partition, offset);
}

#define ds_set_checkpoint(client, edge, size, header, header_len, parent, pathway, out, cap, len) \
    spy_checkpoint(client, edge, size, NULL, header, header_len, parent, pathway, out, cap, len)
#define ds_set_checkpoint_with spy_checkpoint
#define ds_track_offset spy_offset
#include "datastreams_rdkafka.h"
#undef ds_track_offset

static int occurrences(const rd_kafka_headers_t *headers, const char *name) {
    const void *value;
    size_t size;
    int count = 0;
    while (rd_kafka_header_get(headers, (size_t)count, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) count++;
    return count;
}

/* The pathway of a header, by its last occurrence. */
static ds_pathway carried(const rd_kafka_headers_t *headers, const char *name) {
    ds_pathway pathway;
    const void *value;
    size_t size;
    memset(&pathway, 0, sizeof pathway);
    if (rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        ds_pathway_decode((const uint8_t *)value, size, 0, &pathway) != DS_OK)
        memset(&pathway, 0, sizeof pathway);
    return pathway;
}

static int same_edge(const ds_client *client, ds_edge edge, const char *const *tags, size_t count) {
    ds_str list[8];
    ds_edge other = {0};
    for (size_t i = 0; i < count; i++) {
        list[i].ptr = tags[i];
        list[i].len = strlen(tags[i]);
    }
    return ds_edge_intern(client, list, count, DS_STR(""), &other) == DS_OK && other.id == edge.id;
}

static void edges(const ds_client *client) {
    const char *const in[] = {"direction:in", "group:billing", "topic:orders", "type:kafka"};
    const char *const out[] = {"direction:out", "topic:orders", "type:kafka", "kafka_cluster_id:c1"};
    const char *const produced[] = {"topic:orders", "type:kafka_produce"};
    const char *const committed[] = {"consumer_group:billing", "topic:orders", "type:kafka_commit"};
    const char *const high[] = {"topic:orders", "type:kafka_high_watermark"};
    static ds_rdkafka_topics topics;
    ds_edge edge = {7}, again;
    char group[DS_RDKAFKA_TAG_MAX + 1], name[32];

    CHECK(ds_rdkafka_edge_in(client, NULL, "billing", NULL, &edge) == DS_ERR_NULL && edge.id == 7);
    CHECK(ds_rdkafka_edge_in(client, "orders", NULL, NULL, &edge) == DS_ERR_NULL && edge.id == 7);
    CHECK(ds_rdkafka_edge_in(NULL, "orders", "billing", NULL, &edge) == DS_ERR_NULL && edge.id == 7);
    memset(group, 'g', sizeof group);
    group[DS_RDKAFKA_TAG_MAX - 6] = '\0'; /* "group:" and the NUL: one too many */
    CHECK(ds_rdkafka_edge_in(client, "orders", group, NULL, &edge) == DS_ERR_INVALID && edge.id == 7);
    group[DS_RDKAFKA_TAG_MAX - 7] = '\0';
    CHECK(ds_rdkafka_edge_in(client, "orders", group, NULL, &edge) == DS_OK && edge.id != 7);
    CHECK(ds_rdkafka_edge_in(client, "orders", "billing", "", &edge) == DS_OK && same_edge(client, edge, in, 4));
    CHECK(ds_rdkafka_edge_out(client, "orders", "c1", &edge) == DS_OK && same_edge(client, edge, out, 4));
    CHECK(ds_rdkafka_edge(client, DS_RDKAFKA_PRODUCED, "orders", "not used", NULL, &edge) == DS_OK &&
          same_edge(client, edge, produced, 2));
    CHECK(ds_rdkafka_edge(client, DS_RDKAFKA_COMMITTED, "orders", "billing", NULL, &edge) == DS_OK &&
          same_edge(client, edge, committed, 3));
    CHECK(ds_rdkafka_edge(client, DS_RDKAFKA_HIGH_WATERMARK, "orders", NULL, NULL, &edge) == DS_OK &&
          same_edge(client, edge, high, 2));

    /* More topics than the table holds: the same answers, from the table or not. */
    ds_rdkafka_topics_init(&topics, client, DS_RDKAFKA_OUT, NULL, NULL);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < DS_RDKAFKA_TOPICS_MAX + 4; i++) {
            snprintf(name, sizeof name, "topic-%d", i);
            CHECK(ds_rdkafka_topics_edge(&topics, name, &edge) == DS_OK);
            CHECK(ds_rdkafka_edge_out(client, name, NULL, &again) == DS_OK && again.id == edge.id);
        }
        CHECK(topics.count == DS_RDKAFKA_TOPICS_MAX);
    }
    CHECK(ds_rdkafka_topics_edge(&topics, NULL, &edge) == DS_ERR_NULL);
}

static void producing(const ds_client *client) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    ds_edge in = {0}, out = {0}, none = {0};
    ds_pathway consumed, first, second, third, read;
    int before;
    CHECK(ds_rdkafka_edge_in(client, "orders", "billing", NULL, &in) == DS_OK);
    CHECK(ds_rdkafka_edge_out(client, "payments", NULL, &out) == DS_OK);
    CHECK(ds_set_checkpoint(client, in, 1, NULL, 0, NULL, &consumed, NULL, 0, NULL) == DS_OK);

    /* Size: key, value, and the names and values of the other headers; a null value counts 0. */
    rd_kafka_header_add(headers, "content-type", -1, "text/plain", -1);
    rd_kafka_header_add(headers, "nothing", -1, NULL, 0);
    CHECK(ds_rdkafka_produce(client, out, headers, 3, 100, &consumed, &first) == DS_OK);
    CHECK(spy.size == 3 + 100 + 12 + 10 + 7 && spy.header_len == 0);
    CHECK(occurrences(headers, DS_HEADER_KEY) == 1 && occurrences(headers, DS_HEADER_KEY_LEGACY) == 0);
    read = carried(headers, DS_HEADER_KEY);
    CHECK(read.hash == first.hash && read.hash != consumed.hash && read.start_ns / 1000000 == first.start_ns / 1000000);

    /* The same headers again (forwarded): ours is replaced and not counted; a parent goes before what it says. */
    rd_kafka_header_add(headers, DS_HEADER_KEY, -1, "stale", -1);
    rd_kafka_header_add(headers, DS_HEADER_KEY_LEGACY, -1, "stale", -1);
    CHECK(ds_rdkafka_produce(client, out, headers, 3, 100, &consumed, &second) == DS_OK);
    CHECK(second.hash == first.hash && spy.size == 132 && spy.header_len == 0);
    CHECK(occurrences(headers, DS_HEADER_KEY) == 1 && occurrences(headers, DS_HEADER_KEY_LEGACY) == 0);

    /* Without a parent the header goes on, from where it had come. */
    read = carried(headers, DS_HEADER_KEY);
    CHECK(ds_rdkafka_produce(client, out, headers, 3, 100, NULL, &third) == DS_OK && spy.header_len > 0);
    CHECK(ds_set_checkpoint(client, out, 1, NULL, 0, &read, &read, NULL, 0, NULL) == DS_OK && third.hash == read.hash);
    memset(&read, 0, sizeof read);
    second = carried(headers, DS_HEADER_KEY);
    CHECK(ds_rdkafka_produce(client, out, headers, 3, 100, &read, &third) == DS_OK); /* zero is no parent either */
    CHECK(ds_set_checkpoint(client, out, 1, NULL, 0, &second, &second, NULL, 0, NULL) == DS_OK);
    CHECK(third.hash == second.hash);

    /* The legacy header beside it: once, and binary. */
    CHECK(ds_rdkafka_legacy_header(headers, &third) == DS_OK && ds_rdkafka_legacy_header(headers, &third) == DS_OK);
    CHECK(occurrences(headers, DS_HEADER_KEY_LEGACY) == 1 && occurrences(headers, DS_HEADER_KEY) == 1);
    CHECK(carried(headers, DS_HEADER_KEY_LEGACY).hash == third.hash);
    CHECK(ds_rdkafka_legacy_header(NULL, &third) == DS_ERR_NULL);
    CHECK(ds_rdkafka_legacy_header(headers, NULL) == DS_ERR_NULL);

    /* Errors leave no header of ours, and the other headers. */
    before = spy.checkpoints;
    CHECK(ds_rdkafka_produce(client, out, NULL, 3, 100, &consumed, &third) == DS_ERR_NULL);
    CHECK(spy.checkpoints == before);
    CHECK(ds_rdkafka_produce(client, none, headers, 3, 100, &consumed, &third) == DS_ERR_EDGE);
    CHECK(occurrences(headers, DS_HEADER_KEY) == 0 && occurrences(headers, DS_HEADER_KEY_LEGACY) == 0);
    CHECK(occurrences(headers, "content-type") == 1);
    CHECK(ds_rdkafka_produce(NULL, out, headers, 3, 100, &consumed, &third) == DS_ERR_NULL);
    CHECK(occurrences(headers, DS_HEADER_KEY) == 0);
    /* And what follows is not disturbed. pathway may be NULL, and the same as the parent. */
    CHECK(ds_rdkafka_produce(client, out, headers, 3, 100, &consumed, NULL) == DS_OK);
    CHECK(ds_rdkafka_produce(client, out, headers, 3, 100, &consumed, &consumed) == DS_OK);
    CHECK(consumed.hash == first.hash);
    rd_kafka_headers_destroy(headers);
}

static rd_kafka_t *kafka(rd_kafka_type_t type, const char *const *settings, void *opaque,
                         void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *)) {
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk;
    for (; settings[0] != NULL; settings += 2) {
        if (rd_kafka_conf_set(conf, settings[0], settings[1], error, sizeof error) != RD_KAFKA_CONF_OK) {
            fprintf(stderr, "%s\n", error);
            exit(1);
        }
    }
    rd_kafka_conf_set_opaque(conf, opaque);
    if (delivered != NULL) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rk = rd_kafka_new(type, conf, error, sizeof error);
    if (rk == NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return rk;
}

static int delivered_count, undelivered_count, again;
static ds_rdkafka_headers refusals;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *produced) {
    const ds_status status = ds_rdkafka_track_delivery((ds_rdkafka_topics *)produced, message);
    (void)rk;
    again = ds_rdkafka_headers_refused(&refusals, message);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        delivered_count++;
        CHECK(status == DS_OK);
    } else {
        undelivered_count++;
        CHECK(status == DS_ERR_INVALID);
    }
}

static void put(rd_kafka_t *producer, const char *key, const char *value, int64_t at_ms, rd_kafka_headers_t *headers) {
    const size_t key_len = key != NULL ? strlen(key) : 0, value_len = value != NULL ? strlen(value) : 0;
    const rd_kafka_resp_err_t error =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("orders"), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_KEY(key, key_len),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value_len),
                          RD_KAFKA_V_TIMESTAMP(at_ms), RD_KAFKA_V_HEADERS(headers),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    CHECK_INT(error, RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* The next message, or the end of the partition. */
static rd_kafka_message_t *next(rd_kafka_t *consumer) {
    for (int i = 0; i < 300; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (message != NULL) return message;
    }
    fputs("no message came\n", stderr);
    exit(1);
}

static void over_kafka(const ds_client *client) {
    const char *const real = getenv("DATASTREAMS_KAFKA");
    const char *const mock[] = {real != NULL ? "bootstrap.servers" : "test.mock.num.brokers", real != NULL ? real : "1",
                                "linger.ms", "0", "log_level", "3", NULL};
    static ds_rdkafka_topics produced, committed, ends;
    ds_rdkafka_topics_init(&produced, client, DS_RDKAFKA_PRODUCED, NULL, NULL);
    ds_rdkafka_topics_init(&committed, client, DS_RDKAFKA_COMMITTED, "billing", NULL);
    ds_rdkafka_topics_init(&ends, client, DS_RDKAFKA_HIGH_WATERMARK, NULL, NULL);
    rd_kafka_t *producer = kafka(RD_KAFKA_PRODUCER, mock, &produced, on_delivery);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(producer); /* NULL: there is none */
    CHECK((cluster == NULL) == (real != NULL));
    /* A real broker makes the topic when it is asked for it, with one partition. */
    CHECK(real != NULL || rd_kafka_mock_topic_create(cluster, "orders", 1, 1) == RD_KAFKA_RESP_ERR_NO_ERROR);
    const char *const reader[] = {"bootstrap.servers", real != NULL ? real : rd_kafka_mock_cluster_bootstraps(cluster),
                                  "group.id", "billing", "auto.offset.reset", "earliest", "enable.auto.commit", "false",
                                  "fetch.wait.max.ms", "10", "enable.partition.eof", "true", NULL};
    rd_kafka_t *consumer = kafka(RD_KAFKA_CONSUMER, reader, NULL, NULL);

    char id[64], tiny[2];
    CHECK(ds_rdkafka_cluster_id(producer, 5000, id, sizeof id) == id && strlen(id) > 1);
    CHECK(ds_rdkafka_cluster_id(producer, 5000, tiny, sizeof tiny) == NULL && tiny[0] == '\0');
    CHECK(ds_rdkafka_cluster_id(NULL, 5000, id, sizeof id) == NULL && id[0] == '\0');

    ds_edge out = {0}, in = {0};
    CHECK(ds_rdkafka_edge_out(client, "orders", NULL, &out) == DS_OK);
    CHECK(ds_rdkafka_edge_in(client, "orders", "billing", NULL, &in) == DS_OK);
    ds_pathway sent[4], pathway;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    rd_kafka_headers_t *headers;

    /* 0: an ordinary message. 1: a tombstone, with our header twice: the last counts. */
    headers = rd_kafka_headers_new(4);
    rd_kafka_header_add(headers, "trace", -1, "abc", -1);
    CHECK(ds_rdkafka_produce(client, out, headers, 2, 5, NULL, &sent[0]) == DS_OK);
    put(producer, "k0", "value", now_ms, headers);
    headers = rd_kafka_headers_new(4);
    CHECK(ds_rdkafka_produce(client, out, headers, 2, 0, &sent[0], &sent[1]) == DS_OK);
    uint8_t text[DS_HEADER_MAX];
    size_t text_len = 0;
    CHECK(ds_pathway_encode(&sent[0], 0, text, sizeof text, &text_len) == DS_OK);
    rd_kafka_header_add(headers, DS_HEADER_KEY, -1, text, (ssize_t)text_len); /* as clients do that only add */
    rd_kafka_header_add(headers, "nothing", -1, NULL, 0);
    put(producer, "k1", NULL, now_ms, headers);
    /* 2: nothing of ours, five seconds in the queue. 3: only the legacy header. */
    put(producer, NULL, "plain", now_ms - 5000, rd_kafka_headers_new(1));
    headers = rd_kafka_headers_new(2);
    CHECK(ds_rdkafka_produce(client, out, headers, 0, 1, NULL, &sent[3]) == DS_OK);
    CHECK(ds_rdkafka_legacy_header(headers, &sent[3]) == DS_OK);
    CHECK(rd_kafka_header_remove(headers, DS_HEADER_KEY) == RD_KAFKA_RESP_ERR_NO_ERROR);
    put(producer, NULL, "3", now_ms, headers);
    /* 4: a first header that cannot be read, and a legacy one that can. 5: neither can be read. */
    headers = rd_kafka_headers_new(2);
    CHECK(ds_rdkafka_legacy_header(headers, &sent[3]) == DS_OK);
    rd_kafka_header_add(headers, DS_HEADER_KEY, -1, "?", -1);
    put(producer, NULL, "4", now_ms, headers);
    headers = rd_kafka_headers_new(2);
    rd_kafka_header_add(headers, DS_HEADER_KEY, -1, "?!", -1);
    rd_kafka_header_add(headers, DS_HEADER_KEY_LEGACY, -1, "?", -1);
    put(producer, NULL, "5", now_ms, headers);
    /* 6: an empty message with an empty header of ours. */
    headers = rd_kafka_headers_new(2);
    rd_kafka_header_add(headers, DS_HEADER_KEY, -1, "", 0);
    put(producer, NULL, NULL, now_ms, headers);
    CHECK(rd_kafka_flush(producer, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR);
    CHECK(delivered_count == 7 && spy.count == 7);
    for (int i = 0; i < 7; i++) CHECK(spy.tracked[i].partition == 0 && spy.tracked[i].offset == i);
    const char *const produced_tags[] = {"topic:orders", "type:kafka_produce"};
    CHECK(same_edge(client, spy.tracked[0].edge, produced_tags, 2));

    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, "orders", RD_KAFKA_PARTITION_UA);
    CHECK(rd_kafka_subscribe(consumer, topics) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);

    /* What each is expected to go on from, its size, and the length of the header that is taken. */
    const struct {
        const ds_pathway *parent;
        uint64_t size;
        int has_header;
    } expected[7] = {{&sent[0], 2 + 5 + 5 + 3, 1}, {&sent[0], 2 + 7, 1}, {NULL, 5, 0}, {&sent[3], 1, 1},
                     {&sent[3], 1, 1}, {NULL, 1, 1}, {NULL, 0, 0}};
    const uint64_t unreadable = counter(client, "header_unreadable");
    for (int i = 0; i < 7; i++) {
        ds_pathway after, root;
        memset(&pathway, 0xff, sizeof pathway); /* whatever was in it before */
        rd_kafka_message_t *message = next(consumer);
        CHECK(message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset == i);
        CHECK(ds_rdkafka_consume(client, in, message, &pathway) == DS_OK);
        CHECK(spy.size == expected[i].size);
        CHECK((spy.header_len > 0) == expected[i].has_header);
        CHECK(spy.queued_ns == (i == 2 ? now_ms - 5000 : now_ms) * 1000000);
        CHECK(ds_set_checkpoint(client, in, 0, NULL, 0, expected[i].parent, &after, NULL, 0, NULL) == DS_OK);
        CHECK(ds_set_checkpoint(client, in, 0, NULL, 0, NULL, &root, NULL, 0, NULL) == DS_OK);
        CHECK(pathway.hash == after.hash && (pathway.hash == root.hash) == (expected[i].parent == NULL));
        if (i == 2) CHECK(pathway.start_ns == (now_ms - 5000) * 1000000);
        if (expected[i].parent != NULL) CHECK(pathway.start_ns / 1000000 == expected[i].parent->start_ns / 1000000);
        CHECK(ds_rdkafka_consume(client, in, message, NULL) == DS_OK);
        CHECK(ds_rdkafka_consume(NULL, in, message, &pathway) == DS_ERR_NULL && pathway.start_ns == 0);
        rd_kafka_message_destroy(message);
    }
    CHECK(counter(client, "header_unreadable") == unreadable + 2); /* message 5, consumed twice; 4 was readable */

    /* The end of the partition is no message. */
    rd_kafka_message_t *end = next(consumer);
    const int before = spy.checkpoints;
    memset(&pathway, 0xff, sizeof pathway);
    CHECK(end->err == RD_KAFKA_RESP_ERR__PARTITION_EOF);
    CHECK(ds_rdkafka_consume(client, in, end, &pathway) == DS_ERR_INVALID);
    CHECK(pathway.start_ns == 0 && pathway.hash == 0 && spy.checkpoints == before);
    rd_kafka_message_destroy(end);
    CHECK(ds_rdkafka_consume(client, in, NULL, &pathway) == DS_ERR_NULL);

    /* Commits as they are; what failed or has no offset is left out. */
    spy.count = 0;
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(3);
    rd_kafka_topic_partition_list_add(offsets, "orders", 0)->offset = 7;
    const rd_kafka_resp_err_t commit = rd_kafka_commit(consumer, offsets, 0);
    CHECK(commit == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_add(offsets, "orders", 1)->offset = RD_KAFKA_OFFSET_INVALID;
    rd_kafka_topic_partition_list_add(offsets, "orders", 2)->offset = 3;
    offsets->elems[2].err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    CHECK(ds_rdkafka_track_commit(&committed, commit, offsets) == DS_OK);
    CHECK(spy.count == 1 && spy.tracked[0].partition == 0 && spy.tracked[0].offset == 7);
    const char *const committed_tags[] = {"consumer_group:billing", "topic:orders", "type:kafka_commit"};
    CHECK(same_edge(client, spy.tracked[0].edge, committed_tags, 3));
    CHECK(ds_rdkafka_track_commit(&committed, RD_KAFKA_RESP_ERR__NO_OFFSET, offsets) == DS_OK && spy.count == 1);
    CHECK(ds_rdkafka_track_commit(&committed, RD_KAFKA_RESP_ERR__TIMED_OUT, offsets) == DS_ERR_INVALID);
    CHECK(ds_rdkafka_track_commit(&committed, commit, NULL) == DS_ERR_NULL && spy.count == 1);
    rd_kafka_topic_partition_list_destroy(offsets);

    spy.count = 0;
    CHECK(ds_rdkafka_track_high_watermarks(&ends, consumer) == DS_OK);
    CHECK(spy.count == 1 && spy.tracked[0].partition == 0 && spy.tracked[0].offset == 7);
    CHECK(ds_rdkafka_track_high_watermarks(&ends, NULL) == DS_ERR_NULL);

    if (cluster != NULL) {
        /* What may be a refusal of headers: not when the message has others, or ours was never refused. */
        for (int i = 0; i < 4; i++) {
            headers = i == 0 || i == 3 ? NULL : rd_kafka_headers_new(2);
            if (headers != NULL) CHECK(ds_rdkafka_produce(client, out, headers, 0, 7, NULL, NULL) == DS_OK);
            if (i == 1) rd_kafka_header_add(headers, "own", -1, "x", 1);
            rd_kafka_mock_push_request_errors(cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_UNKNOWN);
            put(producer, NULL, "refused", 0, headers);
            rd_kafka_flush(producer, 10000);
            CHECK(undelivered_count == 1 + i && again == (i >= 2) && ds_rdkafka_headers_on(&refusals) == (i < 2));
        }
        put(producer, NULL, "taken", 0, NULL);
        rd_kafka_flush(producer, 10000);
        CHECK(delivered_count == 8 && again == 0);
        CHECK(ds_rdkafka_headers_on(NULL) == 1 && ds_rdkafka_headers_refused(NULL, NULL) == 0);

        /* A message that is not delivered has no offset. */
        spy.count = 0;
        rd_kafka_mock_push_request_errors(cluster, 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
        put(producer, NULL, "refused", 0, rd_kafka_headers_new(1));
        rd_kafka_flush(producer, 10000);
        CHECK(undelivered_count == 5 && spy.count == 0 && again == 0);
    }

    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
}

/* What librdkafka takes by itself it takes with our header, where there is room for it. Nothing is sent. */
static void limits(const ds_client *client) {
    static const char *const settings[] = {"message.max.bytes", "2000", "log_level", "0", NULL};
    static const char value[2000];
    rd_kafka_t *producer = kafka(RD_KAFKA_PRODUCER, settings, NULL, NULL);
    const size_t most = ds_rdkafka_max_bytes(producer);
    int taken = 0, fitting = 0;
    ds_edge out = {0};
    size_t len;
    CHECK(most == 2000 && ds_rdkafka_max_bytes(NULL) == 0);
    CHECK(ds_rdkafka_edge_out(client, "payments", NULL, &out) == DS_OK);
    for (len = 1600; len <= sizeof value; len++) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(2), *alone;
        int fits;
        rd_kafka_header_add(headers, "content-type", -1, "text/plain", -1);
        rd_kafka_header_add(headers, "nothing", -1, NULL, 0);
        alone = rd_kafka_headers_copy(headers);
        rd_kafka_header_add(headers, DS_HEADER_KEY, -1, "stale", -1); /* is replaced */
        fits = ds_rdkafka_fits(most, headers, 3, len);
        CHECK(fits == ds_rdkafka_fits(most, alone, 3, len) && ds_rdkafka_fits(0, headers, 3, len) == 1);
        if (rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_KEY("key", 3),
                              RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len), RD_KAFKA_V_HEADERS(alone),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR)
            taken++;
        else
            rd_kafka_headers_destroy(alone);
        if (!fits) {
            rd_kafka_headers_destroy(headers);
            continue;
        }
        fitting++;
        CHECK(ds_rdkafka_produce(client, out, headers, 3, len, NULL, NULL) == DS_OK);
        CHECK_INT(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_KEY("key", 3),
                                    RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len), RD_KAFKA_V_HEADERS(headers),
                                    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                  RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    /* It is on the safe side, for the batch that the broker counts, and by no more than the longest lengths. */
    CHECK(fitting > 0 && taken - fitting >= 61 + 21 + 28 + 2 && taken - fitting <= 61 + 21 + 36 + 2 + 2 * 10);
    CHECK(ds_rdkafka_fits(10, NULL, 0, 0) == 0 && ds_rdkafka_fits(2000, NULL, 1, (size_t)-1) == 0);
    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE);
    rd_kafka_destroy(producer);
}

int main(void) {
    ds_config config = DS_CONFIG_INIT;
    ds_client *client = NULL;
    ds_error error;
    config.service = DS_STR("test");
    config.delivery = DS_DELIVERY_HOST;
    if (ds_client_new(&config, &client, &error) != DS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    edges(client);
    producing(client);
    limits(client);
    over_kafka(client);
    ds_client_free(client);
    return 0;
}
