// Track: offsets of partitions, and transactions.
#include "native.h"

static PyObject *track(State *state, EdgeObject *edge, PyObject *partition_object, PyObject *offset_object) {
  int64_t partition = 0, offset = 0;
  if (int64_argument("partition", partition_object, &partition) < 0 ||
      int64_argument("offset", offset_object, &offset) < 0)
    return NULL;
  if (partition < -1 || partition > INT32_MAX) {
    PyErr_SetString(PyExc_ValueError, "partition must be -1, or 0 to 2147483647");
    return NULL;
  }
  ClientObject *client = client_hold(state);
  if (client != NULL) {
    ds_edge bound;
    // What cannot be recorded is counted by the library.
    ds_status status = edge_bind(edge, client, false, &bound);
    if (status == DS_OK) status = ds_track_offset(client->handle, bound, (int32_t)partition, offset);
    if (status == DS_ERR_EDGE && edge_bind(edge, client, true, &bound) == DS_OK)
      (void)ds_track_offset(client->handle, bound, (int32_t)partition, offset);
    Py_DECREF((PyObject *)client);
  }
  Py_RETURN_NONE;
}

PyObject *track_offset(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"tags", "partition", "offset"};
  static const Signature signature = {"track_offset", 3, 3, 3, parameters};
  State *state = state_of(module);
  PyObject *in[3] = {NULL};
  if (arguments(&signature, args, nargs, names, in) < 0) return NULL;
  EdgeObject *edge = edge_of_tags(state, in[0]);
  if (edge == NULL) return NULL;
  PyObject *answer = track(state, edge, in[1], in[2]);
  Py_DECREF((PyObject *)edge);
  return answer;
}

PyObject *track_edge_offset(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"partition", "offset"};
  static const Signature signature = {"track_offset", 2, 2, 2, parameters};
  State *state = type_state(self);
  PyObject *in[2] = {NULL};
  if (state == NULL || arguments(&signature, args, nargs, names, in) < 0) return NULL;
  return track(state, (EdgeObject *)self, in[0], in[1]);
}

PyObject *track_transaction(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"id", "checkpoint", "at_ns"};
  static const Signature signature = {"track_transaction", 2, 2, 3, parameters};
  PyObject *in[3] = {NULL}, *owned[2] = {NULL};
  ds_str id, checkpoint;
  int64_t at_ns = 0;
  if (arguments(&signature, args, nargs, names, in) < 0 || int64_argument("at_ns", in[2], &at_ns) < 0) return NULL;
  if (!PyUnicode_Check(in[1])) {
    wrong_type("checkpoint", "str", in[1]);
    return NULL;
  }
  if (PyBytes_Check(in[0])) {
    id.ptr = PyBytes_AsString(in[0]);
    id.len = (size_t)PyBytes_Size(in[0]);
  } else if (!PyUnicode_Check(in[0])) {
    wrong_type("id", "str or bytes", in[0]);
    return NULL;
  } else if (text_of(in[0], &id, &owned[0]) < 0) {
    return NULL;
  }
  if (text_of(in[1], &checkpoint, &owned[1]) == 0) {
    ClientObject *client = client_hold(state_of(module));
    if (client != NULL) (void)ds_track_transaction(client->handle, id, checkpoint, at_ns);
    Py_XDECREF((PyObject *)client);
  }
  Py_XDECREF(owned[0]);
  Py_XDECREF(owned[1]);
  if (PyErr_Occurred()) return NULL;
  Py_RETURN_NONE;
}
