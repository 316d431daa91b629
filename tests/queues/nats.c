/* datastreams_nats.h over a real NATS server with JetStream: nats URL AGENT_URL */
#define _POSIX_C_SOURCE 200809L
#include "spy.h"

#include "datastreams_nats.h"

static natsConnection *nc;

#define NEED(call) CHECK_INT(call, NATS_OK)

/* A message with a header, which may be NULL. */
static natsMsg *message(const char *subject, int len, const char *name, const char *value) {
    natsMsg *msg = NULL;
    char *data = (char *)malloc((size_t)len + 1);
    CHECK(data != NULL);
    memset(data, 'x', (size_t)len);
    NEED(natsMsg_Create(&msg, subject, NULL, data, len));
    free(data);
    if (name != NULL) NEED(natsMsgHeader_Set(msg, name, value));
    return msg;
}

static int occurrences(natsMsg *msg, const char *name) {
    const char **values = NULL;
    int count = 0;
    if (natsMsgHeader_Values(msg, name, &values, &count) != NATS_OK) return 0;
    free((void *)values);
    return count;
}

/* The pathway that a message carries; zero: none. */
static ds_pathway carried(natsMsg *msg) {
    const char *value = NULL;
    ds_pathway pathway;
    memset(&pathway, 0, sizeof pathway);
    if (natsMsgHeader_Get(msg, DS_HEADER_KEY, &value) == NATS_OK)
        CHECK_OK(ds_pathway_decode((const uint8_t *)value, strlen(value), 0, &pathway));
    return pathway;
}

static natsMsg *next(natsSubscription *subscription) {
    natsMsg *msg = NULL;
    NEED(natsSubscription_NextMsg(&msg, subscription, 20000));
    return msg;
}

static void edges(const ds_client *client) {
    static ds_nats_subjects subjects;
    char text[DS_MESSAGE_TAG_MAX + 8];
    ds_edge edge = {7}, again;
    CHECK_OK(ds_nats_edge_in(client, "shop.orders", "billing", &edge));
    CHECK(same_edge(client, edge, TAGS("direction:in", "group:billing", "topic:shop.orders", "type:nats")));
    CHECK_OK(ds_nats_edge_in(client, "shop.orders", NULL, &edge));
    CHECK(same_edge(client, edge, TAGS("direction:in", "topic:shop.orders", "type:nats")));
    CHECK_OK(ds_nats_edge_in(client, "shop.orders", "", &again));
    CHECK(again.id == edge.id);
    CHECK_OK(ds_nats_edge_out(client, "shop.orders", &edge));
    CHECK(same_edge(client, edge, TAGS("direction:out", "topic:shop.orders", "type:nats")));

    edge.id = 7;
    CHECK(ds_nats_edge_in(NULL, "shop", NULL, &edge) == DS_ERR_NULL && edge.id == 7);
    CHECK(ds_nats_edge_in(client, NULL, NULL, &edge) == DS_ERR_NULL && edge.id == 7);
    CHECK(ds_nats_edge_in(client, "", NULL, &edge) == DS_ERR_INVALID && edge.id == 7);
    CHECK(ds_nats_edge_in(client, "_INBOX.x.1", NULL, &edge) == DS_ERR_INVALID && edge.id == 7);
    CHECK(ds_nats_edge_out(client, "$JS.ACK.x", &edge) == DS_ERR_INVALID && edge.id == 7);
    CHECK(ds_nats_edge(client, (ds_nats_kind)9, "shop", NULL, &edge) == DS_ERR_INVALID && edge.id == 7);
    CHECK_OK(ds_nats_edge_out(client, "_INBOXES", &edge));
    memset(text, 's', sizeof text);
    text[DS_MESSAGE_TAG_MAX - 6] = '\0'; /* "topic:" and that many fit */
    CHECK_OK(ds_nats_edge_out(client, text, &edge));
    text[DS_MESSAGE_TAG_MAX - 6] = 's';
    text[DS_MESSAGE_TAG_MAX - 5] = '\0';
    CHECK(ds_nats_edge_out(client, text, &edge) == DS_ERR_INVALID);

    /* More subjects than the table holds, and longer ones: the same answers, from the table or not. */
    ds_nats_subjects_init(&subjects, client, DS_NATS_IN, "g");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < DS_NATS_SUBJECTS_MAX + 4; i++) {
            memset(text, 'l', DS_NATS_SUBJECT_MAX);
            snprintf(text + (i == 0 ? DS_NATS_SUBJECT_MAX : 0), 32, "subject-%d", i);
            CHECK_OK(ds_nats_subjects_edge(&subjects, text, &edge));
            CHECK_OK(ds_nats_edge_in(client, text, "g", &again));
            CHECK(again.id == edge.id);
        }
        CHECK_INT(subjects.count, DS_NATS_SUBJECTS_MAX);
    }
    CHECK(ds_nats_subjects_edge(&subjects, "_INBOX.1", &edge) == DS_ERR_INVALID && edge.id == 0);
    edge.id = 7;
    CHECK(ds_nats_subjects_edge(&subjects, NULL, &edge) == DS_ERR_NULL && edge.id == 0);
}

