/* preload.c - libdatastreams_rdkafka_preload.so: brings the plugin into programs whose configuration is out of reach.
 *
 * `datastreams run` names it in LD_PRELOAD. It stands before rd_kafka_new, adds the plugin to the configuration that is
 * given, and goes on to the real one. It reaches whatever calls librdkafka as another object: C, C++, the Python wheel,
 * Go and Rust that are linked dynamically. It does not see a librdkafka that is linked into the program statically.
 *
 * The plugin lies beside it and is loaded with the first client: processes without one are not touched. */
#include "plugin.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef __typeof__(&rd_kafka_new) new_function;
typedef __typeof__(&rd_kafka_conf_new) conf_new_function;
typedef __typeof__(&rd_kafka_conf_destroy) conf_destroy_function;
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

EXPORTED rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *reason, size_t reason_size) {
    const void *caller = __builtin_return_address(0);
    void *found_new = real("rd_kafka_new", caller), *found_conf_new = real("rd_kafka_conf_new", caller);
    void *found_conf_destroy = real("rd_kafka_conf_destroy", caller);
    new_function real_new = NULL;
    conf_new_function real_conf_new = NULL;
    conf_destroy_function real_conf_destroy = NULL;
    rd_kafka_conf_t *own = NULL;
    attach_function attach;
    rd_kafka_t *rk;
    if (found_new == NULL) {
        /* Not reached: who called this was linked with one. */
        snprintf(reason, reason_size, "librdkafka was not found behind libdatastreams_rdkafka_preload.so");
        return NULL;
    }
    memcpy(&real_new, &found_new, sizeof found_new);
    seen();
    attach = plugin();
    if (attach == NULL) return real_new(type, conf, reason, reason_size);
    /* Without a configuration librdkafka makes one itself, which nobody could add anything to. */
    if (conf == NULL && found_conf_new != NULL && found_conf_destroy != NULL) {
        memcpy(&real_conf_new, &found_conf_new, sizeof found_conf_new);
        memcpy(&real_conf_destroy, &found_conf_destroy, sizeof found_conf_destroy);
        own = real_conf_new();
    }
    if (conf != NULL || own != NULL) attach(conf != NULL ? conf : own, found_new);
    rk = real_new(type, conf != NULL ? conf : own, reason, reason_size);
    if (rk == NULL && own != NULL) real_conf_destroy(own); /* it is used up by a client only */
    return rk;
}
