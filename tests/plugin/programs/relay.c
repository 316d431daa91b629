/* relay BROKERS FROM TO COUNT [PROPERTY]... - consumes messages and produces each again, one after the other. */
#include "kafka.h"

int main(int argc, char **argv) {
    rd_kafka_t *consumer, *producer;
    int left;
    if (argc < 5) return 2;
    consumer = start(RD_KAFKA_CONSUMER, argv[1], argv + 5);
    producer = start(RD_KAFKA_PRODUCER, argv[1], argv + 5);
    subscribe(consumer, argv[2]);
    for (left = atoi(argv[4]); left > 0; left--) {
        rd_kafka_message_t *message = next(consumer);
        produce(producer, argv[3], message);
        rd_kafka_message_destroy(message);
    }
    finish(producer);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}
