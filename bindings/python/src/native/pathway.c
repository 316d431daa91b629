// Pathway: where a message has been, as an immutable value.
#include <stddef.h>

#include "native.h"

PathwayObject *pathway_new(State *state) { return PyObject_New(PathwayObject, state->pathway_type); }

static void dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

static const char *const directions[] = {"", "in", "out"};

static const char *direction_name(const ds_pathway *value) {
  return directions[value->direction <= OUT ? value->direction : 0];
}

// ---- Made from its parts ------------------------------------------------------------------------

static int hash_argument(const char *name, PyObject *object, uint64_t *value) {
  if (object == NULL) return 0;
  if (!PyLong_Check(object)) return wrong_type(name, "int", object);
  const unsigned long long read = PyLong_AsUnsignedLongLong(object);
  if (read == (unsigned long long)-1 && PyErr_Occurred()) {
    PyErr_Clear();
    PyErr_Format(PyExc_ValueError, "%s does not fit 64 bits without a sign", name);
    return -1;
  }
  *value = read;
  return 0;
}

static int time_argument(const char *name, PyObject *object, int64_t *value) {
  if (int64_argument(name, object, value) < 0) return -1;
  if (*value >= 0) return 0;
  PyErr_Format(PyExc_ValueError, "%s must not be negative", name);
  return -1;
}

static int direction_argument(PyObject *object, uint32_t *value) {
  if (object == NULL) return 0;
  if (!PyUnicode_Check(object)) return wrong_type("direction", "str", object);
  for (uint32_t at = 0; at <= OUT; at++)
    if (PyUnicode_CompareWithASCIIString(object, directions[at]) == 0) {
      *value = at;
      return 0;
    }
  PyErr_Format(PyExc_ValueError, "direction must be 'in', 'out' or '', not %R", object);
  return -1;
}

static PyObject *create(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"hash",      "start_ns", "edge_start_ns", "opposite_hash", "opposite_edge_start_ns",
                          "direction", NULL};
  PyObject *in[6] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO|OOO:Pathway", names, &in[0], &in[1], &in[2], &in[3], &in[4],
                                   &in[5]))
    return NULL;
  ds_pathway value;
  memset(&value, 0, sizeof value);
  if (hash_argument(names[0], in[0], &value.hash) < 0 || time_argument(names[1], in[1], &value.start_ns) < 0 ||
      time_argument(names[2], in[2], &value.edge_start_ns) < 0 ||
      hash_argument(names[3], in[3], &value.opposite_hash) < 0 ||
      time_argument(names[4], in[4], &value.opposite_edge_start_ns) < 0 ||
      direction_argument(in[5], &value.direction) < 0)
    return NULL;
  PathwayObject *self = PyObject_New(PathwayObject, type);
  if (self != NULL) self->value = value;
  return (PyObject *)self;
}

static PyObject *reduce(PyObject *self, PyObject *unused) {
  (void)unused;
  const ds_pathway *value = &((PathwayObject *)self)->value;
  return Py_BuildValue("O(KLLKLs)", Py_TYPE(self), (unsigned long long)value->hash, (long long)value->start_ns,
                       (long long)value->edge_start_ns, (unsigned long long)value->opposite_hash,
                       (long long)value->opposite_edge_start_ns, direction_name(value));
}

// ---- On the wire ----------------------------------------------------------------------------------

static PyObject *encode(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *names) {
  static const char *const parameters[] = {"binary"};
  static const Signature signature = {"encode", 0, 0, 1, parameters};
  (void)defining;
  PyObject *in[1] = {NULL};
  if (arguments(&signature, args, nargs, names, in) < 0) return NULL;
  const int binary = in[0] == NULL ? 0 : PyObject_IsTrue(in[0]);
  if (binary < 0) return NULL;
  uint8_t out[DS_HEADER_MAX];
  size_t len = 0;
  // Cannot fail: the buffer is large enough, and a value that has no form on the wire has the length 0.
  if (ds_pathway_encode(&((PathwayObject *)self)->value, (uint32_t)binary, out, sizeof out, &len) != DS_OK) len = 0;
  return binary ? PyBytes_FromStringAndSize((const char *)out, (Py_ssize_t)len)
                : PyUnicode_DecodeASCII((const char *)out, (Py_ssize_t)len, NULL);
}