static void stamping(const ds_client *client) {
    ds_edge in = {0}, out = {0}, none = {0};
    ds_pathway consumed, first, second, read;
    natsMsg *msg = message("payments", 100, NULL, NULL);
    int checkpoints;
    CHECK_OK(ds_nats_edge_in(client, "orders", "g", &in));
    CHECK_OK(ds_nats_edge_out(client, "payments", &out));
    CHECK_OK(ds_set_checkpoint(client, in, 1, NULL, 0, NULL, &consumed, NULL, 0, NULL));

    CHECK_OK(ds_nats_produce(client, out, NULL, msg, &consumed, &first));
    CHECK(spy.size == 100 && spy.header_len == 0);
    read = carried(msg);
    CHECK(read.hash == first.hash && read.hash != consumed.hash && read.start_ns / 1000000 == first.start_ns / 1000000);

    /* Headers with several values count with each; ours is replaced and not counted; a parent goes before what it says. */
    NEED(natsMsgHeader_Set(msg, "tenant", "blue"));
    NEED(natsMsgHeader_Add(msg, "tenant", "green"));
    NEED(natsMsgHeader_Set(msg, "empty", NULL));
    NEED(natsMsgHeader_Add(msg, DS_HEADER_KEY, "stale"));
    NEED(natsMsgHeader_Set(msg, DS_HEADER_KEY_LEGACY, "stale"));
    CHECK_OK(ds_nats_produce(client, out, NULL, msg, &consumed, &second));
    CHECK(spy.size == 100 + 6 + 4 + 6 + 5 + 5 && spy.header_len == 0 && second.hash == first.hash);
    CHECK(occurrences(msg, DS_HEADER_KEY) == 1 && occurrences(msg, DS_HEADER_KEY_LEGACY) == 0);
    CHECK(occurrences(msg, "tenant") == 2 && occurrences(msg, "empty") == 1);

    /* Without a parent (NULL or zero) the header goes on, from where it had come. */
    read = carried(msg);
    CHECK_OK(ds_nats_produce(client, out, NULL, msg, NULL, &second));
    CHECK(spy.header_len > 0 && occurrences(msg, DS_HEADER_KEY) == 1);
    CHECK_OK(ds_set_checkpoint(client, out, 1, NULL, 0, &read, &read, NULL, 0, NULL));
    CHECK(second.hash == read.hash && carried(msg).hash == read.hash);

    /* Errors leave no header of ours, and all others. */
    checkpoints = spy.checkpoints;
    CHECK(ds_nats_produce(client, out, NULL, NULL, &consumed, &first) == DS_ERR_NULL);
    CHECK_INT(spy.checkpoints, checkpoints);
    CHECK(ds_nats_produce(client, none, NULL, msg, &consumed, &first) == DS_ERR_EDGE);
    CHECK(occurrences(msg, DS_HEADER_KEY) == 0 && occurrences(msg, "tenant") == 2);
    CHECK(ds_nats_produce(NULL, out, NULL, msg, &consumed, &first) == DS_ERR_NULL);
    CHECK_OK(ds_nats_produce(client, out, NULL, msg, &consumed, &consumed));
    CHECK(consumed.hash == carried(msg).hash);
    natsMsg_Destroy(msg);

    CHECK_INT(ds_nats_queued_ns_(NULL), 0);
    CHECK_INT(ds_nats_queued_ns_("_INBOX.a.b.c.d.e.f.1786000000000000000.0"), 0);
    CHECK_INT(ds_nats_queued_ns_("$JS.ACK.s.c.1.2.3.1786000000000000001.0"), 1786000000000000001);
    CHECK_INT(ds_nats_queued_ns_("$JS.ACK.d.h.s.c.1.2.3.1786000000000000002.0.r"), 1786000000000000002);
    CHECK_INT(ds_nats_queued_ns_("$JS.ACK.d.h.s.c.1.2.3.1786000000000000003.0"), 1786000000000000003);
    CHECK_INT(ds_nats_queued_ns_("$JS.ACK.d.h.s.c.1.2.3.1786000000000000003"), 1786000000000000003);
    CHECK_INT(ds_nats_queued_ns_("$JS.ACK.s.c.1.2.3.1786000000000000001"), 0); /* eight: none that is known */
    CHECK_INT(ds_nats_queued_ns_("$JS.ACK.s.c.1.2.3.x.0"), 0);
    CHECK_INT(ds_nats_queued_ns_("$JS.ACK.s.c.1.2.3.99999999999999999999.0"), 0);
    CHECK_INT(ds_nats_queued_ns_("$JS.ACK.s.c.1.2.3.17x.0"), 0);
}

