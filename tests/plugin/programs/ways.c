/* ways BROKERS TOPIC COUNT [PROPERTY]... - consumes the first COUNT messages of a topic in every way that librdkafka has. Messages
 * are destroyed later, by another thread. */
#include "kafka.h"
#include <pthread.h>

static const char *brokers, *topic;
static char **properties;
static int left; /* to be consumed */
static rd_kafka_message_t *kept[1000];
static int kept_count;

static void *destroy(void *unused) {
    while (kept_count > 0) rd_kafka_message_destroy(kept[--kept_count]);
    return unused;
}

static void keep(rd_kafka_message_t *message) {
    if (message == NULL) return;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) left--;
    kept[kept_count++] = message;
}

static void finish_way(rd_kafka_t *consumer) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, destroy, NULL) != 0) fail("pthread_create", "refused");
    pthread_join(thread, NULL);
    rd_kafka_destroy(consumer);
}

static rd_kafka_t *begin_way(int count) {
    rd_kafka_t *consumer = start(RD_KAFKA_CONSUMER, brokers, properties);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(consumer, list) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("assign", "refused");
    rd_kafka_topic_partition_list_destroy(list);
    left = count;
    return consumer;
}

static void poll_way(int count) {
    rd_kafka_t *consumer = begin_way(count);
    while (left > 0) keep(rd_kafka_consumer_poll(consumer, 100));
    finish_way(consumer);
}

static void batch_way(int count) {
    rd_kafka_t *consumer = begin_way(count);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    rd_kafka_message_t *some[3];
    while (left > 0) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, 100, some, (size_t)(left < 3 ? left : 3)), i;
        for (i = 0; i < got; i++) keep(some[i]);
    }
    rd_kafka_queue_destroy(queue);
    finish_way(consumer);
}

static void queue_way(int count) {
    rd_kafka_t *consumer = begin_way(count);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    while (left > 0) keep(rd_kafka_consume_queue(queue, 100));
    rd_kafka_queue_destroy(queue);
    finish_way(consumer);
}

static void event_way(int count) {
    rd_kafka_t *consumer = begin_way(count);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    while (left > 0) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 100);
        if (event == NULL) continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH && rd_kafka_event_message_next(event) != NULL) left--;
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    finish_way(consumer);
}

static void called(rd_kafka_message_t *message, void *consumer) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && --left == 0) rd_kafka_yield(consumer);
}

static void callback_way(int count) {
    rd_kafka_t *consumer = begin_way(count);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    while (left > 0) rd_kafka_consume_callback_queue(queue, 100, called, consumer);
    rd_kafka_queue_destroy(queue);
    finish_way(consumer);
}

int main(int argc, char **argv) {
    static void (*const ways[])(int) = {poll_way, batch_way, queue_way, event_way, callback_way};
    size_t i;
    if (argc < 4) return 2;
    brokers = argv[1];
    topic = argv[2];
    properties = argv + 4;
    for (i = 0; i < sizeof ways / sizeof *ways; i++) ways[i](atoi(argv[3]));
    printf("%d\n", (int)i);
    return 0;
}
