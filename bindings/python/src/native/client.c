// Client: what records and reports. There is one default client, in the module's state; start() replaces it.
#include "native.h"

enum { SLICE_MS = 250 }; // How long a flush waits at first before it looks whether a signal came (Ctrl-C).

// Its type holds the module, which holds the client: without this no interpreter but the last would let go of them.
static int traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT((PyObject *)Py_TYPE(self));
  return 0;
}

static void dealloc(PyObject *self) {
  ClientObject *client = (ClientObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  // Whoever is inside a call holds a reference: nobody is.
  ds_client_free(client->handle);
  log_free(client->log);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

static ClientObject *client_new(State *state, ds_config *config) {
  ds_error error;
  ClientObject *client = PyObject_GC_New(ClientObject, state->client_type);
  if (client == NULL) return NULL;
  client->handle = NULL;
  client->log = log_new();
  PyObject_GC_Track((PyObject *)client);
  if (client->log == NULL) {
    Py_DECREF((PyObject *)client);
    PyErr_NoMemory();
    return NULL;
  }
  config->log = log_push;
  config->log_userdata = client->log;
  const ds_status status = ds_client_new(config, &client->handle, &error);
  if (status == DS_OK) return client;
  client->handle = NULL;
  Py_DECREF((PyObject *)client);
  PyErr_SetString(status == DS_ERR_INVALID ? PyExc_ValueError : PyExc_RuntimeError, error.message);
  return NULL;
}

#ifdef Py_GIL_DISABLED
// Reading the pointer and counting the reference are two steps.
#define LOCK(state) PyMutex_Lock(&(state)->lock)
#define UNLOCK(state) PyMutex_Unlock(&(state)->lock)
#else
#define LOCK(state) ((void)0)
#define UNLOCK(state) ((void)0)
#endif

ClientObject *client_hold(State *state) {
  LOCK(state);
  ClientObject *client = (ClientObject *)Py_XNewRef((PyObject *)state->client);
  UNLOCK(state);
  return client;
}

static void replace(State *state, ClientObject *client) {
  LOCK(state);
  ClientObject *old = state->client;
  state->client = client;
  UNLOCK(state);
  Py_XDECREF((PyObject *)old);
}

int client_init(State *state) {
  // Until start() a disabled client passes pathways through and counts that. It needs nothing of the environment, whose
  // faults are told by start().
  ds_config config = DS_CONFIG_INIT;
  config.enabled = 2;
  config.process_tags = 2;
  config.service = DS_STR("-");
  config.agent_url = DS_STR("http://localhost:8126");
  ClientObject *client = client_new(state, &config);
  if (client == NULL) PyErr_Clear(); // Then everything passes through, uncounted.
  replace(state, client);
  return 0;
}

PyObject *client_make(PyObject *module, PyObject *options) {
  if (!PyDict_Check(options)) {
    wrong_type("options", "dict", options);
    return NULL;
  }
  ds_config config = DS_CONFIG_INIT;
  if (config_read(options, &config) < 0) return NULL;
  return (PyObject *)client_new(state_of(module), &config);
}

PyObject *client_use(PyObject *module, PyObject *client) {
  State *state = state_of(module);
  if (Py_TYPE(client) != state->client_type) {
    wrong_type("client", "Client", client);
    return NULL;
  }
  replace(state, (ClientObject *)Py_NewRef(client));
  Py_RETURN_NONE;
}

static ds_status flush_slice(ClientObject *client, uint32_t milliseconds) {
  ds_status status;
  Py_BEGIN_ALLOW_THREADS status = ds_client_flush(client->handle, milliseconds);
  Py_END_ALLOW_THREADS return status;
}

// Flushes for so many milliseconds. -1 with the exception of a signal's handler. Each slice is a flush of its own,
// which also waits for what was recorded since; they double, so that with an agent that takes long one of them is long
// enough.
static int flush(ClientObject *client, uint32_t left, ds_status *status) {
  uint32_t slice = SLICE_MS;
  do {
    if (slice > left) slice = left;
    *status = flush_slice(client, slice);
    if (*status != DS_ERR_TIMEOUT) return 0;
    left -= slice;
    if (slice <= UINT32_MAX / 2) slice *= 2;
    if (PyErr_CheckSignals() < 0) return -1;
  } while (left > 0);
  return 0;
}

static PyObject *delivered(ds_status status) {
  if (status == DS_OK || status == DS_ERR_TIMEOUT) return PyBool_FromLong(status == DS_OK);
  PyErr_SetString(PyExc_RuntimeError, ds_status_text(status));
  return NULL;
}

PyObject *client_flush(PyObject *module, PyObject *timeout) {
  uint32_t left = 0;
  if (timeout_argument(timeout, &left) < 0) return NULL;
  ClientObject *client = client_hold(state_of(module));
  ds_status status = DS_OK;
  const int failed = client == NULL ? 0 : flush(client, left, &status);
  Py_XDECREF((PyObject *)client);
  return failed < 0 ? NULL : delivered(status);
}

PyObject *client_stop(PyObject *module, PyObject *timeout) {
  uint32_t left = 0;
  if (timeout_argument(timeout, &left) < 0) return NULL;
  ClientObject *client = client_hold(state_of(module));
  ds_status status = DS_OK;
  if (client != NULL) {
    // In one piece: from here on nothing is recorded, so there is nothing new to wait for.
    Py_BEGIN_ALLOW_THREADS status = ds_client_stop(client->handle, left);
    Py_END_ALLOW_THREADS Py_DECREF((PyObject *)client);
  }
  return delivered(status);
}

PyObject *client_poll(PyObject *module, PyObject *now) {
  int64_t now_ns = 0;
  if (int64_argument("now_ns", now, &now_ns) < 0) return NULL;
  ClientObject *client = client_hold(state_of(module));
  uint32_t next_ms = 10000;
  ds_status status = DS_ERR_NULL;
  if (client != NULL) {
    Py_BEGIN_ALLOW_THREADS status = ds_client_poll(client->handle, now_ns, &next_ms);
    Py_END_ALLOW_THREADS Py_DECREF((PyObject *)client);
  }
  if (status == DS_OK) return PyFloat_FromDouble(next_ms / 1000.0);
  PyErr_SetString(
      status == DS_ERR_INVALID ? PyExc_ValueError : PyExc_RuntimeError,
      status == DS_ERR_MODE || status == DS_ERR_NULL ? "poll() needs start(delivery='poll')" : ds_status_text(status));
  return NULL;
}

PyObject *client_stats(PyObject *module, PyObject *unused) {
  (void)unused;
  ClientObject *client = client_hold(state_of(module));
  PyObject *stats = PyDict_New();
  size_t count = 0;
  if (stats == NULL || client == NULL || ds_client_counters(client->handle, NULL, 0, &count) != DS_OK) count = 0;
  uint64_t *values = count == 0 ? NULL : PyMem_Calloc(count, sizeof *values);
  if (values != NULL && ds_client_counters(client->handle, values, count, &count) == DS_OK)
    for (size_t at = 0; at < count && stats != NULL; at++) {
      PyObject *value = PyLong_FromUnsignedLongLong(values[at]);
      if (value == NULL || PyDict_SetItemString(stats, ds_counter_name(at), value) < 0) Py_CLEAR(stats);
      Py_XDECREF(value);
    }
  PyMem_Free(values);
  Py_XDECREF((PyObject *)client);
  return stats;
}

PyObject *client_logs(PyObject *module, PyObject *unused) {
  (void)unused;
  ClientObject *client = client_hold(state_of(module));
  if (client == NULL) return PyList_New(0);
  PyObject *lines = log_take(client->log);
  Py_DECREF((PyObject *)client);
  return lines;
}

static PyType_Slot slots[] = {
    {Py_tp_doc, "A client of the library. Owned by the module."},
    SLOT(Py_tp_dealloc, dealloc),
    SLOT(Py_tp_traverse, traverse),
    {0, NULL},
};

PyType_Spec client_spec = {"datastreams._native.Client", sizeof(ClientObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                               Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
