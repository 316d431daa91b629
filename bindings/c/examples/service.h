/* service.h - what the example services share and what has nothing to do with measuring: options, the signal to
 * stop, a clock, and the setting up of librdkafka and of the client. */
#ifndef SERVICE_H
#define SERVICE_H
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <datastreams.h>
#include <datastreams_rdkafka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- options: --name VALUE, else an environment variable, else a default ---- */

struct option {
    const char *name;     /* "--topic" */
    const char *variable; /* environment variable, or NULL */
    const char *value;    /* the default, replaced by what is given; NULL: not set */
    const char *help;
};

/* Fills in the values; ends the program with the list of options when an argument is none. */
static inline void options_read(struct option *options, size_t count, int argc, char **argv) {
    for (size_t i = 0; i < count; i++) {
        const char *from = options[i].variable != NULL ? getenv(options[i].variable) : NULL;
        if (from != NULL && from[0] != '\0') options[i].value = from;
    }
    for (int a = 1; a < argc; a += 2) {
        size_t i = 0;
        while (i < count && strcmp(options[i].name, argv[a]) != 0) i++;
        if (i < count && a + 1 < argc) {
            options[i].value = argv[a + 1];
            continue;
        }
        fprintf(stderr, "usage: %s [OPTION VALUE]...\n", argv[0]);
        for (i = 0; i < count; i++) {
            fprintf(stderr, "  %-14s %s", options[i].name, options[i].help);
            if (options[i].variable != NULL) fprintf(stderr, " ($%s)", options[i].variable);
            if (options[i].value != NULL) fprintf(stderr, " [%s]", options[i].value);
            fputc('\n', stderr);
        }
        exit(2);
    }
}

/* An option's number; ends the program when it is none. */
static inline double option_number(const struct option *option) {
    char *end;
    const double number = strtod(option->value, &end);
    if (end == option->value || *end != '\0' || !(number >= 0 && number <= 1e9)) {
        fprintf(stderr, "%s: \"%s\" is not a number\n", option->name, option->value);
        exit(2);
    }
    return number;
}

/* The options that every service has; each program's own follow them. */
enum { BROKERS, SERVICE, AGENT, FLUSH, STDIN, OWN };
#define COMMON_OPTIONS(service) \
    {"--brokers", "KAFKA_BROKERS", "127.0.0.1:9092", "Kafka, host:port,..."}, \
        {"--service", "DD_SERVICE", service, "name on the map"}, \
        {"--agent", "DD_TRACE_AGENT_URL", NULL, "where statistics go; not set: the library looks for an agent"}, \
        {"--flush-every", NULL, "0", "seconds between statistics; 0: every 10 s, as the library does by itself"}, \
        {"--stdin", NULL, "ignore", "watch: also stop when standard input ends (a parent that died)"}

/* ---- the end ---- */

static volatile sig_atomic_t service_stopping;

static inline void service_signal(int number) {
    (void)number;
    service_stopping = 1;
}

/* SIGINT and SIGTERM stop the service; standard input does too, where the option says so. */
static inline void service_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = service_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* False once the service is to stop. */
static inline bool service_running(const struct option *options) {
    char byte;
    struct pollfd input = {0, POLLIN, 0};
    if (!service_stopping && strcmp(options[STDIN].value, "watch") == 0 && poll(&input, 1, 0) > 0 &&
        read(0, &byte, 1) <= 0)
        service_stopping = 1;
    return !service_stopping;
}

/* ---- time ---- */

static inline int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Sleeps until the monotonic clock shows this time; a signal to stop ends it early. */
static inline void sleep_until_ns(int64_t at) {
    int64_t left;
    while (!service_stopping && (left = at - clock_ns(CLOCK_MONOTONIC)) > 0) {
        const struct timespec pause = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
        nanosleep(&pause, NULL);
    }
}

/* ---- the client of datastreams ---- */

/* Makes the client. When that fails the service runs all the same, unmeasured: every call takes a NULL client. */
static inline ds_client *client_start(const struct option *options) {
    ds_config config = DS_CONFIG_INIT;
    ds_client *client = NULL;
    ds_error error;
    config.service.ptr = options[SERVICE].value;
    config.service.len = strlen(options[SERVICE].value);
    if (options[AGENT].value != NULL) {
        config.agent_url.ptr = options[AGENT].value;
        config.agent_url.len = strlen(options[AGENT].value);
    }
    if (ds_client_new(&config, &client, &error) != DS_OK)
        fprintf(stderr, "%s: not measured: %s\n", options[SERVICE].value, error.message);
    return client;
}

/* Sends what was measured and ends the client, within five seconds. */
static inline void client_stop(ds_client *client) {
    if (client != NULL && ds_client_stop(client, 5000) != DS_OK) fputs("the last statistics were not sent\n", stderr);
    ds_client_free(client);
}

/* Sends statistics more often than the library would, in a thread of its own so that no message waits for it. Only
 * for demonstrations: every 10 seconds is what agents expect. */
struct flusher {
    pthread_t thread;
    bool started;
    double seconds;
    const ds_client *client;
};

static inline void *flusher_main(void *argument) {
    const struct flusher *flusher = (const struct flusher *)argument;
    int64_t next = clock_ns(CLOCK_MONOTONIC);
    while (!service_stopping) {
        next += (int64_t)(flusher->seconds * 1e9);
        while (!service_stopping && clock_ns(CLOCK_MONOTONIC) < next) poll(NULL, 0, 20);
        if (!service_stopping) ds_client_flush(flusher->client, 2000);
    }
    return NULL;
}

