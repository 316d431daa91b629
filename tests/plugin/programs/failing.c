/* failing BROKERS TOPIC [PROPERTY]... - makes no client, for want of a certificate, and frees the configuration as librdkafka's
 * manual says; does so again, and makes one of the same configuration once that is right. Produces a message. */
#include "kafka.h"

static rd_kafka_conf_t *refused(const char *brokers, char **properties) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[512];
    set(conf, "bootstrap.servers", brokers);
    set(conf, "log_level", "0");
    for (; *properties != NULL; properties++) {
        const char *value = strchr(*properties, '=');
        char name[64];
        if (value == NULL) fail(*properties, "give name=value");
        snprintf(name, sizeof name, "%.*s", (int)(value - *properties), *properties);
        set(conf, name, value + 1);
    }
    set(conf, "security.protocol", "ssl");
    set(conf, "ssl.ca.location", "/nowhere");
    if (rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error) != NULL) fail("ssl.ca.location", "was taken");
    return conf;
}

int main(int argc, char **argv) {
    const rd_kafka_message_t like = {.payload = "x", .len = 1};
    rd_kafka_t *producer;
    rd_kafka_conf_t *conf;
    char error[512];
    if (argc < 3) return 2;
    rd_kafka_conf_destroy(refused(argv[1], argv + 3));
    conf = refused(argv[1], argv + 3);
    if (rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error) != NULL) fail("ssl.ca.location", "was taken");
    set(conf, "security.protocol", "plaintext");
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (producer == NULL) fail("rd_kafka_new", error);
    produce(producer, argv[2], &like);
    finish(producer);
    return 0;
}
