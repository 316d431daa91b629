/* instance.c - see instance.h. */
#include "instance.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A property's value, for the caller to free; "" when it has none, NULL when there is no memory. */
static char *property(const struct instance *instance, const rd_kafka_conf_t *conf, const char *name) {
    size_t size = 0;
    char *value;
    if (instance->api.conf_get(conf, name, NULL, &size) != RD_KAFKA_CONF_OK) size = 0;
    value = calloc(1, size + 1);
    if (value != NULL && size > 0 && instance->api.conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
        value[0] = '\0';
    return value;
}

/* Whether the program said that its brokers are older than 0.11, the first that keeps headers, and are not to be asked. */
static bool configured_headerless(const struct instance *instance, const rd_kafka_conf_t *conf) {
    char *ask = property(instance, conf, "api.version.request");
    char *assumed = property(instance, conf, "broker.version.fallback");
    int major = 0, minor = 0;
    const bool old = ask != NULL && assumed != NULL && strcmp(ask, "false") == 0 &&
                     sscanf(assumed, "%d.%d", &major, &minor) == 2 && major == 0 && minor < 11;
    free(ask);
    free(assumed);
    return old;
}

/* Frees what read_conf and messages made. */
static void forget(struct instance *instance) {
    topics_free(&instance->produced);
    topics_free(&instance->consumed);
    free(instance->group);
    instance->group = NULL;
    if (!instance->ready) return;
    instance->ready = false;
    cluster_free(&instance->cluster);
    measure_end();
}

/* Reads what we need to know of the configuration. */
static bool read_conf(struct instance *instance, const rd_kafka_conf_t *conf) {
    char *max = property(instance, conf, "message.max.bytes");
    char *servers = property(instance, conf, "bootstrap.servers");
    instance->group = property(instance, conf, "group.id");
    if (max != NULL && servers != NULL && instance->group != NULL &&
        cluster_init(&instance->cluster, &instance->api, servers)) {
        instance->message_max = strtoull(max, NULL, 10);
        instance->produced.client = instance->consumed.client = instance->measure->client;
        instance->produced.group = "";
        instance->consumed.group = instance->group;
        instance->consumed.consumes = true;
        instance->ready = true;
        measure_begin();
    }
    free(max);
    free(servers);
    return instance->ready;
}

static rd_kafka_resp_err_t on_destroy(rd_kafka_t *rk, void *opaque) {
    struct instance *instance = opaque;
    (void)rk;
    cluster_end(&instance->cluster);
    commits_leave(&instance->commits);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* What is returned here with a reason is logged by librdkafka as one line, and otherwise ignored: the way in which an
 * interceptor can say something. The client then works as if there was no plugin. */
static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *reason,
                                  size_t reason_size) {
    struct instance *instance = opaque;
    const struct rdkafka_api *api = &instance->api;
    rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (instance->missing != NULL) {
        snprintf(reason, reason_size, "nothing is measured: this librdkafka has no %s", instance->missing);
        return RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED;
    }
    instance->measure = measure_get();
    if (instance->measure->client == NULL) {
        snprintf(reason, reason_size, "nothing is measured: %s", instance->measure->why);
        return RD_KAFKA_RESP_ERR__NOT_CONFIGURED;
    }
    if (configured_headerless(instance, conf)) {
        snprintf(reason, reason_size,
                 "nothing is measured: messages have no headers before version 0.11 (broker.version.fallback)");
        return RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
    }
    /* A configuration stays the program's when no client could be made, and may be tried again. */
    forget(instance);
    if (!read_conf(instance, conf)) {
        snprintf(reason, reason_size, "nothing is measured: no memory");
        return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    }
#define ADD(name)                                                                                                      \
    if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) refused = api->interceptor_add_##name(rk, INTERCEPTOR, name, instance)
    /* First what ends it, then what offsets need: each may be called as soon as it is there. */
    ADD(on_destroy);
    ADD(on_acknowledgement);
    ADD(on_commit);
    ADD(on_request_sent);
    ADD(on_consume);
    ADD(on_send);
#undef ADD
    if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) {
        instance->commits.api = api;
        instance->commits.rk = rk;
        instance->commits.group = instance->group;
        instance->commits.committed = track_committed;
        instance->commits.opaque = instance;
        commits_join(&instance->commits);
    } else {
        snprintf(reason, reason_size, "not everything is measured");
        return refused;
    }
    if (instance->measure->why[0] == '\0') return RD_KAFKA_RESP_ERR_NO_ERROR;
    snprintf(reason, reason_size, "%s", instance->measure->why);
    return RD_KAFKA_RESP_ERR__INVALID_ARG;
}

static void destroy(struct instance *instance) {
    forget(instance);
    free(instance);
}

/* The last of a client, after its threads have ended; or of a configuration that never became one. */
static rd_kafka_resp_err_t on_conf_destroy(void *opaque) {
    destroy(opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void instance_attach(rd_kafka_conf_t *conf, const void *inside) {
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) return;
    instance->missing = rdkafka_api_find(&instance->api, inside);
    /* It is refused where it is there already: the plugin was named twice. */
    if (instance->api.conf_interceptor_add_on_new == NULL ||
        instance->api.conf_interceptor_add_on_conf_destroy == NULL ||
        instance->api.conf_interceptor_add_on_new(conf, INTERCEPTOR, on_new, instance) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        destroy(instance);
        return;
    }
    instance->api.conf_interceptor_add_on_conf_destroy(conf, INTERCEPTOR, on_conf_destroy, instance);
}
