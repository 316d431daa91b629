/* bench BROKERS PLUGIN - what the plugin costs for a message, in nanoseconds of the program's thread, against the same client
 * without it, in turns in one process; medians of several rounds, and that of the differences, since the machine has other work
 * too. */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGES 20000
/* The mock cluster keeps 5 MB of a partition. */
#define CONSUMED 10000
#define ROUNDS 21
#define SIZE 100

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double thread_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static rd_kafka_t *start(rd_kafka_type_t type, const char *brokers, const char *plugin) {
    const char *properties[][2] = {{"bootstrap.servers", brokers},
                                   {"queue.buffering.max.messages", "1000000"},
                                   {"linger.ms", "100"},
                                   {"enable.auto.commit", "false"},
                                   {"fetch.wait.max.ms", "10"},
                                   {"queued.min.messages", "1000000"},
                                   {"log_level", "3"},
                                   {"plugin.library.paths", plugin}};
    const size_t count = sizeof properties / sizeof *properties - (plugin == NULL);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[512];
    rd_kafka_t *kafka;
    size_t i;
    for (i = 0; i < count; i++)
        if (rd_kafka_conf_set(conf, properties[i][0], properties[i][1], error, sizeof error) != RD_KAFKA_CONF_OK)
            fail(properties[i][0], error);
    kafka = rd_kafka_new(type, conf, error, sizeof error);
    if (kafka == NULL) fail("rd_kafka_new", error);
    return kafka;
}

/* Nanoseconds for one rd_kafka_producev. */
static double produce_round(rd_kafka_t *producer, rd_kafka_topic_t *topic) {
    static char value[SIZE];
    double took, began = thread_ns();
    int i;
    for (i = 0; i < MESSAGES; i++)
        if (rd_kafka_producev(producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE(value, SIZE),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) != RD_KAFKA_RESP_ERR_NO_ERROR)
            fail("produce", "refused");
    took = (thread_ns() - began) / MESSAGES;
    if (rd_kafka_flush(producer, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("flush", "not all were delivered");
    return took;
}

/* Nanoseconds for one rd_kafka_consume and its destruction, of messages that have been fetched already. */
static double consume_round(rd_kafka_topic_t *topic, bool reads_headers) {
    rd_kafka_headers_t *headers;
    double took = 0;
    int i, left;
    if (rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING) != 0) fail("consume", "refused");
    for (left = CONSUMED; left > 0;) {
        double began;
        int got = 0;
        /* Until the fetcher has some; what waiting costs is not counted. */
        struct timespec pause = {0, 20000000};
        nanosleep(&pause, NULL);
        began = thread_ns();
        for (i = 0; i < left; i++) {
            rd_kafka_message_t *message = rd_kafka_consume(topic, 0, 0);
            if (message == NULL) break;
            got += message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            if (reads_headers) rd_kafka_message_headers(message, &headers);
            rd_kafka_message_destroy(message);
        }
        took += thread_ns() - began;
        left -= got;
    }
    rd_kafka_consume_stop(topic, 0);
    return took / CONSUMED;
}

/* What each round took, without and with the plugin. */
typedef double rounds[2][ROUNDS];

static int order(const void *one, const void *other) {
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(const double all[ROUNDS]) {
    double sorted[ROUNDS];
    memcpy(sorted, all, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof *sorted, order);
    return sorted[ROUNDS / 2];
}

static void print(const char *what, rounds took, double most) {
    double costs[ROUNDS], cost;
    int round;
    for (round = 0; round < ROUNDS; round++) costs[round] = took[1][round] - took[0][round];
    cost = median(costs);
    printf("%-30s without %5.0f ns   with %5.0f ns   costs %5.0f ns", what, median(took[0]), median(took[1]), cost);
    if (most > 0) printf(" (at most %.0f)%s", most, cost > most ? "   TOO MUCH" : "");
    putchar('\n');
}

int main(int argc, char **argv) {
    static rounds produced, consumed, plain;
    rd_kafka_t *client[2];
    rd_kafka_topic_t *topic[2];
    const struct rd_kafka_metadata *known;
    int round, with;
    if (argc != 3) return 2;
    for (with = 0; with < 2; with++) {
        client[with] = start(RD_KAFKA_PRODUCER, argv[1], with ? argv[2] : NULL);
        topic[with] = rd_kafka_topic_new(client[with], with ? "bench-with" : "bench-without", NULL);
        if (rd_kafka_metadata(client[with], 0, topic[with], &known, 30000) != RD_KAFKA_RESP_ERR_NO_ERROR)
            fail("metadata", "none");
        rd_kafka_metadata_destroy(known);
    }
    for (round = 0; round < ROUNDS; round++)
        for (with = 0; with < 2; with++) produced[with][round] = produce_round(client[with], topic[with]);
    for (with = 0; with < 2; with++) {
        rd_kafka_topic_destroy(topic[with]);
        rd_kafka_destroy(client[with]);
        client[with] = start(RD_KAFKA_CONSUMER, argv[1], with ? argv[2] : NULL);
        /* Both read the messages that have headers. */
        topic[with] = rd_kafka_topic_new(client[with], "bench-with", NULL);
    }
    for (round = 0; round < ROUNDS; round++)
        for (with = 0; with < 2; with++) {
            consumed[with][round] = consume_round(topic[with], true);
            plain[with][round] = consume_round(topic[with], false);
        }
    for (with = 0; with < 2; with++) {
        rd_kafka_topic_destroy(topic[with]);
        rd_kafka_destroy(client[with]);
    }
    print("produce", produced, 500);
    print("consume, reading headers", consumed, 300);
    print("consume, not reading headers", plain, 0);
    puts("A client that does not read headers pays, in the last line, for librdkafka's reading of them as well.");
    return 0;
}
