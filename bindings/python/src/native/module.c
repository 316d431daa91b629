// Module: datastreams._native, its functions and its state.
#include "native.h"

#define FAST (METH_FASTCALL | METH_KEYWORDS)
static PyMethodDef functions[] = {
    {"set_checkpoint", METHOD(checkpoint_set), FAST,
     "set_checkpoint($module, /, tags, *, payload_size=None, carrier=..., parent=..., now_ns=0, queued_ns=0)\n--\n\n"
     "Records that a message passes the edge of these tags. The pathway after it, which becomes the current one.\n\n"
     "tags: such as [\"direction:in\", \"topic:orders\", \"type:kafka\"]; the order does not matter.\n"
     "payload_size: bytes of key, value and headers without ours; None: not known, and not recorded.\n"
     "carrier: the message's headers, a mapping or a list of (name, value). With \"direction:out\" the pathway is\n"
     "written into it, a str into a mapping, bytes into a list; otherwise it is read, and a message without a\n"
     "readable header begins a new pathway. None is a message without headers. When it is left out, the current\n"
     "pathway goes on.\n"
     "parent: a Pathway to go on from in the place of the current one; None: a new pathway begins.\n"
     "now_ns: the time of the checkpoint, ns since the epoch; 0: now.\n"
     "queued_ns: when the message entered the queue, for a pathway that begins here; 0: not known.\n\n"
     "Raises TypeError for wrong types. Headers and tags that cannot be used never raise: they are counted."},
    {"set_consume_checkpoint", METHOD(manual_consume), FAST,
     "set_consume_checkpoint($module, /, typ, source, carrier_get, manual_checkpoint=True, tags=None)\n--\n\n"
     "A message was consumed: as in ddtrace.data_streams. The pathway after it, which becomes the current one.\n\n"
     "carrier_get(name) answers the value of a header, or None. When it raises, nothing is recorded."},
    {"set_produce_checkpoint", METHOD(manual_produce), FAST,
     "set_produce_checkpoint($module, /, typ, target, carrier_set, tags=None)\n--\n\n"
     "A message is produced: as in ddtrace.data_streams. The pathway after it, which becomes the current one.\n\n"
     "carrier_set(name, text) puts a header into the message. Its exceptions are the caller's."},
    {"edge", METHOD(edge_function), FAST,
     "edge($module, /, *tags, service='')\n--\n\n"
     "The Edge of these tags: make it once for each place in a program, also before start().\n\n"
     "service: the service that passes it, when it is not the client's own.\n"
     "Raises ValueError for tags that no edge can have: none, an empty one, more than 128, more than 16 KiB in all."},
    {"track_offset", METHOD(track_offset), FAST,
     "track_offset($module, /, tags, partition, offset)\n--\n\n"
     "Reports how far a partition is (-1: the queue has none): the highest offset in 10 s is kept.\n\n"
     "tags: \"type:kafka_produce\", \"type:kafka_commit\" (also \"consumer_group:\") or \"type:kafka_high_watermark\",\n"
     "and \"topic:\"."},
    {"track_transaction", METHOD(track_transaction), FAST,
     "track_transaction($module, /, id, checkpoint, *, at_ns=0)\n--\n\n"
     "Reports that the transaction id (str or bytes, 1 to 255 bytes) passed the named checkpoint (1 to 255 bytes).\n\n"
     "at_ns: when, ns since the epoch; 0: now. What cannot be recorded is counted, see stats()."},
    {"current_pathway", context_pathway, METH_NOARGS,
     "current_pathway($module, /)\n--\n\nThe Pathway of the message that this task or thread works on, or None."},
    {"client", client_make, METH_O, "client($module, options, /)\n--\n\nA client with these fields of ds_config."},
    {"use", client_use, METH_O, "use($module, client, /)\n--\n\nMakes a client the default one, as it is."},
    {"flush", client_flush, METH_O,
     "flush($module, timeout, /)\n--\n\nWhether all was delivered within timeout seconds."},
    {"stop", client_stop, METH_O, "stop($module, timeout, /)\n--\n\nWhether all was delivered within timeout seconds."},
    {"poll", client_poll, METH_O, "poll($module, now_ns, /)\n--\n\nSeconds until the next call."},
    {"stats", client_stats, METH_NOARGS, "stats($module, /)\n--\n\nEvery counter by its name."},
    {"logs", client_logs, METH_NOARGS, "logs($module, /)\n--\n\nTakes the lines that were logged: (level, text)."},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type) {
  *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
  return *type == NULL ? -1 : PyModule_AddType(module, *type);
}

