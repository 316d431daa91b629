/* edges.h - the edges of Kafka, and offsets. */
#ifndef DS_PLUGIN_EDGES_H
#define DS_PLUGIN_EDGES_H
#include <datastreams.h>

typedef enum kafka_edge_kind {
    EDGE_IN,            /* messages that a group reads */
    EDGE_OUT,           /* messages that are written */
    EDGE_PRODUCED,      /* offsets that produced messages got */
    EDGE_COMMITTED,     /* offsets that a group committed */
    EDGE_HIGH_WATERMARK /* where partitions end */
} kafka_edge_kind;

/* Interns the edge of a kind and a topic. group is for IN and COMMITTED; group and cluster may be "": then there is no such
 * tag. Zero, which every call refuses and counts, when a name is too long to be one. Any thread. */
ds_edge kafka_edge(const ds_client *client, kafka_edge_kind kind, const char *topic, const char *group,
                   const char *cluster);

#endif
