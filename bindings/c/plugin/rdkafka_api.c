/* rdkafka_api.c - see rdkafka_api.h. */
#include "rdkafka_api.h"
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* The function of this name in the object at base, or NULL. What another object has under the name is not it: a message
 * of one librdkafka must not be given to another. */
static void *find(void *object, const void *base, const char *name) {
    Dl_info found;
    void *function = object != NULL ? dlsym(object, name) : NULL;
    if (function == NULL || dladdr(function, &found) == 0 || found.dli_fbase != base) return NULL;
    return function;
}

const char *rdkafka_api_find(struct rdkafka_api *api, const void *inside) {
    const char *missing = NULL;
    void *function, *object;
    Dl_info caller;
    memset(api, 0, sizeof *api);
    if (dladdr(inside, &caller) == 0) return "rd_kafka_new";
    object = dlopen(caller.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    /* The name of the program itself is whatever it was started by. */
    if (object == NULL) object = dlopen(NULL, RTLD_LAZY);
/* A pointer to a function is not to be cast from void * in C99, but POSIX says that it may be copied. */
#define NEED(name)                                                                                                     \
    function = find(object, caller.dli_fbase, "rd_kafka_" #name);                                                      \
    if (function != NULL)                                                                                              \
        memcpy(&api->name, &function, sizeof function);                                                                \
    else if (missing == NULL)                                                                                          \
        missing = "rd_kafka_" #name;
#define WANT(name)                                                                                                     \
    function = find(object, caller.dli_fbase, "rd_kafka_" #name);                                                      \
    if (function != NULL) memcpy(&api->name, &function, sizeof function);
    RDKAFKA_NEEDED(NEED)
    RDKAFKA_WANTED(WANT)
    /* Only the count of this handle: whoever called us stays loaded. */
    if (object != NULL) dlclose(object);
    return missing;
}
