/* batch BROKERS ONE TWO TO ROUNDS EACH [PROPERTY]... - consumes EACH messages of topic ONE and then as many of TWO, and produces one
 * for all of them; in each of the ROUNDS. */
#include "kafka.h"

#define MOST 100

static rd_kafka_topic_t *from(rd_kafka_t *consumer, const char *name) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, name, NULL);
    if (topic == NULL || rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING) != 0)
        fail(name, rd_kafka_err2str(rd_kafka_last_error()));
    return topic;
}

static void consume(rd_kafka_topic_t *topic, rd_kafka_message_t **messages, size_t count) {
    size_t i;
    while (count > 0) {
        const ssize_t got = rd_kafka_consume_batch(topic, 0, 100, messages, count);
        if (got < 0) fail("consume", rd_kafka_err2str(rd_kafka_last_error()));
        for (i = 0; i < (size_t)got; i++)
            if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail("consume", rd_kafka_message_errstr(messages[i]));
        messages += got;
        count -= (size_t)got;
    }
}

int main(int argc, char **argv) {
    rd_kafka_message_t *messages[2 * MOST];
    rd_kafka_t *consumer, *producer;
    rd_kafka_topic_t *topics[2];
    size_t each, i;
    int left;
    if (argc < 7 || atoi(argv[6]) < 1 || atoi(argv[6]) > MOST) return 2;
    each = (size_t)atoi(argv[6]);
    consumer = start(RD_KAFKA_CONSUMER, argv[1], argv + 7);
    producer = start(RD_KAFKA_PRODUCER, argv[1], argv + 7);
    for (i = 0; i < 2; i++) topics[i] = from(consumer, argv[2 + i]);
    for (left = atoi(argv[5]); left > 0; left--) {
        for (i = 0; i < 2; i++) consume(topics[i], messages + i * each, each);
        produce(producer, argv[4], messages[2 * each - 1]);
        for (i = 0; i < 2 * each; i++) rd_kafka_message_destroy(messages[i]);
    }
    finish(producer);
    for (i = 0; i < 2; i++) {
        rd_kafka_consume_stop(topics[i], 0);
        rd_kafka_topic_destroy(topics[i]);
    }
    rd_kafka_destroy(consumer);
    return 0;
}
