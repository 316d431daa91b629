/* preload.c - libdatastreams_rdkafka_preload.so: brings the plugin into programs whose configuration is out of reach.
 *
 * `datastreams run` names it in LD_PRELOAD. It stands before rd_kafka_new, adds the plugin to the configuration that is
 * given, and goes on to the real one; and before rd_kafka_conf_destroy, for the configurations of which no client could be
 * made. It reaches whatever calls librdkafka as another object: C, C++, the Python wheel, Go and Rust that are linked
 * dynamically. It does not see a librdkafka that is linked into the program statically.
 *
 * The plugin lies beside it and is loaded with the first client: processes without one are not touched. */
#include "plugin.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef __typeof__(&ds_rdkafka_attach) attach_function;

/* What the caller would have got without us: what comes after us among what everybody sees, else what the caller's own
 * object is linked with. A wheel's librdkafka is seen by its own module only. */
static void *real(const char *name, const void *caller) {
    void *function = dlsym(RTLD_NEXT, name), *object;
    Dl_info where;
    if (function != NULL || dladdr(caller, &where) == 0) return function;
    object = dlopen(where.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (object == NULL) return NULL;
    function = dlsym(object, name);
    dlclose(object);
    return function;
}

/* The plugin's entry, or NULL. Whatever the program's own search paths are, it is the one beside this library. */
static attach_function plugin(void) {
    static const char name[] = "libdatastreams_rdkafka.so";
    char path[PATH_MAX];
    attach_function attach = NULL;
    void *object, *entry;
    const char *slash;
    Dl_info own;
    if (dladdr(name, &own) == 0 || (slash = strrchr(own.dli_fname, '/')) == NULL) return NULL;
    if (snprintf(path, sizeof path, "%.*s/%s", (int)(slash - own.dli_fname), own.dli_fname, name) >= (int)sizeof path)
        return NULL;
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    entry = object != NULL ? dlsym(object, "ds_rdkafka_attach") : NULL;
    if (entry != NULL) memcpy(&attach, &entry, sizeof entry);
    return attach;
}

/* Tells `datastreams run`, which named a file for it, that a client was seen. */
static void seen(void) {
    const char *path = getenv("DS_RDKAFKA_SEEN");
    int file;
    if (path == NULL || (file = open(path, O_WRONLY | O_CLOEXEC)) < 0) return;
    if (write(file, "1", 1) < 0) { /* then it is not told */
    }
    close(file);
}

/* When no client can be made of a configuration, librdkafka before 2.13 frees what it holds of plugins, and once more with
 * the configuration: whoever does what its manual says would crash. The configuration is still the program's then, and may
 * be tried again, so such a one is kept here, and never freed. */
#define SPOILED_MAX 64
static const rd_kafka_conf_t *spoiled[SPOILED_MAX];
static int failures;

/* Once there were too many, clients are not measured, and their configurations not spoiled. */
static bool may_spoil(void) { return __atomic_load_n(&failures, __ATOMIC_RELAXED) < SPOILED_MAX; }

static void spoil(const rd_kafka_conf_t *conf) {
    const int at = __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
    if (at < SPOILED_MAX) __atomic_store_n(&spoiled[at], conf, __ATOMIC_RELEASE);
}

static bool is_spoiled(const rd_kafka_conf_t *conf) {
    int i;
    for (i = 0; i < SPOILED_MAX; i++)
        if (conf != NULL && __atomic_load_n(&spoiled[i], __ATOMIC_ACQUIRE) == conf) return true;
    return false;
}

/* The functions of the librdkafka that we stand before. */
struct library {
    __typeof__(&rd_kafka_new) new;
    __typeof__(&rd_kafka_conf_new) conf_new;
    __typeof__(&rd_kafka_conf_dup) conf_dup;
    __typeof__(&rd_kafka_conf_destroy) conf_destroy;
    const void *inside; /* an address in it */
    bool whole;
};

static struct library find(const void *caller) {
    struct library library;
    void *function;
    memset(&library, 0, sizeof library);
    library.whole = true;
#define FIND(name)                                                                                                     \
    function = real("rd_kafka_" #name, caller);                                                                        \
    if (function == NULL) library.whole = false;                                                                       \
    memcpy(&library.name, &function, sizeof function);
    FIND(conf_new)
    FIND(conf_dup)
    FIND(conf_destroy)
    FIND(new)
#undef FIND
    library.inside = function;
    return library;
}

EXPORTED rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *reason, size_t reason_size) {
    const struct library library = find(__builtin_return_address(0));
    rd_kafka_conf_t *used = conf;
    attach_function attach;
    rd_kafka_t *rk;
    if (library.new == NULL) {
        /* Not reached: who called this was linked with one. */
        snprintf(reason, reason_size, "librdkafka was not found behind libdatastreams_rdkafka_preload.so");
        return NULL;
    }
    seen();
    attach = library.whole && may_spoil() ? plugin() : NULL;
    /* Without a configuration librdkafka makes one itself, which nobody could add anything to. */
    if (conf == NULL && attach != NULL) used = library.conf_new();
    if (is_spoiled(conf)) used = library.conf_dup(conf);
    if (attach != NULL) attach(used, library.inside);
    rk = library.new(type, used, reason, reason_size);
    if (rk != NULL) return rk;
    if (attach != NULL)
        spoil(used); /* which is that of the program, or nobody's */
    else if (used != conf)
        library.conf_destroy(used);
    return NULL;
}

/* What librdkafka freed already is left. */
EXPORTED void rd_kafka_conf_destroy(rd_kafka_conf_t *conf) {
    const struct library library = find(__builtin_return_address(0));
    if (library.conf_destroy != NULL && !is_spoiled(conf)) library.conf_destroy(conf);
}
