/* batch BROKERS ONE TWO TO COUNT [PROPERTY]... - consumes a message of topic ONE and then one of TWO, and produces one for both;
 * COUNT times. */
#include "kafka.h"

static rd_kafka_topic_t *from(rd_kafka_t *consumer, const char *name) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, name, NULL);
    if (topic == NULL || rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING) != 0)
        fail(name, rd_kafka_err2str(rd_kafka_last_error()));
    return topic;
}

static rd_kafka_message_t *one_of(rd_kafka_topic_t *topic) {
    rd_kafka_message_t *message;
    ssize_t got;
    do {
        got = rd_kafka_consume_batch(topic, 0, 100, &message, 1);
        if (got < 0) fail("consume", rd_kafka_err2str(rd_kafka_last_error()));
    } while (got == 0);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail("consume", rd_kafka_message_errstr(message));
    return message;
}

int main(int argc, char **argv) {
    rd_kafka_t *consumer, *producer;
    rd_kafka_topic_t *topics[2];
    int left, i;
    if (argc < 6) return 2;
    consumer = start(RD_KAFKA_CONSUMER, argv[1], argv + 6);
    producer = start(RD_KAFKA_PRODUCER, argv[1], argv + 6);
    for (i = 0; i < 2; i++) topics[i] = from(consumer, argv[2 + i]);
    for (left = atoi(argv[5]); left > 0; left--) {
        rd_kafka_message_t *messages[2];
        for (i = 0; i < 2; i++) messages[i] = one_of(topics[i]);
        produce(producer, argv[4], messages[1]);
        for (i = 0; i < 2; i++) rd_kafka_message_destroy(messages[i]);
    }
    finish(producer);
    for (i = 0; i < 2; i++) {
        rd_kafka_consume_stop(topics[i], 0);
        rd_kafka_topic_destroy(topics[i]);
    }
    rd_kafka_destroy(consumer);
    return 0;
}
