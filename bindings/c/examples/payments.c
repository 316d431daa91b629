/* payments.c - pays orders: consumes one topic, works for a known time, and produces into another.
 *
 *     payments --brokers 127.0.0.1:9092 --agent http://127.0.0.1:8126 --work-ms 50
 *
 * The pathway goes on from the order's header. Its two edges, and what is expected there:
 *   direction:in,group:payments,topic:orders,type:kafka   edge latency: the time in the queue of orders
 *   direction:out,topic:payments,type:kafka               edge latency: --work-ms; from origin: both together
 * One message after the other: with --work-ms 50 it keeps up with at most 20 a second, then the queue (and with it the
 * first edge's latency) grows. */
#include "service.h"

enum { FROM = OWN, TO, GROUP, WORK };

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *produced) {
    (void)producer;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fprintf(stderr, "lost: %s\n", rd_kafka_err2str(message->err));
    ds_rdkafka_track_delivery((ds_rdkafka_topics *)produced, message);
}

static void on_commit(rd_kafka_t *consumer, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *offsets,
                      void *committed) {
    (void)consumer;
    ds_rdkafka_track_commit((ds_rdkafka_topics *)committed, error, offsets);
}

/* Sends the payment of an order. */
static void produce(const ds_client *client, ds_edge edge, rd_kafka_t *producer, const char *topic,
                    const rd_kafka_message_t *order, const ds_pathway *pathway) {
    char value[64];
    const int value_len = snprintf(value, sizeof value, "{\"paid\":true,\"partition\":%d,\"offset\":%lld}",
                                   (int)order->partition, (long long)order->offset);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    rd_kafka_resp_err_t error;
    rd_kafka_header_add(headers, "content-type", -1, "application/json", -1);

    ds_rdkafka_produce(client, edge, headers, order->key_len, (size_t)value_len, pathway, NULL);

    while ((error = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(order->key, order->key_len),
                                      RD_KAFKA_V_VALUE(value, (size_t)value_len), RD_KAFKA_V_HEADERS(headers),
                                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END)) ==
               RD_KAFKA_RESP_ERR__QUEUE_FULL &&
           !service_stopping)
        rd_kafka_poll(producer, 100);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "not produced: %s\n", rd_kafka_err2str(error));
        rd_kafka_headers_destroy(headers);
    }
}

int main(int argc, char **argv) {
    struct option options[] = {COMMON_OPTIONS("payments"),
                               {"--from", NULL, "orders", "topic to consume"},
                               {"--to", NULL, "payments", "topic to produce"},
                               {"--group", NULL, "payments", "consumer group"},
                               {"--work-ms", NULL, "50", "how long the work on an order takes"}};
    options_read(options, sizeof options / sizeof *options, argc, argv);
    const char *from = options[FROM].value, *to = options[TO].value, *group = options[GROUP].value;
    const int64_t work = (int64_t)(option_number(&options[WORK]) * 1e6);
    service_signals();

    ds_client *client = client_start(options);
    ds_edge in = {0}, out = {0};
    ds_rdkafka_edge_in(client, from, group, NULL, &in);
    ds_rdkafka_edge_out(client, to, NULL, &out);
    ds_rdkafka_topics produced, committed, ends;
    ds_rdkafka_topics_init(&produced, client, DS_RDKAFKA_PRODUCED, NULL, NULL);
    ds_rdkafka_topics_init(&committed, client, DS_RDKAFKA_COMMITTED, group, NULL);
    ds_rdkafka_topics_init(&ends, client, DS_RDKAFKA_HIGH_WATERMARK, NULL, NULL);
    struct flusher flusher;
    flusher_start(&flusher, options, client);
    rd_kafka_t *producer = producer_start(options, to, &produced, on_delivery);
    rd_kafka_t *consumer = consumer_start(options, from, group, &committed, on_commit);

    bool ready = false;
    unsigned long paid = 0;
    int64_t look = 0; /* when to look where the partitions end */
    while (service_running(options)) {
        rd_kafka_message_t *order = rd_kafka_consumer_poll(consumer, 100);
        consumer_ready(consumer, &ready);
        rd_kafka_poll(producer, 0);
        if (clock_ns(CLOCK_MONOTONIC) >= look) {
            ds_rdkafka_track_high_watermarks(&ends, consumer);
            look = clock_ns(CLOCK_MONOTONIC) + 1000000000;
        }
        if (order == NULL) continue;
        if (order->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            ds_pathway pathway; /* of this order */
            ds_rdkafka_consume(client, in, order, &pathway);
            sleep_until_ns(clock_ns(CLOCK_MONOTONIC) + work);
            produce(client, out, producer, to, order, &pathway);
            rd_kafka_offset_store(order->rkt, order->partition, order->offset);
            paid++;
        } else {
            fprintf(stderr, "%s\n", rd_kafka_message_errstr(order));
        }
        rd_kafka_message_destroy(order);
    }

    consumer_stop(consumer);
    producer_stop(producer);
    flusher_stop(&flusher);
    client_stop(client);
    printf("paid %lu\n", paid);
    return 0;
}
