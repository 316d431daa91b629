// Edge: a tag set, interned with the client that records.
#include "native.h"

enum {
  TAGS = 128,          // What ds_edge_intern takes; one more is handed on for it to refuse.
  CACHED_EDGES = 4096, // The default of max_edges.
  CACHED_BYTES = 1024, // An edge with longer texts is not kept: the cache is bounded in bytes as well.
};

// Collected with its type and the module, which the cache would keep alive for ever otherwise.
static int traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT((PyObject *)Py_TYPE(self));
  Py_VISIT(((EdgeObject *)self)->tags);
  return 0;
}

static void dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_XDECREF(((EdgeObject *)self)->tags);
  Py_XDECREF(((EdgeObject *)self)->service);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyObject *edge_tags(const char *name, PyObject *tags) {
  // A str is an iterable of str, and never meant.
  PyObject *iterator = PyUnicode_Check(tags) || PyBytes_Check(tags) ? NULL : PyObject_GetIter(tags);
  if (iterator == NULL) {
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_TypeError)) return NULL;
    PyErr_Clear();
    wrong_type(name, "an iterable of str", tags);
    return NULL;
  }
  PyObject *tuple = PySequence_Tuple(iterator);
  Py_DECREF(iterator);
  if (tuple == NULL) return NULL; // The exception of a generator is the caller's.
  const Py_ssize_t count = PyTuple_Size(tuple);
  for (Py_ssize_t at = 0; at < count; at++) {
    PyObject *tag = PyTuple_GetItem(tuple, at);
    if (PyUnicode_Check(tag)) continue;
    PyObject *type = PyType_GetName(Py_TYPE(tag));
    if (type != NULL)
      PyErr_Format(PyExc_TypeError, "%s must be an iterable of str, but item %zd is %U", name, at, type);
    Py_XDECREF(type);
    Py_DECREF(tuple);
    return NULL;
  }
  return tuple;
}

static uint32_t direction_of(PyObject *tags) {
  const Py_ssize_t count = PyTuple_Size(tags);
  for (Py_ssize_t at = 0; at < count; at++) {
    PyObject *tag = PyTuple_GetItem(tags, at);
    if (PyUnicode_CompareWithASCIIString(tag, "direction:in") == 0) return IN;
    if (PyUnicode_CompareWithASCIIString(tag, "direction:out") == 0) return OUT;
  }
  return 0;
}

EdgeObject *edge_new(State *state, PyObject *tags, PyObject *service) {
  EdgeObject *edge = PyObject_GC_New(EdgeObject, state->edge_type);
  if (edge == NULL) return NULL;
  edge->tags = Py_NewRef(tags);
  edge->service = Py_NewRef(service);
  edge->direction = direction_of(tags);
  atomic_init(&edge->client, 0);
  atomic_init(&edge->id, 0);
  PyObject_GC_Track((PyObject *)edge);
  return edge;
}

static ds_status intern(const EdgeObject *edge, ClientObject *client, ds_edge *bound) {
  ds_str texts[TAGS + 1], service;
  PyObject *owned[TAGS + 2];
  Py_ssize_t count = PyTuple_Size(edge->tags), held = 0;
  if (count > TAGS + 1) count = TAGS + 1;
  ds_status status = text_of(edge->service, &service, &owned[held]) < 0 ? DS_ERR_SYSTEM : DS_OK;
  if (status == DS_OK) held++;
  for (Py_ssize_t at = 0; at < count && status == DS_OK; at++) {
    if (text_of(PyTuple_GetItem(edge->tags, at), &texts[at], &owned[held]) < 0)
      status = DS_ERR_SYSTEM;
    else
      held++;
  }
  if (status == DS_OK)
    status = ds_edge_intern(client->handle, texts, (size_t)count, service, bound);
  else
    PyErr_Clear();
  while (held > 0) Py_XDECREF(owned[--held]);
  return status;
}