static PyObject *decode(PyObject *type, PyTypeObject *defining, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *names) {
  static const char *const parameters[] = {"header", "now_ns"};
  static const Signature signature = {"decode", 1, 1, 2, parameters};
  (void)defining;
  PyObject *in[2] = {NULL};
  int64_t now_ns = 0;
  if (arguments(&signature, args, nargs, names, in) < 0) return NULL;
  if (in[1] == Py_None)
    now_ns = -1;
  else if (int64_argument("now_ns", in[1], &now_ns) < 0)
    return NULL;
  Header header;
  ds_pathway value;
  header_read(in[0], &header);
  const ds_status status = ds_pathway_decode(header.ptr, header.len, now_ns, &value);
  header_release(&header);
  if (status != DS_OK) Py_RETURN_NONE;
  PathwayObject *self = PyObject_New(PathwayObject, (PyTypeObject *)type);
  if (self != NULL) self->value = value;
  return (PyObject *)self;
}

static PyObject *merge(PyObject *type, PyTypeObject *defining, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *names) {
  static const char *const parameters[] = {"pathways"};
  static const Signature signature = {"merge", 1, 1, 1, parameters};
  (void)defining;
  PyObject *in[1] = {NULL};
  if (arguments(&signature, args, nargs, names, in) < 0) return NULL;
  PyObject *iterator = PyObject_GetIter(in[0]);
  if (iterator == NULL) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return NULL;
    PyErr_Clear();
    wrong_type("pathways", "an iterable of Pathway or None", in[0]);
    return NULL;
  }
  // By pairs: the choice does not depend on the order, so nothing has to be collected.
  ds_pathway pair[2], merged;
  memset(&merged, 0, sizeof merged);
  ds_status status = DS_OK;
  PyObject *item;
  while (status == DS_OK && (item = PyIter_Next(iterator)) != NULL) {
    const bool is = Py_TYPE(item) == (PyTypeObject *)type;
    pair[0] = merged;
    if (is) pair[1] = ((PathwayObject *)item)->value;
    if (!is && item != Py_None) wrong_type("pathways", "an iterable of Pathway or None", item);
    Py_DECREF(item);
    if (PyErr_Occurred()) break;
    if (is) status = ds_pathway_merge(pair, 2, &merged);
  }
  Py_DECREF(iterator);
  if (PyErr_Occurred()) return NULL;
  if (status != DS_OK || merged.start_ns == 0) Py_RETURN_NONE;
  PathwayObject *self = PyObject_New(PathwayObject, (PyTypeObject *)type);
  if (self != NULL) self->value = merged;
  return (PyObject *)self;
}

// ---- As a value -------------------------------------------------------------------------------------

static PyObject *compare(PyObject *self, PyObject *other, int how) {
  if ((how != Py_EQ && how != Py_NE) || Py_TYPE(self) != Py_TYPE(other)) Py_RETURN_NOTIMPLEMENTED;
  const ds_pathway *a = &((PathwayObject *)self)->value, *b = &((PathwayObject *)other)->value;
  // Up to `reserved`, which is not read.
  const bool same = memcmp(a, b, offsetof(ds_pathway, reserved)) == 0;
  return PyBool_FromLong(same == (how == Py_EQ));
}

static Py_hash_t hash(PyObject *self) {
  const ds_pathway *value = &((PathwayObject *)self)->value;
  const Py_hash_t mixed = (Py_hash_t)(value->hash ^ (uint64_t)value->edge_start_ns * 0x9e3779b97f4a7c15u);
  return mixed == -1 ? -2 : mixed;
}

static int truth(PyObject *self) { return ((PathwayObject *)self)->value.start_ns != 0; }

