// What the files of the extension share: one noun each, and here what the others may use of it.
//
// The extension is the Python half of include/datastreams.h: it turns objects into the arguments of one call, and what
// comes back into objects. What a second language would need as well is not here but in the library.
#ifndef DATASTREAMS_NATIVE_H
#define DATASTREAMS_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "datastreams.h"

// Python keeps methods as functions of two arguments, and slots as void *, which ISO C does not know functions by.
#define METHOD(function) ((PyCFunction)(void (*)(void))(function))
#define SLOT(id, function) {id, (void *)(uintptr_t)(function)}

typedef struct LogRing LogRing;

// A client. The object owns the handle: it is freed when nobody can be inside a call on it any more.
typedef struct {
  PyObject_HEAD ds_client *handle;
  LogRing *log;
} ClientObject;

// A tag set. Interned lazily with whatever client is there, so that it can be made before start().
typedef struct {
  PyObject_HEAD PyObject *tags;    // A tuple of str, in the caller's order.
  PyObject *service; // A str; empty: the client's own.
  uint32_t direction;
  _Atomic(uintptr_t) client; // The client that `id` belongs to; only compared, never followed.
  _Atomic(uint64_t) id;
} EdgeObject;

typedef struct {
  PyObject_HEAD ds_pathway value;
} PathwayObject;

// An edge, and what a call that meant it was given; owned.
typedef struct {
  PyObject *typ, *topic, *kind, *edge;
} Point;

enum { POINTS = 64 };

// What an interpreter has of this module.
typedef struct {
  PyTypeObject *client_type, *edge_type, *pathway_type;
  ClientObject *client;                 // The default client: a disabled one before start(). NULL: could not be made.
  PyObject *context, *context_get, *context_set; // The context variable of the current pathway, and its methods.
  PyObject *edges;                      // tags -> Edge
  PyObject *named;                      // What else calls name an edge by -> Edge: apart, since tags may be anything.
  PyObject *key, *key_legacy;           // The names of the headers.
#ifndef Py_GIL_DISABLED
  Point points[POINTS];                 // The edges of recent calls of manual.c, by the identity of their arguments.
#endif
#ifdef Py_GIL_DISABLED
  PyMutex lock; // Of `client`.
#endif
} State;

#define IN 1u
#define OUT 2u

// The state of a module; and of an object's type, NULL with an exception when its module is gone.
static inline State *state_of(PyObject *module) { return (State *)PyModule_GetState(module); }
static inline State *type_state(PyObject *self) { return (State *)PyType_GetModuleState(Py_TYPE(self)); }

// ---- arguments.c: calls by position and by name ----------------------------------------------

typedef struct {
  const char *function;
  int required, positional, count; // The first `required` must be given; the first `positional` may be without a name.
  const char *const *names;
} Signature;

// Sorts a vectorcall's arguments into `out`, which holds `count` NULLs before. -1 with a TypeError.
int arguments(const Signature *signature, PyObject *const *args, Py_ssize_t nargs, PyObject *names, PyObject **out);
// Raises TypeError: `name` must be `wanted`, not what it is. Answers -1.
int wrong_type(const char *name, const char *wanted, PyObject *found);
// NULL leaves `*value` as it is. -1 with a TypeError, or a ValueError when it does not fit.
int int64_argument(const char *name, PyObject *object, int64_t *value);
// The size of a payload: an int, or None for unknown; so are negative ones (clients say -1 for a missing key).
int size_argument(PyObject *object, uint64_t *size);
// Seconds as milliseconds, at least 0; more than 49 days are 49 days. NULL leaves `*milliseconds` as it is.
int timeout_argument(PyObject *object, uint32_t *milliseconds);

// ---- text.c: str as UTF-8 ---------------------------------------------------------------------

// Borrows the text of a str. A lone surrogate, which UTF-8 has no form for, becomes "?": then `*owned` is to be
// released. -1 only without memory.
int text_of(PyObject *str, ds_str *text, PyObject **owned);

// ---- header.c: what a message carries -----------------------------------------------------------

typedef struct {
  const uint8_t *ptr;
  size_t len;
  bool viewed;
  Py_buffer view;
} Header;

// Borrows a header from str or bytes-like. None or NULL is no header; anything else is one that cannot be read, so that
// it is counted and never raised.
void header_read(PyObject *value, Header *header);
void header_release(Header *header);
// Whether a pathway can be read from it now.
bool header_readable(const Header *header);