static inline void flusher_start(struct flusher *flusher, const struct option *options, const ds_client *client) {
    flusher->seconds = option_number(&options[FLUSH]);
    flusher->client = client;
    flusher->started = flusher->seconds > 0 && pthread_create(&flusher->thread, NULL, flusher_main, flusher) == 0;
}

static inline void flusher_stop(struct flusher *flusher) {
    if (flusher->started) pthread_join(flusher->thread, NULL);
}

/* ---- librdkafka ---- */

/* Sets a property; ends the program when librdkafka does not know it. */
static inline void kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", error);
        exit(2);
    }
}

/* Starts a producer or consumer; conf is used up. */
static inline rd_kafka_t *kafka_start(rd_kafka_type_t type, rd_kafka_conf_t *conf, const struct option *options) {
    char error[256];
    rd_kafka_t *kafka;
    kafka_set(conf, "bootstrap.servers", options[BROKERS].value);
    kafka_set(conf, "client.id", options[SERVICE].value);
    kafka = rd_kafka_new(type, conf, error, sizeof error);
    if (kafka == NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return kafka;
}

/* Starts a producer that sends each message at once, as its pipeline wants to be quick. Delivery reports go to
 * on_delivery with produced. */
static inline rd_kafka_t *producer_start(const struct option *options, const char *topic, ds_rdkafka_topics *produced,
                                         void (*on_delivery)(rd_kafka_t *, const rd_kafka_message_t *, void *)) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const struct rd_kafka_metadata *known = NULL;
    rd_kafka_topic_t *handle;
    rd_kafka_t *producer;
    kafka_set(conf, "linger.ms", "0");
    rd_kafka_conf_set_opaque(conf, produced);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    producer = kafka_start(RD_KAFKA_PRODUCER, conf, options);
    /* Ask where the topic is now, not when the first message waits for the answer. */
    handle = rd_kafka_topic_new(producer, topic, NULL);
    if (handle != NULL && rd_kafka_metadata(producer, 0, handle, &known, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(known);
    if (handle != NULL) rd_kafka_topic_destroy(handle);
    return producer;
}

/* Waits for the last delivery reports, and ends a producer. */
static inline void producer_stop(rd_kafka_t *producer) {
    rd_kafka_flush(producer, 5000);
    if (rd_kafka_outq_len(producer) > 0) fprintf(stderr, "not delivered: %d\n", rd_kafka_outq_len(producer));
    rd_kafka_destroy(producer);
}

/* Starts a consumer of one topic. Each second it commits what rd_kafka_offset_store was called for; the results
 * go to on_commit with committed. */
static inline rd_kafka_t *consumer_start(const struct option *options, const char *topic, const char *group,
                                         ds_rdkafka_topics *committed,
                                         void (*on_commit)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                           rd_kafka_topic_partition_list_t *, void *)) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_t *consumer;
    rd_kafka_resp_err_t error;
    kafka_set(conf, "group.id", group);
    kafka_set(conf, "auto.offset.reset", "earliest");
    kafka_set(conf, "auto.commit.interval.ms", "1000");
    kafka_set(conf, "enable.auto.offset.store", "false");
    /* A real broker answers a waiting fetch when a message comes; the mock cluster only when this time is over. */
    kafka_set(conf, "fetch.wait.max.ms", "10");
    rd_kafka_conf_set_opaque(conf, committed);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    consumer = kafka_start(RD_KAFKA_CONSUMER, conf, options);
    rd_kafka_poll_set_consumer(consumer);
    topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    error = rd_kafka_subscribe(consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "%s: %s\n", topic, rd_kafka_err2str(error));
        exit(1);
    }
    return consumer;
}

/* Commits a last time, leaves the group, and ends a consumer. When Kafka is gone, rd_kafka_consumer_close would wait
 * for a minute or more; this gives up after five seconds, and leaves the consumer to the end of the process. */
static inline void consumer_stop(rd_kafka_t *consumer) {
    const int64_t deadline = clock_ns(CLOCK_MONOTONIC) + 5000000000;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
    rd_kafka_error_destroy(rd_kafka_consumer_close_queue(consumer, queue));
    while (!rd_kafka_consumer_closed(consumer)) {
        rd_kafka_message_t *unread;
        if (clock_ns(CLOCK_MONOTONIC) > deadline) {
            fputs("Kafka did not answer: the group is left without a word\n", stderr);
            return;
        }
        /* Calls on_commit; messages that were fetched and not polled come too, and are left to the next start. */
        unread = rd_kafka_consume_queue(queue, 100);
        if (unread != NULL) rd_kafka_message_destroy(unread);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(consumer);
}

/* Prints "ready" once, when the consumer has partitions and has looked into each: whoever started it may begin to
 * produce. */
static inline void consumer_ready(rd_kafka_t *consumer, bool *ready) {
    rd_kafka_topic_partition_list_t *assigned = NULL;
    int fetched = 0;
    if (*ready || rd_kafka_assignment(consumer, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    for (int i = 0; i < assigned->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &assigned->elems[i];
        int64_t low, high;
        if (rd_kafka_get_watermark_offsets(consumer, one->topic, one->partition, &low, &high) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            high >= 0)
            fetched++;
    }
    if (fetched > 0 && fetched == assigned->cnt) {
        *ready = true;
        puts("ready");
        fflush(stdout);
    }
    rd_kafka_topic_partition_list_destroy(assigned);
}

#endif