/* Headers as others may write them. */
static void strange(const ds_client *client) {
    uint8_t header[DS_HEADER_MAX + 1];
    size_t header_len = 0;
    ds_edge in = {0}, other = {0};
    ds_pathway origin, pathway;
    natsSubscription *subscription = NULL;
    natsMsg *msg;
    const uint64_t unreadable = counter(client, "header_unreadable");
    const char *const bad[] = {"?!", "AAAA", ""};
    CHECK_OK(ds_nats_edge_in(client, "strange", NULL, &in));
    CHECK_OK(ds_nats_edge_out(client, "strange", &other));
    CHECK_OK(ds_set_checkpoint(client, other, 1, NULL, 0, NULL, &origin, header, DS_HEADER_MAX, &header_len));
    header[header_len] = '\0';
    NEED(natsConnection_SubscribeSync(&subscription, nc, "strange"));

    /* Twice, of which the last counts; the legacy key alone; unreadable beside a legacy one that can be read. */
    for (int kind = 0; kind < 3; kind++) {
        msg = message("strange", 1, kind == 1 ? DS_HEADER_KEY_LEGACY : DS_HEADER_KEY, kind == 1 ? (char *)header : "?");
        if (kind == 0) NEED(natsMsgHeader_Add(msg, DS_HEADER_KEY, (char *)header));
        if (kind == 2) NEED(natsMsgHeader_Set(msg, DS_HEADER_KEY_LEGACY, (char *)header));
        NEED(natsConnection_PublishMsg(nc, msg));
        natsMsg_Destroy(msg);
        msg = next(subscription);
        CHECK_OK(ds_nats_consume(client, in, msg, &pathway));
        CHECK(pathway.start_ns / 1000000 == origin.start_ns / 1000000 && spy.size == 1);
        natsMsg_Destroy(msg);
    }
    CHECK_INT(counter(client, "header_unreadable"), unreadable);

    for (int i = 0; i < 3; i++) {
        msg = message("strange", 1, DS_HEADER_KEY, bad[i]);
        NEED(natsConnection_PublishMsg(nc, msg));
        natsMsg_Destroy(msg);
        msg = next(subscription);
        CHECK_OK(ds_nats_consume(client, in, msg, &pathway));
        CHECK(pathway.start_ns == pathway.edge_start_ns && pathway.hash != 0);
        natsMsg_Destroy(msg);
    }
    CHECK_INT(counter(client, "header_unreadable"), unreadable + 2);

    /* Without a client, an edge or a message: no pathway of an earlier message is left. */
    msg = message("strange", 1, NULL, NULL);
    pathway = origin;
    CHECK(ds_nats_consume(NULL, in, msg, &pathway) == DS_ERR_NULL && pathway.hash == 0 && pathway.start_ns == 0);
    pathway = origin;
    in.id = 0;
    CHECK(ds_nats_consume(client, in, msg, &pathway) == DS_ERR_EDGE && pathway.start_ns == 0);
    CHECK(ds_nats_consume(client, in, NULL, NULL) == DS_ERR_NULL);
    natsMsg_Destroy(msg);
    natsSubscription_Destroy(subscription);
}

