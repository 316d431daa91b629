/* rdkafka_api.c - see rdkafka_api.h. */
#include "rdkafka_api.h"
#include "program_symbols.h"
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

/* Where functions are looked up. */
struct place {
    const void *base; /* of the object that called us */
    void *object;     /* the same to the dynamic linker */
    struct program_symbols program;
};

/* The function of this name in the object, or NULL. What another object has under the name is not it: a message of one
 * librdkafka must not be given to another. */
static void *find(const struct place *place, const char *name) {
    Dl_info found;
    void *function = place->object != NULL ? dlsym(place->object, name) : NULL;
    if (function != NULL && dladdr(function, &found) != 0 && found.dli_fbase == place->base) return function;
    return program_symbols_find(&place->program, name);
}

/* Whether the program itself is loaded there, and no library. */
static bool is_program(const void *base) {
    Dl_info program;
    return dladdr((const void *)getauxval(AT_PHDR), &program) != 0 && program.dli_fbase == base;
}

const char *rdkafka_api_find(struct rdkafka_api *api, const void *inside) {
    const char *missing = NULL;
    struct place place;
    void *function;
    Dl_info caller;
    memset(api, 0, sizeof *api);
    if (dladdr(inside, &caller) == 0) return "symbols";
    memset(&place, 0, sizeof place);
    place.base = caller.dli_fbase;
    place.object = dlopen(caller.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (is_program(place.base)) {
        /* Its name here is whatever it was started by. A librdkafka that is linked into it is seen by the dynamic linker
         * only when it was exported. */
        if (place.object == NULL) place.object = dlopen(NULL, RTLD_LAZY);
        program_symbols_open(&place.program, place.base);
    }
/* A pointer to a function is not to be cast from void * in C99, but POSIX says that it may be copied. */
#define NEED(name)                                                                                                     \
    function = find(&place, "rd_kafka_" #name);                                                                        \
    if (function != NULL)                                                                                              \
        memcpy(&api->name, &function, sizeof function);                                                                \
    else if (missing == NULL)                                                                                          \
        missing = "rd_kafka_" #name;
#define WANT(name)                                                                                                     \
    function = find(&place, "rd_kafka_" #name);                                                                        \
    if (function != NULL) memcpy(&api->name, &function, sizeof function);
    RDKAFKA_NEEDED(NEED)
    RDKAFKA_WANTED(WANT)
    program_symbols_close(&place.program);
    /* Only the count of this handle: whoever called us stays loaded. */
    if (place.object != NULL) dlclose(place.object);
    return missing;
}
