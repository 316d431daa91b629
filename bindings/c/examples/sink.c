/* sink.c - the end of a pipeline: consumes payments, each when it is --hold-ms old. Run it under two names, as two
 * groups, and the pathway branches:
 *
 *     sink --service ledger --group ledger --hold-ms 100 --brokers 127.0.0.1:9092 --agent http://127.0.0.1:8126
 *     sink --service mailer --group mailer --hold-ms 250 ...
 *
 * A payment can be called back while it is held, so that the time in the queue is known here: at the edge
 * "direction:in,group:ledger,topic:payments,type:kafka" the edge latency is --hold-ms, as long as Kafka itself is
 * quicker than that. The age is told by the message's own timestamp, not by what is measured.
 *
 * With --rest-ms it takes nothing for so long, once in every --rest-every-ms: its group falls behind by what comes in
 * that time, and catches up as quickly as --work-ms for each payment lets it. No message waits longer than the rest. */
#include "service.h"

enum { TOPIC = OWN, GROUP, HOLD, WORK, REST, REST_EVERY };

static void on_commit(rd_kafka_t *consumer, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *offsets,
                      void *committed) {
    (void)consumer;
    ds_rdkafka_track_commit((ds_rdkafka_topics *)committed, error, offsets);
}

/* Sleeps until the message is `hold` old. */
static void hold_until(const rd_kafka_message_t *message, int64_t hold) {
    rd_kafka_timestamp_type_t kind;
    const int64_t at_ms = rd_kafka_message_timestamp(message, &kind);
    int64_t left = hold;
    if (hold == 0) return;
    if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) left = at_ms * 1000000 + hold - clock_ns(CLOCK_REALTIME);
    if (left > hold) left = hold; /* its clock is ahead of ours */
    sleep_until_ns(clock_ns(CLOCK_MONOTONIC) + left);
}

/* Whether a consumer that took its first message at begin rests now. The first rest comes after a quarter of the time
 * between two. */
static bool resting(int64_t begin, int64_t rest, int64_t every) {
    const int64_t first = (every - rest) / 4;
    const int64_t now = begin == 0 || rest == 0 ? 0 : (clock_ns(CLOCK_MONOTONIC) - begin) % every;
    return rest > 0 && now >= first && now < first + rest;
}

int main(int argc, char **argv) {
    struct option options[] = {COMMON_OPTIONS("ledger"),
                               {"--topic", NULL, "payments", "topic to consume"},
                               {"--group", NULL, "ledger", "consumer group"},
                               {"--hold-ms", NULL, "0", "how old a payment must be"},
                               {"--work-ms", NULL, "0", "how long it works on each"},
                               {"--rest-ms", NULL, "0", "how long it rests"},
                               {"--rest-every-ms", NULL, "20000", "how often it rests"}};
    options_read(options, sizeof options / sizeof *options, argc, argv);
    const char *topic = options[TOPIC].value, *group = options[GROUP].value;
    const int64_t hold = (int64_t)(option_number(&options[HOLD]) * 1e6);
    const int64_t work = (int64_t)(option_number(&options[WORK]) * 1e6);
    const int64_t rest = (int64_t)(option_number(&options[REST]) * 1e6);
    const int64_t every = (int64_t)(option_number(&options[REST_EVERY]) * 1e6);
    if (rest >= every) {
        fputs("--rest-every-ms: more than --rest-ms\n", stderr);
        return 2;
    }
    service_signals();

    ds_client *client = client_start(options);
    ds_edge edge = {0};
    ds_rdkafka_edge_in(client, topic, group, NULL, &edge);
    ds_rdkafka_topics committed, ends;
    ds_rdkafka_topics_init(&committed, client, DS_RDKAFKA_COMMITTED, group, NULL);
    ds_rdkafka_topics_init(&ends, client, DS_RDKAFKA_HIGH_WATERMARK, NULL, NULL);
    struct flusher flusher;
    flusher_start(&flusher, options, client);
    rd_kafka_t *consumer = consumer_start(options, topic, group, &committed, on_commit);

    bool ready = false;
    unsigned long booked = 0;
    int64_t look = 0;  /* when to look where the partitions end */
    int64_t begin = 0; /* the first message */
    while (service_running(options)) {
        rd_kafka_message_t *payment = NULL;
        if (resting(begin, rest, every))
            sleep_until_ns(clock_ns(CLOCK_MONOTONIC) + 10000000);
        else
            payment = rd_kafka_consumer_poll(consumer, 100);
        consumer_ready(consumer, &ready);
        if (clock_ns(CLOCK_MONOTONIC) >= look) {
            ds_rdkafka_track_high_watermarks(&ends, consumer);
            look = clock_ns(CLOCK_MONOTONIC) + 1000000000;
        }
        if (payment == NULL) continue;
        if (payment->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            hold_until(payment, hold);
            if (!service_stopping) { /* else it is left to the next start, uncommitted */
                ds_rdkafka_consume(client, edge, payment, NULL);
                rd_kafka_offset_store(payment->rkt, payment->partition, payment->offset);
                booked++;
                if (begin == 0) begin = clock_ns(CLOCK_MONOTONIC);
                sleep_until_ns(clock_ns(CLOCK_MONOTONIC) + work);
            }
        } else {
            fprintf(stderr, "%s\n", rd_kafka_message_errstr(payment));
        }
        rd_kafka_message_destroy(payment);
    }

    consumer_stop(consumer);
    flusher_stop(&flusher);
    client_stop(client);
    printf("booked %lu\n", booked);
    return 0;
}
