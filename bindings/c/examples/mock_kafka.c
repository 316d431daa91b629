/* mock_kafka.c - a Kafka broker without Kafka: librdkafka's mock cluster as a program of its own, on a free port of
 * 127.0.0.1. It keeps headers, groups and offsets, in memory. For tests and demonstrations.
 *
 *     mock_kafka orders payments       prints "127.0.0.1:PORT" (the bootstrap servers) once both topics are there
 *
 * It runs until standard input ends, or SIGTERM or SIGINT; so it never outlives the program that holds its input. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PARTITIONS 3

static volatile sig_atomic_t stopping;

static void on_signal(int number) {
    (void)number;
    stopping = 1;
}

int main(int argc, char **argv) {
    char error[256], byte;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *host; /* a mock cluster lives in a client */
    rd_kafka_mock_cluster_t *cluster;
    struct sigaction action;
    struct pollfd input = {0, POLLIN, 0};

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    /* Errors only: this client is to have no brokers to connect to, which is worth a warning otherwise. */
    if (rd_kafka_conf_set(conf, "log_level", "3", error, sizeof error) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (host == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    cluster = rd_kafka_mock_cluster_new(host, 1);
    if (cluster == NULL) {
        fputs("the mock cluster does not start\n", stderr);
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        const rd_kafka_resp_err_t refused = rd_kafka_mock_topic_create(cluster, argv[i], PARTITIONS, 1);
        if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fprintf(stderr, "topic %s: %s\n", argv[i], rd_kafka_err2str(refused));
            return 1;
        }
    }
    puts(rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);

    while (!stopping) {
        rd_kafka_poll(host, 0);
        if (poll(&input, 1, 1000) > 0 && read(0, &byte, 1) <= 0) break;
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
    return 0;
}