static PyObject *repr(PyObject *self) {
  const ds_pathway *value = &((PathwayObject *)self)->value;
  return PyUnicode_FromFormat(
      "Pathway(hash=%llu, start_ns=%lld, edge_start_ns=%lld, opposite_hash=%llu, "
      "opposite_edge_start_ns=%lld, direction='%s')",
      (unsigned long long)value->hash, (long long)value->start_ns, (long long)value->edge_start_ns,
      (unsigned long long)value->opposite_hash, (long long)value->opposite_edge_start_ns, direction_name(value));
}

#define VALUE(self) (((PathwayObject *)(self))->value)
static PyObject *get_hash(PyObject *self, void *c) {
  (void)c;
  return PyLong_FromUnsignedLongLong(VALUE(self).hash);
}
static PyObject *get_start(PyObject *self, void *c) {
  (void)c;
  return PyLong_FromLongLong(VALUE(self).start_ns);
}
static PyObject *get_edge_start(PyObject *self, void *c) {
  (void)c;
  return PyLong_FromLongLong(VALUE(self).edge_start_ns);
}
static PyObject *get_opposite(PyObject *self, void *c) {
  (void)c;
  return PyLong_FromUnsignedLongLong(VALUE(self).opposite_hash);
}
static PyObject *get_opposite_start(PyObject *self, void *c) {
  (void)c;
  return PyLong_FromLongLong(VALUE(self).opposite_edge_start_ns);
}
static PyObject *get_direction(PyObject *self, void *c) {
  (void)c;
  return PyUnicode_FromString(direction_name(&VALUE(self)));
}

static PyGetSetDef attributes[] = {
    {"hash", get_hash, NULL, "The services and edges passed so far: 64 bits.", NULL},
    {"start_ns", get_start, NULL, "When the message left its origin: ns since the epoch. 0: no pathway.", NULL},
    {"edge_start_ns", get_edge_start, NULL, "When it passed the last checkpoint: ns since the epoch.", NULL},
    {"opposite_hash", get_opposite, NULL, "The closest checkpoint of the other direction: a fan-out goes back to it.",
     NULL},
    {"opposite_edge_start_ns", get_opposite_start, NULL, "When that was passed: ns since the epoch.", NULL},
    {"direction", get_direction, NULL, "Of the last checkpoint: 'in', 'out' or ''.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define FAST (METH_METHOD | METH_FASTCALL | METH_KEYWORDS)
static PyMethodDef methods[] = {
    {"encode", METHOD(encode), FAST,
     "encode($self, *, binary=False)\n--\n\n"
     "The header that carries this pathway: base64 text for HEADER_KEY.\n\n"
     "With binary=True the bytes that data-streams-go reads under HEADER_KEY_LEGACY.\n"
     "Empty when there is no pathway (start_ns 0): then there is nothing to send."},
    {"decode", METHOD(decode), FAST | METH_CLASS,
     "decode($type, header, *, now_ns=0)\n--\n\n"
     "The pathway in a header of any form on the wire (str or bytes-like), or None when it cannot be read.\n\n"
     "Its times must lie within 31 days before and 60 s after now_ns (0: now; None: any time is taken)."},
    {"merge", METHOD(merge), FAST | METH_CLASS,
     "merge($type, pathways)\n--\n\n"
     "Where several messages become one: the pathway that goes on, or None when none is a pathway.\n\n"
     "The choice is uniform, the same on every call, and independent of the order. None is passed over."},
    {"__reduce__", reduce, METH_NOARGS, "For pickle and copy."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "Pathway(hash, start_ns, edge_start_ns, opposite_hash=0, opposite_edge_start_ns=0, direction='')\n--\n\n"
     "Where a message has been, and since when. Immutable; compares by value; false when it is no pathway.\n\n"
     "They come from checkpoints and from decode(); made from its parts it is for tests and storage."},
    SLOT(Py_tp_new, create),
    SLOT(Py_tp_dealloc, dealloc),
    SLOT(Py_tp_repr, repr),
    SLOT(Py_tp_hash, hash),
    SLOT(Py_tp_richcompare, compare),
    SLOT(Py_nb_bool, truth),
    {Py_tp_getset, attributes},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec pathway_spec = {"datastreams.Pathway", sizeof(PathwayObject), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
