// Manual: the two calls that ddtrace.data_streams has, with its signatures and its tags.
#include "native.h"

// The Edge of what ddtrace makes of its arguments. `kind`: None for produced, else whether a consumer is manual.
static EdgeObject *edge_of_point(State *state, PyObject *typ, PyObject *topic, PyObject *kind, PyObject *extra) {
  PyObject *tags = NULL, *key = NULL, *text[4] = {NULL};
  EdgeObject *edge = NULL;
  if (extra != NULL && (extra = edge_tags("tags", extra)) == NULL) return NULL;
  // Three or four: edge()'s keys are pairs.
  key = extra == NULL ? PyTuple_Pack(3, typ, topic, kind) : PyTuple_Pack(4, typ, topic, kind, extra);
  if (key == NULL || (edge = edge_remembered(state->named, key)) != NULL || PyErr_Occurred()) goto done;
  const bool manual = kind != Py_False;
  const Py_ssize_t more = extra == NULL ? 0 : PyTuple_Size(extra);
  text[0] = PyUnicode_FromFormat("type:%U", typ);
  text[1] = PyUnicode_FromFormat("topic:%U", topic);
  text[2] = PyUnicode_FromString(kind == Py_None ? "direction:out" : "direction:in");
  text[3] = PyUnicode_FromString("manual_checkpoint:true");
  tags = PyTuple_New(3 + manual + more);
  if (text[0] == NULL || text[1] == NULL || text[2] == NULL || text[3] == NULL || tags == NULL) goto done;
  for (Py_ssize_t at = 0; at < 3 + manual; at++)
    if (PyTuple_SetItem(tags, at, Py_NewRef(text[at])) < 0) goto done;
  for (Py_ssize_t at = 0; at < more; at++)
    if (PyTuple_SetItem(tags, 3 + manual + at, Py_NewRef(PyTuple_GetItem(extra, at))) < 0) goto done;
  PyObject *service = PyUnicode_FromString("");
  if (service != NULL) edge = edge_new(state, tags, service);
  Py_XDECREF(service);
  if (edge != NULL) edge_remember(state->named, key, edge);
done:
  for (int at = 0; at < 4; at++) Py_XDECREF(text[at]);
  Py_XDECREF(tags);
  Py_XDECREF(key);
  Py_XDECREF(extra);
  return edge;
}

// Most programs name their queues by constants: the same objects again are the same edge, without a tuple to look it up
// by. Replacing an entry takes several steps, so a free-threaded build does without.
#ifndef Py_GIL_DISABLED
static Point *recent(State *state, PyObject *typ, PyObject *topic, PyObject *kind) {
  return &state->points[((uintptr_t)typ >> 4 ^ (uintptr_t)topic >> 5 ^ (uintptr_t)kind >> 3) % POINTS];
}

static EdgeObject *edge_of_recent(State *state, PyObject *typ, PyObject *topic, PyObject *kind) {
  const Point *at = recent(state, typ, topic, kind);
  const bool same = at->typ == typ && at->topic == topic && at->kind == kind;
  return same ? (EdgeObject *)Py_NewRef(at->edge) : NULL;
}

static void release(const Point *point) {
  Py_XDECREF(point->typ);
  Py_XDECREF(point->topic);
  Py_XDECREF(point->kind);
  Py_XDECREF(point->edge);
}

static void keep(State *state, PyObject *typ, PyObject *topic, PyObject *kind, EdgeObject *edge) {
  // The objects stay alive here: not the large ones.
  if (PyUnicode_GetLength(typ) + PyUnicode_GetLength(topic) > 1024) return;
  Point *at = recent(state, typ, topic, kind), old = *at;
  // In its place before the old one goes: that may run code of the program's, which may come here.
  *at = (Point){Py_NewRef(typ), Py_NewRef(topic), Py_NewRef(kind), Py_NewRef((PyObject *)edge)};
  release(&old);
}

void manual_clear(State *state) {
  for (int at = 0; at < POINTS; at++) {
    const Point old = state->points[at];
    memset(&state->points[at], 0, sizeof old);
    release(&old);
  }
}

int manual_traverse(State *state, visitproc visit, void *arg) {
  for (int at = 0; at < POINTS; at++) Py_VISIT(state->points[at].edge);
  return 0;
}
#else
static EdgeObject *edge_of_recent(State *state, PyObject *typ, PyObject *topic, PyObject *kind) {
  (void)state, (void)typ, (void)topic, (void)kind;
  return NULL;
}
static void keep(State *state, PyObject *typ, PyObject *topic, PyObject *kind, EdgeObject *edge) {
  (void)state, (void)typ, (void)topic, (void)kind, (void)edge;
}
void manual_clear(State *state) { (void)state; }
int manual_traverse(State *state, visitproc visit, void *arg) {
  (void)state, (void)visit, (void)arg;
  return 0;
}
#endif

