/* batch BROKERS FROM,FROM TO COUNT [PROPERTY]... - consumes a message of each of two topics at once, and produces one for
 * both, COUNT times. */
#include "kafka.h"

int main(int argc, char **argv) {
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue;
    int left;
    if (argc < 5) return 2;
    consumer = start(RD_KAFKA_CONSUMER, argv[1], argv + 5);
    producer = start(RD_KAFKA_PRODUCER, argv[1], argv + 5);
    subscribe(consumer, argv[2]);
    queue = rd_kafka_queue_get_consumer(consumer);
    for (left = atoi(argv[4]); left > 0; left--) {
        rd_kafka_message_t *two[2];
        ssize_t i, count = 0;
        while (count < 2) {
            const ssize_t got = rd_kafka_consume_batch_queue(queue, 100, two + count, (size_t)(2 - count));
            if (got < 0) fail("consume", rd_kafka_err2str(rd_kafka_last_error()));
            for (i = count; i < count + got; i++)
                if (two[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail("consume", rd_kafka_message_errstr(two[i]));
            count += got;
        }
        produce(producer, argv[3], two[0]);
        for (i = 0; i < count; i++) rd_kafka_message_destroy(two[i]);
    }
    finish(producer);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}
