/* old_kafka - a mock cluster that knows no headers: its requests are those of Kafka 0.10. Prints its address, and runs until
 * standard input ends. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>

#define PRODUCE 0
#define FETCH 1

int main(void) {
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *host;
    if (rd_kafka_conf_set(conf, "log_level", "3", error, sizeof error) != RD_KAFKA_CONF_OK) return 1;
    host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    cluster = host != NULL ? rd_kafka_mock_cluster_new(host, 1) : NULL;
    if (cluster == NULL || rd_kafka_mock_set_apiversion(cluster, PRODUCE, 0, 2) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_mock_set_apiversion(cluster, FETCH, 0, 3) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 1;
    puts(rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    while (getchar() != EOF) {
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
    return 0;
}