static EdgeObject *point(State *state, PyObject *typ, const char *name, PyObject *topic, PyObject *kind,
                         PyObject *tags) {
  if (tags == Py_None) tags = NULL;
  EdgeObject *edge = tags == NULL ? edge_of_recent(state, typ, topic, kind) : NULL;
  if (edge != NULL) return edge;
  if (!PyUnicode_Check(typ)) {
    wrong_type("typ", "str", typ);
    return NULL;
  }
  if (!PyUnicode_Check(topic)) {
    wrong_type(name, "str", topic);
    return NULL;
  }
  edge = edge_of_point(state, typ, topic, kind, tags);
  if (edge != NULL && tags == NULL) keep(state, typ, topic, kind, edge);
  return edge;
}

static int callable(const char *name, PyObject *object) {
  return PyCallable_Check(object) ? 0 : wrong_type(name, "callable", object);
}

// What a getter has under the legacy key; NULL: nothing. ddtrace never asks for that key, so a getter that raises for
// it is not to fail a message that ddtrace would have taken.
static PyObject *get_legacy(State *state, PyObject *get) {
  PyObject *value = PyObject_CallFunctionObjArgs(get, state->key_legacy, NULL);
  if (value == NULL && PyErr_ExceptionMatches(PyExc_Exception)) PyErr_Clear();
  if (value == Py_None) Py_CLEAR(value);
  return value;
}

PyObject *manual_consume(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"typ", "source", "carrier_get", "manual_checkpoint", "tags"};
  static const Signature signature = {"set_consume_checkpoint", 3, 5, 5, parameters};
  State *state = state_of(module);
  PyObject *in[5] = {NULL};
  if (arguments(&signature, args, nargs, names, in) < 0 || callable("carrier_get", in[2]) < 0) return NULL;
  const int manual = in[3] == NULL ? 1 : PyObject_IsTrue(in[3]);
  if (manual < 0) return NULL;
  EdgeObject *edge = point(state, in[0], "source", in[1], manual ? Py_True : Py_False, in[4]);
  if (edge == NULL) return NULL;
  Message message = MESSAGE_INIT;
  PathwayObject *after = NULL;
  Header header;
  header_read(NULL, &header);
  PyObject *legacy = NULL, *value = PyObject_CallFunctionObjArgs(in[2], state->key, NULL);
  if (value == NULL) goto done;
  header_read(value, &header);
  if (header.len == 0 || !header_readable(&header)) {
    legacy = get_legacy(state, in[2]);
    if (PyErr_Occurred()) goto done;
    Header second;
    header_read(legacy, &second);
    if (header.len == 0 || header_readable(&second)) {
      header_release(&header);
      header = second;
    } else {
      header_release(&second);
    }
  }
  message.header = &header;
  after = checkpoint_pass(state, edge, &message);
done:
  header_release(&header);
  Py_XDECREF(legacy);
  Py_XDECREF(value);
  Py_DECREF((PyObject *)edge);
  return (PyObject *)after;
}

PyObject *manual_produce(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"typ", "target", "carrier_set", "tags"};
  static const Signature signature = {"set_produce_checkpoint", 3, 4, 4, parameters};
  State *state = state_of(module);
  PyObject *in[4] = {NULL};
  if (arguments(&signature, args, nargs, names, in) < 0 || callable("carrier_set", in[2]) < 0) return NULL;
  EdgeObject *edge = point(state, in[0], "target", in[1], Py_None, in[3]);
  if (edge == NULL) return NULL;
  Message message = MESSAGE_INIT;
  message.inherits = true;
  message.sends = true;
  PathwayObject *after = checkpoint_pass(state, edge, &message);
  Py_DECREF((PyObject *)edge);
  if (after == NULL || message.out_len == 0) return (PyObject *)after;
  PyObject *text = PyUnicode_DecodeASCII((const char *)message.out, (Py_ssize_t)message.out_len, NULL);
  PyObject *answer = text == NULL ? NULL : PyObject_CallFunctionObjArgs(in[2], state->key, text, NULL);
  Py_XDECREF(text);
  Py_XDECREF(answer);
  if (answer == NULL) Py_CLEAR(after);
  return (PyObject *)after;
}