ds_status edge_bind(EdgeObject *edge, ClientObject *client, bool again, ds_edge *bound) {
  // Another thread may bind the edge to another client between the two reads: then the library answers DS_ERR_EDGE,
  // as it does when a new client has the address of a freed one, and the caller comes again.
  if (!again && atomic_load_explicit(&edge->client, memory_order_acquire) == (uintptr_t)client) {
    bound->id = atomic_load_explicit(&edge->id, memory_order_relaxed);
    return DS_OK;
  }
  const ds_status status = intern(edge, client, bound);
  if (status != DS_OK) return status;
  atomic_store_explicit(&edge->id, bound->id, memory_order_relaxed);
  atomic_store_explicit(&edge->client, (uintptr_t)client, memory_order_release);
  return DS_OK;
}

// ---- The cache ---------------------------------------------------------------------------------

EdgeObject *edge_remembered(PyObject *cache, PyObject *key) {
#ifdef Py_GIL_DISABLED
  PyObject *found = NULL;
  if (PyDict_GetItemRef(cache, key, &found) < 0) return NULL;
  return (EdgeObject *)found;
#else
  return (EdgeObject *)Py_XNewRef(PyDict_GetItemWithError(cache, key));
#endif
}

void edge_remember(PyObject *cache, PyObject *key, EdgeObject *edge) {
  Py_ssize_t bytes = PyUnicode_GetLength(edge->service);
  const Py_ssize_t count = PyTuple_Size(edge->tags);
  for (Py_ssize_t at = 0; at < count; at++) bytes += PyUnicode_GetLength(PyTuple_GetItem(edge->tags, at));
  if (bytes > CACHED_BYTES || count > TAGS) return;
  // Tags that are never the same twice fill it again and again; those that come back are soon in it again.
  if (PyDict_Size(cache) >= CACHED_EDGES) PyDict_Clear(cache);
  if (PyDict_SetItem(cache, key, (PyObject *)edge) < 0) PyErr_Clear();
}

EdgeObject *edge_of_tags(State *state, PyObject *tags) {
  // A tuple of str is its own key. What is no str cannot be found, as nothing else is ever kept, or cannot be hashed.
  PyObject *key = PyList_Check(tags) ? PyList_AsTuple(tags) : PyTuple_Check(tags) ? Py_NewRef(tags) : NULL;
  EdgeObject *edge = NULL;
  if (key != NULL) {
    edge = edge_remembered(state->edges, key);
    Py_DECREF(key);
    if (edge != NULL) return edge;
  }
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return NULL;
    PyErr_Clear();
  }
  PyObject *tuple = edge_tags("tags", tags);
  if (tuple == NULL) return NULL;
  edge = edge_remembered(state->edges, tuple);
  if (edge == NULL && !PyErr_Occurred()) {
    PyObject *service = PyUnicode_FromString("");
    if (service != NULL) edge = edge_new(state, tuple, service);
    Py_XDECREF(service);
    if (edge != NULL) edge_remember(state->edges, tuple, edge);
  }
  Py_DECREF(tuple);
  return edge;
}

// ---- edge() --------------------------------------------------------------------------------------

