/* kafka.h - what the C programs share: ordinary librdkafka, nothing of ours.
 *
 * Their arguments are brokers, topics, a count, and then properties of librdkafka, "name=value". */
#ifndef KAFKA_H
#define KAFKA_H
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static inline void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char error[512];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(name, error);
}

static inline rd_kafka_t *start(rd_kafka_type_t type, const char *brokers, char **properties) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[512];
    rd_kafka_t *kafka;
    set(conf, "bootstrap.servers", brokers);
    if (type == RD_KAFKA_CONSUMER) {
        set(conf, "group.id", "programs");
        set(conf, "auto.offset.reset", "earliest");
        set(conf, "fetch.wait.max.ms", "10");
    } else {
        set(conf, "linger.ms", "0");
    }
    for (; *properties != NULL; properties++) {
        char *value = strchr(*properties, '=');
        if (value == NULL) fail(*properties, "give name=value");
        *value = '\0';
        set(conf, *properties, value + 1);
        *value = '=';
    }
    kafka = rd_kafka_new(type, conf, error, sizeof error);
    if (kafka == NULL) fail("rd_kafka_new", error);
    return kafka;
}

/* Subscribes to topics, divided by commas. */
static inline void subscribe(rd_kafka_t *consumer, const char *topics) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    char names[512], *name;
    rd_kafka_resp_err_t error;
    rd_kafka_poll_set_consumer(consumer);
    snprintf(names, sizeof names, "%s", topics);
    for (name = strtok(names, ","); name != NULL; name = strtok(NULL, ","))
        rd_kafka_topic_partition_list_add(list, name, RD_KAFKA_PARTITION_UA);
    error = rd_kafka_subscribe(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(topics, rd_kafka_err2str(error));
}

/* The next message. */
static inline rd_kafka_message_t *next(rd_kafka_t *consumer) {
    for (;;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (message == NULL) continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return message;
        if (message->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) fail("consume", rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
    }
}

static inline void produce(rd_kafka_t *producer, const char *topic, const rd_kafka_message_t *like) {
    const rd_kafka_resp_err_t error =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(like->key, like->key_len),
                          RD_KAFKA_V_VALUE(like->payload, like->len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail("produce", rd_kafka_err2str(error));
}

static inline void finish(rd_kafka_t *producer) {
    const rd_kafka_resp_err_t error = rd_kafka_flush(producer, 20000);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail("flush", rd_kafka_err2str(error));
    rd_kafka_destroy(producer);
}

#endif
