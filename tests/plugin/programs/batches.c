/* batches BROKERS TOPIC COUNT [PROPERTY]... - produces COUNT messages by one rd_kafka_produce_batch, once to any partition and
 * once to the first; every third has a key and no value. Then tries a partition that does not exist. */
#include "kafka.h"

static void batch(rd_kafka_topic_t *topic, int32_t partition, int count) {
    rd_kafka_message_t *messages = calloc((size_t)count, sizeof *messages);
    char value[] = "value", key[] = "key";
    int i;
    if (messages == NULL) fail("calloc", "no memory");
    for (i = 0; i < count; i++) {
        messages[i].payload = i % 3 == 0 ? NULL : value;
        messages[i].len = i % 3 == 0 ? 0 : sizeof value - 1;
        messages[i].key = i % 3 == 0 ? key : NULL;
        messages[i].key_len = i % 3 == 0 ? sizeof key - 1 : 0;
    }
    if (rd_kafka_produce_batch(topic, partition, RD_KAFKA_MSG_F_COPY, messages, count) != count)
        fail("rd_kafka_produce_batch", "not all were taken");
    free(messages);
}

int main(int argc, char **argv) {
    const struct rd_kafka_metadata *known;
    rd_kafka_topic_t *topic;
    rd_kafka_t *producer;
    if (argc < 4) return 2;
    producer = start(RD_KAFKA_PRODUCER, argv[1], argv + 4);
    topic = rd_kafka_topic_new(producer, argv[2], NULL);
    batch(topic, RD_KAFKA_PARTITION_UA, atoi(argv[3]));
    batch(topic, 0, atoi(argv[3]));
    if (rd_kafka_metadata(producer, 0, topic, &known, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("metadata", "none");
    rd_kafka_metadata_destroy(known);
    if (rd_kafka_produce(topic, 12345, RD_KAFKA_MSG_F_COPY, "lost", 4, NULL, 0, NULL) == 0 &&
        rd_kafka_flush(producer, 20000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail("partition 12345", "stays in the queue");
    rd_kafka_topic_destroy(topic);
    finish(producer);
    return 0;
}
