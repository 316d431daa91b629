/* handoff BROKERS FROM TO COUNT [PROPERTY]... - consumes in one thread and produces in another. */
#include "kafka.h"
#include <pthread.h>

static rd_kafka_t *consumer, *producer;
static rd_kafka_message_t *message; /* between the two */
static pthread_barrier_t given, taken;
static const char *to;
static int count;

static void *producing(void *unused) {
    int left;
    (void)unused;
    for (left = count; left > 0; left--) {
        pthread_barrier_wait(&given);
        produce(producer, to, message);
        pthread_barrier_wait(&taken);
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t thread;
    int left;
    if (argc < 5) return 2;
    to = argv[3];
    count = atoi(argv[4]);
    consumer = start(RD_KAFKA_CONSUMER, argv[1], argv + 5);
    producer = start(RD_KAFKA_PRODUCER, argv[1], argv + 5);
    subscribe(consumer, argv[2]);
    pthread_barrier_init(&given, NULL, 2);
    pthread_barrier_init(&taken, NULL, 2);
    if (pthread_create(&thread, NULL, producing, NULL) != 0) fail("pthread_create", "refused");
    for (left = count; left > 0; left--) {
        message = next(consumer);
        pthread_barrier_wait(&given);
        pthread_barrier_wait(&taken);
        rd_kafka_message_destroy(message);
    }
    pthread_join(thread, NULL);
    finish(producer);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}