// ---- pathway.c ---------------------------------------------------------------------------------

extern PyType_Spec pathway_spec;
PathwayObject *pathway_new(State *state);

// ---- context.c: the current pathway -----------------------------------------------------------

int context_init(State *state);
// The current pathway, owned; NULL without error when there is none.
PathwayObject *context_current(State *state, bool *failed);
int context_set(State *state, PathwayObject *pathway);
PyObject *context_pathway(PyObject *module, PyObject *unused);

// ---- log.c: lines of the reporter's thread ------------------------------------------------------

LogRing *log_new(void);
void log_free(LogRing *ring);
void log_push(void *ring, int32_t level, ds_str message);
// A list of (level, text), oldest first; emptied by that.
PyObject *log_take(LogRing *ring);

// ---- client.c ------------------------------------------------------------------------------------

extern PyType_Spec client_spec;
// The default client, held for a call; NULL when there is none.
ClientObject *client_hold(State *state);
int client_init(State *state);
PyObject *client_make(PyObject *module, PyObject *options);
PyObject *client_use(PyObject *module, PyObject *client);
PyObject *client_flush(PyObject *module, PyObject *timeout);
PyObject *client_stop(PyObject *module, PyObject *timeout);
PyObject *client_poll(PyObject *module, PyObject *now);
PyObject *client_stats(PyObject *module, PyObject *unused);
PyObject *client_logs(PyObject *module, PyObject *unused);

// ---- config.c -----------------------------------------------------------------------------------

// Fills in a config from a dict of the fields' names. Texts are borrowed from it. -1 with an exception.
int config_read(PyObject *options, ds_config *config);

// ---- edge.c ---------------------------------------------------------------------------------------

extern PyType_Spec edge_spec;
// The tags as a tuple of str; NULL with a TypeError that names `name`.
PyObject *edge_tags(const char *name, PyObject *tags);
// The Edge of such a tuple, owned, from the cache where it can be.
EdgeObject *edge_of_tags(State *state, PyObject *tags);
EdgeObject *edge_new(State *state, PyObject *tags, PyObject *service);
// Keeps an Edge under a key, in state->edges or state->named. Failing to is no error.
void edge_remember(PyObject *cache, PyObject *key, EdgeObject *edge);
// What a cache has under a key, owned. NULL: nothing, or an exception when the key cannot be hashed.
EdgeObject *edge_remembered(PyObject *cache, PyObject *key);
// The edge in a client's terms.
ds_status edge_bind(EdgeObject *edge, ClientObject *client, bool again, ds_edge *bound);
PyObject *edge_function(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

// ---- checkpoint.c: a message passes an edge ------------------------------------------------------

typedef struct {
  uint64_t size;
  const Header *header; // NULL: none came.
  const PathwayObject *parent; // The pathway before, when `inherits` is false; NULL: none.
  bool inherits; // The pathway before is the current one.
  int64_t now_ns, queued_ns;
  bool sends; // `out` is wanted.
  uint8_t out[DS_HEADER_MAX];
  size_t out_len;
} Message;

#define MESSAGE_INIT {DS_SIZE_UNKNOWN, NULL, NULL, false, 0, 0, false, {0}, 0}

// Records the checkpoint and makes the pathway after it the current one. Owned; NULL only with an exception of
// Python's.
PathwayObject *checkpoint_pass(State *state, EdgeObject *edge, Message *message);
PyObject *checkpoint_set(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *checkpoint_edge(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *checkpoint_consume(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *checkpoint_produce(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

// ---- carrier.c: the headers of a message as its client has them ---------------------------------

// Fails with a TypeError when a carrier cannot be one, or cannot be written.
int carrier_check(PyObject *carrier, bool write);
// The best value in a carrier, owned; NULL without an exception: there is none.
PyObject *carrier_find(State *state, PyObject *carrier);
// Puts a pathway in the place of whatever pathway a carrier had.
int carrier_write(State *state, PyObject *carrier, const uint8_t *text, size_t len);

// ---- manual.c: the calls that ddtrace has ---------------------------------------------------------

void manual_clear(State *state);
int manual_traverse(State *state, visitproc visit, void *arg);
PyObject *manual_consume(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *manual_produce(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

// ---- track.c: offsets and transactions --------------------------------------------------------------

PyObject *track_offset(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *track_edge_offset(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *track_transaction(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

#endif