PyObject *edge_function(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"service"};
  static const Signature signature = {"edge", 0, 0, 1, parameters};
  State *state = state_of(module);
  PyObject *in[1] = {NULL};
  if (arguments(&signature, args + nargs, 0, names, in) < 0) return NULL;
  if (in[0] != NULL && !PyUnicode_Check(in[0])) {
    wrong_type("service", "str", in[0]);
    return NULL;
  }
  PyObject *service = in[0] == NULL ? PyUnicode_FromString("") : Py_NewRef(in[0]);
  PyObject *tags = PyTuple_New(nargs), *key = NULL;
  EdgeObject *edge = NULL;
  ClientObject *client = NULL;
  if (service == NULL || tags == NULL) goto done;
  for (Py_ssize_t at = 0; at < nargs; at++) {
    if (!PyUnicode_Check(args[at])) {
      wrong_type("tags", "str", args[at]);
      goto done;
    }
    if (PyTuple_SetItem(tags, at, Py_NewRef(args[at])) < 0) goto done;
  }
  const bool own = PyUnicode_GetLength(service) == 0;
  PyObject *cache = own ? state->edges : state->named;
  key = own ? Py_NewRef(tags) : PyTuple_Pack(2, service, tags);
  if (key == NULL) goto done;
  edge = edge_remembered(cache, key);
  if (edge == NULL && PyErr_Occurred()) goto done;
  const bool is_new = edge == NULL;
  if (is_new && (edge = edge_new(state, tags, service)) == NULL) goto done;
  client = client_hold(state);
  ds_edge bound;
  // One that is remembered may be a checkpoint's, which is counted and not refused.
  if (client != NULL && edge_bind(edge, client, false, &bound) == DS_ERR_INVALID) {
    PyErr_SetString(PyExc_ValueError,
                    "an edge takes 1 to 128 tags, none empty, of together at most 16 KiB, and a service "
                    "of at most 16 KiB");
    Py_DECREF((PyObject *)edge);
    edge = NULL;
    goto done;
  }
  if (is_new) edge_remember(cache, key, edge);
done:
  Py_XDECREF((PyObject *)client);
  Py_XDECREF(service);
  Py_XDECREF(tags);
  Py_XDECREF(key);
  return (PyObject *)edge;
}

static PyObject *get_tags(PyObject *self, void *c) {
  (void)c;
  return Py_NewRef(((EdgeObject *)self)->tags);
}
static PyObject *get_service(PyObject *self, void *c) {
  (void)c;
  return Py_NewRef(((EdgeObject *)self)->service);
}

static PyGetSetDef attributes[] = {
    {"tags", get_tags, NULL, "The tags, in the order they were given.", NULL},
    {"service", get_service, NULL, "The service that passes the edge; '' is the client's own.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyObject *repr(PyObject *self) {
  const EdgeObject *edge = (EdgeObject *)self;
  return PyUnicode_GetLength(edge->service) == 0 ? PyUnicode_FromFormat("<Edge %R>", edge->tags)
                                                 : PyUnicode_FromFormat("<Edge %R of %R>", edge->tags, edge->service);
}

#define FAST (METH_FASTCALL | METH_KEYWORDS)
static PyMethodDef methods[] = {
    {"consume", METHOD(checkpoint_consume), FAST,
     "consume($self, header=None, payload_size=None, *, now_ns=0, queued_ns=0)\n--\n\n"
     "A message was consumed with this header (str, bytes-like, or None: it has none). The pathway after.\n\n"
     "It becomes the current pathway. A message without a readable header begins a new one: what was current\n"
     "before has no part in it. queued_ns: when it entered the queue, for a pathway that begins here."},
    {"produce", METHOD(checkpoint_produce), FAST,
     "produce($self, payload_size=None, *, parent=..., now_ns=0)\n--\n\n"
     "A message is produced: the text to send under HEADER_KEY; '' when there is nothing to send.\n\n"
     "It goes on from the current pathway, or from parent (None: a new one), and becomes the current one."},
    {"checkpoint", METHOD(checkpoint_edge), FAST,
     "checkpoint($self, *, payload_size=None, carrier=..., parent=..., now_ns=0, queued_ns=0)\n--\n\n"
     "set_checkpoint() for this edge."},
    {"track_offset", METHOD(track_edge_offset), FAST,
     "track_offset($self, partition, offset)\n--\n\ntrack_offset() for this edge."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "What messages pass at a checkpoint: a set of tags. Made by edge(), once for each place in a program."},
    SLOT(Py_tp_dealloc, dealloc),
    SLOT(Py_tp_traverse, traverse),
    SLOT(Py_tp_repr, repr),
    {Py_tp_getset, attributes},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec edge_spec = {"datastreams.Edge", sizeof(EdgeObject), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                             Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