/* The longest message that the server takes with our header, and one byte more: both arrive. */
static void longest(const ds_client *client) {
    const int limit = (int)natsConnection_GetMaxPayload(nc);
    const int room = limit - (int)(sizeof "NATS/1.0\r\n\r\n" - 1 + sizeof "a: b\r\n" - 1 + sizeof DS_HEADER_KEY - 1 + 4) -
                     DS_HEADER_MAX;
    ds_edge in = {0}, out = {0};
    natsSubscription *subscription = NULL;
    CHECK_OK(ds_nats_edge_in(client, "longest", NULL, &in));
    CHECK_OK(ds_nats_edge_out(client, "longest", &out));
    NEED(natsConnection_SubscribeSync(&subscription, nc, "longest"));
    for (int more = 0; more < 2; more++) {
        natsMsg *msg = message("longest", room + more, "a", "b");
        CHECK_INT(ds_nats_produce(client, out, nc, msg, NULL, NULL), more == 0 ? DS_OK : DS_ERR_INVALID);
        NEED(natsConnection_PublishMsg(nc, msg));
        natsMsg_Destroy(msg);
        msg = next(subscription);
        CHECK_INT(occurrences(msg, DS_HEADER_KEY), 1 - more);
        CHECK_OK(ds_nats_consume(client, in, msg, NULL));
        CHECK_INT(spy.size, room + more + 2);
        natsMsg_Destroy(msg);
    }
    natsSubscription_Destroy(subscription);
}

/* What a subscription's callback has: tables of its own, as it runs on one thread. */
struct worker {
    const ds_client *client;
    ds_nats_subjects in, out;
};

/* Works on "work.>" in a queue group: hands on to "done", and answers who asked. */
static void on_work(natsConnection *connection, natsSubscription *subscription, natsMsg *msg, void *closure) {
    struct worker *worker = (struct worker *)closure;
    ds_edge in, out;
    ds_pathway pathway;
    natsMsg *one;
    (void)subscription;
    CHECK_OK(ds_nats_subjects_edge(&worker->in, natsMsg_GetSubject(msg), &in));
    CHECK_OK(ds_nats_consume(worker->client, in, msg, &pathway));
    one = message("done", 3, NULL, NULL);
    CHECK_OK(ds_nats_subjects_edge(&worker->out, "done", &out));
    CHECK_OK(ds_nats_produce(worker->client, out, connection, one, &pathway, NULL));
    NEED(natsConnection_PublishMsg(connection, one));
    natsMsg_Destroy(one);
    if (natsMsg_GetReply(msg) != NULL) {
        one = message(natsMsg_GetReply(msg), 6, NULL, NULL);
        CHECK(ds_nats_subjects_edge(&worker->out, natsMsg_GetSubject(one), &out) == DS_ERR_INVALID);
        CHECK(ds_nats_produce(worker->client, out, connection, one, &pathway, NULL) == DS_ERR_EDGE);
        NEED(natsConnection_PublishMsg(connection, one));
        natsMsg_Destroy(one);
    }
    natsMsg_Destroy(msg);
}

