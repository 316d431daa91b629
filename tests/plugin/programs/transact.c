/* transact BROKERS FROM TO COUNT [PROPERTY]... - consumes messages and produces each in a transaction that is aborted, and once more
 * in one that is committed, with the offset. Then stays for two seconds. */
#include "kafka.h"
#include <time.h>

static void succeed(const char *what, rd_kafka_error_t *error) {
    if (error != NULL) fail(what, rd_kafka_error_string(error));
}

static void offsets(rd_kafka_t *producer, rd_kafka_t *consumer, const rd_kafka_message_t *message) {
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(message->rkt), message->partition)->offset =
        message->offset + 1;
    succeed("rd_kafka_send_offsets_to_transaction", rd_kafka_send_offsets_to_transaction(producer, list, group, 20000));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_group_metadata_destroy(group);
}

/* The program's own properties, and one that each kind of client wants. */
static rd_kafka_t *with(const char *property, rd_kafka_type_t type, char **argv) {
    char own[256], *all[64];
    size_t count = 0;
    snprintf(own, sizeof own, "%s", property);
    for (all[count++] = own; argv[4 + count] != NULL && count < 63; count++) all[count] = argv[4 + count];
    all[count] = NULL;
    return start(type, argv[1], all);
}

int main(int argc, char **argv) {
    const struct timespec pause = {2, 0};
    char id[256];
    rd_kafka_t *consumer, *producer;
    int left;
    if (argc < 5) return 2;
    snprintf(id, sizeof id, "transactional.id=%s", argv[3]);
    consumer = with("enable.auto.commit=false", RD_KAFKA_CONSUMER, argv);
    producer = with(id, RD_KAFKA_PRODUCER, argv);
    succeed("rd_kafka_init_transactions", rd_kafka_init_transactions(producer, 60000));
    subscribe(consumer, argv[2]);
    for (left = atoi(argv[4]); left > 0; left--) {
        rd_kafka_message_t *message = next(consumer);
        succeed("rd_kafka_begin_transaction", rd_kafka_begin_transaction(producer));
        produce(producer, argv[3], message);
        if (rd_kafka_flush(producer, 20000) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("flush", "not all were delivered");
        succeed("rd_kafka_abort_transaction", rd_kafka_abort_transaction(producer, 20000));
        succeed("rd_kafka_begin_transaction", rd_kafka_begin_transaction(producer));
        produce(producer, argv[3], message);
        offsets(producer, consumer, message);
        succeed("rd_kafka_commit_transaction", rd_kafka_commit_transaction(producer, 20000));
        rd_kafka_message_destroy(message);
    }
    nanosleep(&pause, NULL);
    finish(producer);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}
