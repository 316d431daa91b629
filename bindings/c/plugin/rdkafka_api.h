/* rdkafka_api.h - librdkafka's functions, of the very librdkafka that called us.
 *
 * A process can hold several: the system's, and a private one in a Python wheel whose symbols nobody else sees. Nothing
 * is linked; every function is looked up in the object that an address of the caller lies in. */
#ifndef DS_PLUGIN_API_H
#define DS_PLUGIN_API_H
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Without one of these there is nothing to be done. */
#define RDKAFKA_NEEDED(X)                                                                                           \
    X(conf_get)                                                                                                        \
    X(conf_interceptor_add_on_conf_destroy)                                                                            \
    X(conf_interceptor_add_on_new)                                                                                     \
    X(header_add)                                                                                                      \
    X(header_get_all)                                                                                                  \
    X(header_remove)                                                                                                   \
    X(headers_new)                                                                                                     \
    X(interceptor_add_on_acknowledgement)                                                                              \
    X(interceptor_add_on_commit)                                                                                       \
    X(interceptor_add_on_consume)                                                                                      \
    X(interceptor_add_on_destroy)                                                                                      \
    X(interceptor_add_on_request_sent)                                                                                 \
    X(interceptor_add_on_send)                                                                                         \
    X(message_headers)                                                                                                 \
    X(message_set_headers)                                                                                             \
    X(message_timestamp)                                                                                               \
    X(topic_name)
/* Without one of these only the cluster's id, the high watermark, or offsets in transactions are missing. */
#define RDKAFKA_WANTED(X)                                                                                           \
    X(ListConsumerGroupOffsets)                                                                                        \
    X(ListConsumerGroupOffsets_destroy)                                                                                \
    X(ListConsumerGroupOffsets_new)                                                                                    \
    X(ListConsumerGroupOffsets_result_groups)                                                                          \
    X(clusterid)                                                                                                       \
    X(event_ListConsumerGroupOffsets_result)                                                                           \
    X(event_destroy)                                                                                                   \
    X(get_watermark_offsets)                                                                                           \
    X(group_result_partitions)                                                                                         \
    X(mem_free)                                                                                                        \
    X(queue_destroy)                                                                                                   \
    X(queue_new)                                                                                                       \
    X(queue_poll)

#define RDKAFKA_MEMBER(name) __typeof__(&rd_kafka_##name) name;
struct rdkafka_api {
    RDKAFKA_NEEDED(RDKAFKA_MEMBER)
    RDKAFKA_WANTED(RDKAFKA_MEMBER)
};
#undef RDKAFKA_MEMBER

/* Looks all functions up in the object that inside lies in. Returns NULL, or the name of the first needed function that
 * it does not show; those that it does show are filled in all the same. Takes some microseconds. */
const char *rdkafka_api_find(struct rdkafka_api *api, const void *inside);

#endif
