/* orders.c - takes orders: produces a message for each into a Kafka topic, at a steady rate.
 *
 *     orders --brokers 127.0.0.1:9092 --agent http://127.0.0.1:8126 --rate 10 --seconds 60
 *
 * It starts the pathway: its edge is "direction:out,topic:orders,type:kafka", where both latencies are 0. */
#include "service.h"

enum { TOPIC = OWN, RATE, SECONDS };

/* Each delivered message has an offset: with the consumers' commits it tells how far they are behind. */
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *produced) {
    (void)producer;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fprintf(stderr, "lost: %s\n", rd_kafka_err2str(message->err));
    ds_rdkafka_track_delivery((ds_rdkafka_topics *)produced, message);
}

/* Sends one order. */
static void produce(const ds_client *client, ds_edge edge, rd_kafka_t *producer, const char *topic,
                    unsigned long number) {
    char key[32], value[160];
    const int key_len = snprintf(key, sizeof key, "customer-%lu", number % 7);
    const int value_len = snprintf(value, sizeof value, "{\"order\":%lu,\"customer\":\"%s\",\"tea\":%lu,\"cakes\":%lu}",
                                   number, key, number % 3 + 1, number % 5);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    rd_kafka_resp_err_t error;
    rd_kafka_header_add(headers, "content-type", -1, "application/json", -1);

    /* The only line that measuring adds: a new pathway starts here, and its header goes with the message. */
    ds_rdkafka_produce(client, edge, headers, (size_t)key_len, (size_t)value_len, NULL, NULL);

    while ((error = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, (size_t)key_len),
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
    struct option options[] = {COMMON_OPTIONS("orders"),
                               {"--topic", NULL, "orders", "where orders go"},
                               {"--rate", NULL, "10", "orders per second"},
                               {"--seconds", NULL, "0", "how long; 0: until stopped"}};
    options_read(options, sizeof options / sizeof *options, argc, argv);
    const char *topic = options[TOPIC].value;
    const double rate = option_number(&options[RATE]), seconds = option_number(&options[SECONDS]);
    if (rate < 0.01) {
        fputs("--rate: at least 0.01\n", stderr);
        return 2;
    }
    service_signals();

    ds_client *client = client_start(options);
    ds_edge edge = {0};
    ds_rdkafka_edge_out(client, topic, NULL, &edge);
    ds_rdkafka_topics produced;
    ds_rdkafka_topics_init(&produced, client, DS_RDKAFKA_PRODUCED, NULL, NULL);
    struct flusher flusher;
    flusher_start(&flusher, options, client);
    rd_kafka_t *producer = producer_start(options, topic, &produced, on_delivery);

    unsigned long number = 0;
    const int64_t begin = clock_ns(CLOCK_MONOTONIC), gap = (int64_t)(1e9 / rate);
    while (service_running(options) && (seconds <= 0 || (double)number < seconds * rate)) {
        produce(client, edge, producer, topic, number++);
        /* Delivery reports come while this waits for the time of the next order. */
        const int64_t next = begin + (int64_t)number * gap;
        int64_t left;
        while ((left = next - clock_ns(CLOCK_MONOTONIC)) > 0 && service_running(options))
            rd_kafka_poll(producer, left < 100000000 ? (int)(left / 1000000) + 1 : 100);
    }

    producer_stop(producer);
    service_stopping = 1;
    flusher_stop(&flusher);
    client_stop(client);
    printf("produced %lu\n", number);
    return 0;
}
