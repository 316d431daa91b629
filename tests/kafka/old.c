/* datastreams_rdkafka.h with a broker that refuses headers: old BROKER AGENT_URL
 *
 * All messages arrive, without headers; from the first refusal on nothing is stamped, and nothing recorded. Prints how many
 * were recorded. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include "datastreams_rdkafka.h"

#define MESSAGES 300
#define TRIES 5

static ds_rdkafka_headers headers; /* of the producer */
static int refused, lost, delivered, recorded, told;

static void produce(rd_kafka_t *producer, const void *key, size_t key_len, const void *payload, size_t len,
                    rd_kafka_headers_t *with, intptr_t tries) {
    rd_kafka_resp_err_t error;
    const size_t no_key = key == NULL ? 0 : key_len;
    error = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("old"), RD_KAFKA_V_KEY((void *)(uintptr_t)key, no_key),
                              RD_KAFKA_V_VALUE((void *)(uintptr_t)payload, len), RD_KAFKA_V_HEADERS(with),
                              RD_KAFKA_V_OPAQUE((void *)tries), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_END);
    CHECK_INT(error, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    const intptr_t tries = (intptr_t)message->_private;
    const int on = ds_rdkafka_headers_on(&headers), again = ds_rdkafka_headers_refused(&headers, message);
    (void)opaque;
    if (on && !ds_rdkafka_headers_on(&headers)) told++; /* where a program would say it */
    if (again && tries < TRIES) {
        refused++;
        produce(producer, message->key, message->key_len, message->payload, message->len, NULL, tries + 1);
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        lost++;
    } else {
        delivered++;
    }
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *const *settings) {
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk;
    for (; settings[0] != NULL; settings += 2)
        CHECK_INT(rd_kafka_conf_set(conf, settings[0], settings[1], error, sizeof error), RD_KAFKA_CONF_OK);
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rk = rd_kafka_new(type, conf, error, sizeof error);
    CHECK(rk != NULL);
    return rk;
}

int main(int argc, char **argv) {
    static char seen[MESSAGES];
    ds_client *ds;
    ds_edge out = {0}, in = {0};
    rd_kafka_t *producer, *consumer;
    rd_kafka_topic_partition_list_t *topics;
    CHECK_INT(argc, 3);
    const char *const producing[] = {"bootstrap.servers", argv[1], "linger.ms", "2", NULL};
    const char *const consuming[] = {"bootstrap.servers", argv[1], "group.id", "test", "auto.offset.reset", "earliest",
                                     NULL};
    ds = client_at(argv[2], DS_DELIVERY_THREAD);
    producer = client(RD_KAFKA_PRODUCER, producing);
    CHECK_OK(ds_rdkafka_edge_out(ds, "old", NULL, &out));
    CHECK_OK(ds_rdkafka_edge_in(ds, "old", "test", NULL, &in));

    for (int i = 0; i < MESSAGES; i++) {
        char value[16];
        const int len = snprintf(value, sizeof value, "%d", i);
        rd_kafka_headers_t *with = NULL;
        if (ds_rdkafka_headers_on(&headers)) {
            with = rd_kafka_headers_new(1);
            CHECK_OK(ds_rdkafka_produce(ds, out, with, 1, (size_t)len, NULL, NULL));
            recorded++;
        }
        produce(producer, i % 2 == 0 ? "k" : NULL, 1, value, (size_t)len, with, 0);
        rd_kafka_poll(producer, 0);
        /* Many are in work before the first answer, and many more follow it. */
        for (int wait = 0; i == 100 && ds_rdkafka_headers_on(&headers) && wait < 600; wait++) rd_kafka_poll(producer, 100);
    }
    CHECK_INT(rd_kafka_flush(producer, 60000), RD_KAFKA_RESP_ERR_NO_ERROR);
    CHECK(!ds_rdkafka_headers_on(&headers) && ds_rdkafka_headers_on(NULL));
    CHECK_INT(told, 1);
    CHECK_INT(lost, 0);
    CHECK_INT(delivered, MESSAGES);
    CHECK(recorded > 0 && recorded < MESSAGES && refused >= recorded);

    /* A message with headers of the program's own fails by itself: nothing to try again. */
    {
        rd_kafka_headers_t *own = rd_kafka_headers_new(1);
        rd_kafka_header_add(own, "own", -1, "x", -1);
        produce(producer, NULL, 0, "own", 3, own, 0);
        CHECK_INT(rd_kafka_flush(producer, 60000), RD_KAFKA_RESP_ERR_NO_ERROR);
        CHECK_INT(lost, 1);
    }
    rd_kafka_destroy(producer);

    consumer = client(RD_KAFKA_CONSUMER, consuming);
    topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, "old", RD_KAFKA_PARTITION_UA);
    CHECK_INT(rd_kafka_subscribe(consumer, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    for (int got = 0, tries = 0; got < MESSAGES && tries < 600; tries++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        rd_kafka_headers_t *none = NULL;
        char value[16] = "";
        if (message == NULL) continue;
        CHECK_INT(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
        CHECK(rd_kafka_message_headers(message, &none) == RD_KAFKA_RESP_ERR__NOENT);
        CHECK(message->len < sizeof value);
        memcpy(value, message->payload, message->len);
        CHECK_INT(seen[atoi(value)], 0);
        CHECK((message->key != NULL) == (atoi(value) % 2 == 0));
        seen[atoi(value)] = 1;
        got++;
        CHECK_OK(ds_rdkafka_consume(ds, in, message, NULL));
        rd_kafka_message_destroy(message);
    }
    for (int i = 0; i < MESSAGES; i++) CHECK_INT(seen[i], 1);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    CHECK_OK(ds_client_stop(ds, 20000));
    ds_client_free(ds);
    printf("%d\n", recorded);
    return done();
}
