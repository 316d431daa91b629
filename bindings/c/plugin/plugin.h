/* plugin.h - what libdatastreams_rdkafka.so exports. */
#ifndef DS_PLUGIN_PLUGIN_H
#define DS_PLUGIN_PLUGIN_H
#include <librdkafka/rdkafka.h>

#define EXPORTED __attribute__((visibility("default")))

/* Called by librdkafka when plugin.library.paths names this library. */
EXPORTED rd_kafka_resp_err_t conf_init(rd_kafka_conf_t *conf, void **plugin, char *reason, size_t reason_size);

/* The same for libdatastreams_rdkafka_preload.so, which is not librdkafka: inside is any address in the librdkafka that conf
 * belongs to. */
EXPORTED void ds_rdkafka_attach(rd_kafka_conf_t *conf, const void *inside);

#endif
