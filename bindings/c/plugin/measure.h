/* measure.h - the process's one client of datastreams, and its settings. */
#ifndef DS_PLUGIN_MEASURE_H
#define DS_PLUGIN_MEASURE_H
#include "parent.h"
#include <datastreams.h>
#include <stddef.h>

/* How long the end of the process may wait for the last statistics to be delivered; not so soon after it was waited in vain. */
#define MEASURE_EXIT_MS 5000
/* How long the end of the last client of librdkafka may wait for them: some programs, those in Go among them, end in a way
 * that tells nobody. Once it was not enough, it is not tried again. */
#define MEASURE_END_MS 2000

struct measure {
    ds_client *client; /* NULL: nothing is measured, and why says the reason */
    parent_kind parent;
    char why[256]; /* also when a setting was not understood, and its default is used; "" otherwise */
};

/* Makes it with the first call, from the environment: what libdatastreams reads, and DS_RDKAFKA_PARENT. Lives as long as
 * the process; its end delivers the last statistics. Any thread; waits for another thread that makes it. */
const struct measure *measure_get(void);

/* A client of librdkafka begins, and ends, when all its threads have. Any thread. */
void measure_begin(void);
void measure_end(void);

#endif