static void callbacks(const ds_client *client) {
    static struct worker worker;
    natsSubscription *workers = NULL, *done = NULL;
    natsMsg *msg, *answer = NULL;
    ds_edge out = {0}, in = {0};
    ds_pathway sent, pathway;
    worker.client = client;
    ds_nats_subjects_init(&worker.in, client, DS_NATS_IN, "workers");
    ds_nats_subjects_init(&worker.out, client, DS_NATS_OUT, NULL);
    NEED(natsConnection_QueueSubscribe(&workers, nc, "work.>", "workers", on_work, &worker));
    NEED(natsConnection_SubscribeSync(&done, nc, "done"));
    CHECK_OK(ds_nats_edge_in(client, "done", NULL, &in));

    for (int i = 0; i < 2; i++) {
        const char *subject = i == 0 ? "work.told" : "work.asked";
        msg = message(subject, 5, NULL, NULL);
        CHECK_OK(ds_nats_edge_out(client, subject, &out));
        CHECK_OK(ds_nats_produce(client, out, nc, msg, NULL, &sent));
        if (i == 0) {
            NEED(natsConnection_PublishMsg(nc, msg));
        } else {
            NEED(natsConnection_RequestMsg(&answer, nc, msg, 20000));
            CHECK(natsMsg_GetDataLength(answer) == 6 && occurrences(answer, DS_HEADER_KEY) == 0);
            natsMsg_Destroy(answer);
        }
        natsMsg_Destroy(msg);
        msg = next(done);
        CHECK_OK(ds_nats_consume(client, in, msg, &pathway));
        CHECK(pathway.start_ns / 1000000 == sent.start_ns / 1000000);
        natsMsg_Destroy(msg);
    }
    natsSubscription_Destroy(workers);
    natsSubscription_Destroy(done);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void jetstream(const ds_client *client) {
    const char *subjects[] = {"s.>"};
    jsCtx *js = NULL;
    jsStreamConfig config;
    jsSubOptions options;
    natsSubscription *pulled = NULL, *pushed = NULL;
    natsMsgList list;
    natsMsg *msg;
    ds_edge in = {0}, group = {0}, out = {0};
    ds_pathway pathway, sent[2];
    int64_t before, after;
    NEED(natsConnection_JetStream(&js, nc, NULL));
    NEED(jsStreamConfig_Init(&config));
    config.Name = "S";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_MemoryStorage;
    NEED(js_AddStream(NULL, js, &config, NULL, NULL));
    CHECK_OK(ds_nats_edge_in(client, "s.pulled", "worker", &in));
    CHECK_OK(ds_nats_edge_in(client, "s.pulled", "queue", &group));
    CHECK_OK(ds_nats_edge_out(client, "s.pulled", &out));

    /* Without a header; then by both ways to publish. */
    before = now_ns();
    msg = message("s.pulled", 1, NULL, NULL);
    NEED(js_PublishMsg(NULL, js, msg, NULL, NULL));
    natsMsg_Destroy(msg);
    after = now_ns();
    msg = message("s.pulled", 1, NULL, NULL);
    CHECK_OK(ds_nats_produce(client, out, nc, msg, NULL, &sent[0]));
    NEED(js_PublishMsg(NULL, js, msg, NULL, NULL));
    natsMsg_Destroy(msg);
    sleep_ms(5);
    msg = message("s.pulled", 1, NULL, NULL);
    CHECK_OK(ds_nats_produce(client, out, nc, msg, NULL, &sent[1]));
    NEED(js_PublishMsgAsync(js, &msg, NULL));
    NEED(js_PublishAsyncComplete(js, NULL));

    NEED(js_PullSubscribe(&pulled, js, "s.pulled", "worker", NULL, NULL, NULL));
    for (int got = 0; got < 3; got += list.Count, natsMsgList_Destroy(&list)) {
        NEED(natsSubscription_Fetch(&list, pulled, 3 - got, 20000, NULL));
        for (int i = 0; i < list.Count; i++) {
            CHECK_OK(ds_nats_consume(client, in, list.Msgs[i], &pathway));
            CHECK(spy.queued_ns > 0 && spy.size == 1);
            if (got + i == 0) CHECK(spy.queued_ns >= before && spy.queued_ns <= after && pathway.start_ns == spy.queued_ns);
            if (got + i > 0) CHECK(pathway.start_ns / 1000000 == sent[got + i - 1].start_ns / 1000000);
            NEED(natsMsg_Ack(list.Msgs[i], NULL));
        }
    }
    NEED(jsSubOptions_Init(&options));
    options.Queue = "queue";
    NEED(js_SubscribeSync(&pushed, js, "s.pulled", NULL, &options, NULL));
    for (int i = 0; i < 3; i++) {
        msg = next(pushed);
        CHECK_OK(ds_nats_consume(client, group, msg, &pathway));
        CHECK(i == 0 || pathway.start_ns / 1000000 == sent[i - 1].start_ns / 1000000);
        natsMsg_Destroy(msg);
    }
    natsSubscription_Destroy(pulled);
    natsSubscription_Destroy(pushed);
    jsCtx_Destroy(js);
}

int main(int argc, char **argv) {
    ds_client *client, *with_agent;
    CHECK_INT(argc, 3);
    NEED(natsConnection_ConnectTo(&nc, argv[1]));

    client = client_at(NULL, DS_DELIVERY_HOST);
    edges(client);
    stamping(client);
    strange(client);
    ds_client_free(client);

    with_agent = client_at(argv[2], DS_DELIVERY_THREAD);
    longest(with_agent);
    callbacks(with_agent);
    jetstream(with_agent);
    natsConnection_Destroy(nc);
    nats_Close();
    CHECK_OK(ds_client_stop(with_agent, 20000));
    ds_client_free(with_agent);
    return done();
}
