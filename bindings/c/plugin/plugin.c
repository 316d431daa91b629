/* plugin.c - libdatastreams_rdkafka.so: measures the messages of any program that uses librdkafka, without a change to it.
 *
 * librdkafka loads it when it is named in its property plugin.library.paths, and calls conf_init. docs/plugin.md says how
 * it is used and what it does; instance.h, produce.c and consume.c do it.
 *
 * No message fails or waits because of it: nothing is asked of a broker but what a group committed, after a transaction; no
 * lock is held while messages pass; and the interceptors return errors only where librdkafka is to log a line. */
#include "plugin.h"
#include "instance.h"

/* librdkafka's entry. An error would make the program's configuration fail, so there is none. */
rd_kafka_resp_err_t conf_init(rd_kafka_conf_t *conf, void **plugin, char *reason, size_t reason_size) {
    (void)plugin, (void)reason, (void)reason_size;
    instance_attach(conf, __builtin_return_address(0));
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void ds_rdkafka_attach(rd_kafka_conf_t *conf, const void *inside) { instance_attach(conf, inside); }