static int execute(PyObject *module) {
  State *state = state_of(module);
  if (ds_abi_version() != DS_ABI_VERSION) {
    PyErr_SetString(PyExc_ImportError, "the extension and its library do not belong together");
    return -1;
  }
  state->key = PyUnicode_InternFromString(DS_HEADER_KEY);
  state->key_legacy = PyUnicode_InternFromString(DS_HEADER_KEY_LEGACY);
  state->edges = PyDict_New();
  state->named = PyDict_New();
  if (state->key == NULL || state->key_legacy == NULL || state->edges == NULL || state->named == NULL) return -1;
  if (add_type(module, &client_spec, &state->client_type) < 0 || add_type(module, &edge_spec, &state->edge_type) < 0 ||
      add_type(module, &pathway_spec, &state->pathway_type) < 0 || context_init(state) < 0 || client_init(state) < 0)
    return -1;
  if (PyModule_AddObjectRef(module, "context", state->context) < 0 ||
      PyModule_AddObjectRef(module, "HEADER_KEY", state->key) < 0 ||
      PyModule_AddObjectRef(module, "HEADER_KEY_LEGACY", state->key_legacy) < 0)
    return -1;
  return PyModule_AddStringConstant(module, "version", ds_version());
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
  State *state = state_of(module);
  Py_VISIT((PyObject *)state->client_type);
  Py_VISIT((PyObject *)state->edge_type);
  Py_VISIT((PyObject *)state->pathway_type);
  Py_VISIT(state->context);
  Py_VISIT(state->context_get);
  Py_VISIT(state->context_set);
  Py_VISIT((PyObject *)state->client);
  Py_VISIT(state->edges);
  Py_VISIT(state->named);
  return manual_traverse(state, visit, arg);
}

// When nobody can call the module any more. There is no tp_clear: what is collected together with the module may still
// call it, and the types and the dict of the module are enough to break its cycles.
static void release(void *module) {
  State *state = state_of((PyObject *)module);
  Py_CLEAR(state->client);
  manual_clear(state);
  Py_CLEAR(state->edges);
  Py_CLEAR(state->named);
  Py_CLEAR(state->context_set);
  Py_CLEAR(state->context_get);
  Py_CLEAR(state->context);
  Py_CLEAR(state->key);
  Py_CLEAR(state->key_legacy);
  Py_CLEAR(state->client_type);
  Py_CLEAR(state->edge_type);
  Py_CLEAR(state->pathway_type);
}

// From Python 3.12 on an interpreter may have a GIL of its own: all state is the module's. Python 3.11, whose limited API
// this is, has no names for these, and does not load a module with them.
enum { MULTIPLE_INTERPRETERS = 3 };    // Py_mod_multiple_interpreters
#define OWN_GIL ((void *)(uintptr_t)2) // Py_MOD_PER_INTERPRETER_GIL_SUPPORTED

static PyModuleDef_Slot slots[] = {
    SLOT(Py_mod_exec, execute),
    {0, NULL},
};

static PyModuleDef_Slot later_slots[] = {
    SLOT(Py_mod_exec, execute),
    {MULTIPLE_INTERPRETERS, OWN_GIL},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

#define DEFINITION(slots)                                                                                              \
  {PyModuleDef_HEAD_INIT, "_native", "The C half of datastreams. Use the package.", sizeof(State), functions, slots,   \
   traverse,              NULL,      release}

static PyModuleDef definition = DEFINITION(slots);
static PyModuleDef later_definition = DEFINITION(later_slots);

PyMODINIT_FUNC PyInit__native(void) {
  return PyModuleDef_Init(Py_Version < 0x030C0000 ? &definition : &later_definition);
}
