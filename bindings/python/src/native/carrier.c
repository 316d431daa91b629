// Carrier: the headers of a message as its client has them: a mapping, or a list of (name, value) as Kafka's have.
#include "native.h"

static bool is_pairs(PyObject *carrier) { return PyList_Check(carrier) || PyTuple_Check(carrier); }

static bool has(PyObject *object, const char *name) { return PyObject_HasAttrString(object, name) == 1; }

int carrier_check(PyObject *carrier, bool write) {
  if (carrier == Py_None || PyDict_Check(carrier) || PyList_Check(carrier)) return 0;
  // Sequences and buffers have items too; only mappings have keys.
  const bool mapping = PyMapping_Check(carrier) && !PyTuple_Check(carrier) && has(carrier, "keys") &&
                       (!write || has(carrier, "__setitem__"));
  if (mapping || (PyTuple_Check(carrier) && !write)) return 0;
  return wrong_type(
      "carrier", write ? "a mutable mapping, a list of pairs or None" : "a mapping, a list of pairs or None", carrier);
}

// Whether a name, str or bytes, is the key.
static bool names(PyObject *name, const char *key, size_t len) {
  if (PyUnicode_Check(name)) return PyUnicode_CompareWithASCIIString(name, key) == 0;
  char *ptr = NULL;
  Py_ssize_t size = 0;
  if (!PyBytes_Check(name) || PyBytes_AsStringAndSize(name, &ptr, &size) < 0) return false;
  return (size_t)size == len && memcmp(ptr, key, len) == 0;
}

#define IS_KEY(name) names(name, DS_HEADER_KEY, sizeof DS_HEADER_KEY - 1)
#define IS_LEGACY(name) names(name, DS_HEADER_KEY_LEGACY, sizeof DS_HEADER_KEY_LEGACY - 1)

// The real length, which runs no code of a subclass.
static Py_ssize_t length_of(PyObject *pairs) { return PyList_Check(pairs) ? PyList_Size(pairs) : PyTuple_Size(pairs); }

static PyObject *item_of(PyObject *pairs, Py_ssize_t at) {
  return PyList_Check(pairs) ? PyList_GetItem(pairs, at) : PyTuple_GetItem(pairs, at);
}

// The parts of a pair, borrowed; what is none is passed over.
static bool split(PyObject *pair, PyObject **name, PyObject **value) {
  if (pair == NULL || !is_pairs(pair) || length_of(pair) != 2) {
    PyErr_Clear();
    return false;
  }
  *name = item_of(pair, 0);
  *value = item_of(pair, 1);
  return *name != NULL && *value != NULL;
}

static void find_in_pairs(PyObject *pairs, PyObject **main, PyObject **legacy) {
  for (Py_ssize_t at = length_of(pairs); at-- > 0;) {
    PyObject *name = NULL, *value = NULL;
    if (!split(item_of(pairs, at), &name, &value) || value == Py_None) continue;
    if (*main == NULL && IS_KEY(name))
      *main = Py_NewRef(value);
    else if (*legacy == NULL && IS_LEGACY(name))
      *legacy = Py_NewRef(value);
  }
}

// The value under a key, owned. Other mappings are asked first: a defaultdict would put one in.
static PyObject *find_in_mapping(PyObject *mapping, PyObject *key) {
  PyObject *value = NULL;
  if (PyDict_CheckExact(mapping))
    value = Py_XNewRef(PyDict_GetItemWithError(mapping, key));
  else if (PySequence_Contains(mapping, key) > 0)
    value = PyObject_GetItem(mapping, key);
  if (value == Py_None) Py_CLEAR(value);
  return value;
}

static bool readable(PyObject *value) {
  Header header;
  header_read(value, &header);
  const bool is = header_readable(&header);
  header_release(&header);
  return is;
}

PyObject *carrier_find(State *state, PyObject *carrier) {
  if (carrier == Py_None) return NULL;
  PyObject *main = NULL, *legacy = NULL;
  if (is_pairs(carrier)) {
    find_in_pairs(carrier, &main, &legacy);
  } else {
    main = find_in_mapping(carrier, state->key);
    if (main == NULL && PyErr_Occurred()) return NULL;
    legacy = find_in_mapping(carrier, state->key_legacy);
    if (legacy == NULL && PyErr_Occurred()) Py_CLEAR(main);
  }
  // Where both are there, the second is taken when the first cannot be read and the second can.
  const bool second = legacy != NULL && (main == NULL || (!readable(main) && readable(legacy)));
  Py_XDECREF(second ? main : legacy);
  return second ? legacy : main;
}

static int write_pairs(State *state, PyObject *list, const uint8_t *text, size_t len) {
  PyObject *value = PyBytes_FromStringAndSize((const char *)text, (Py_ssize_t)len);
  PyObject *pair = value == NULL ? NULL : PyTuple_Pack(2, state->key, value);
  Py_XDECREF(value);
  if (pair == NULL) return -1;
  // Headers that were copied from a consumed message are replaced, or they would grow by one at every hop.
  for (Py_ssize_t at = PyList_Size(list); at-- > 0;) {
    PyObject *name = NULL, *old = NULL;
    if (split(PyList_GetItem(list, at), &name, &old) && (IS_KEY(name) || IS_LEGACY(name)) &&
        PySequence_DelItem(list, at) < 0) {
      Py_DECREF(pair);
      return -1;
    }
  }
  const int failed = PyList_Append(list, pair);
  Py_DECREF(pair);
  return failed;
}

// Takes a header out of a mapping that can say whether it has it, and lose it.
static int drop(PyObject *mapping, PyObject *key) {
  if (!PyDict_Check(mapping) && !(has(mapping, "__contains__") && has(mapping, "__delitem__"))) return 0;
  const int there = PySequence_Contains(mapping, key);
  return there > 0 ? PyObject_DelItem(mapping, key) : there;
}

int carrier_write(State *state, PyObject *carrier, const uint8_t *text, size_t len) {
  if (carrier == Py_None) return 0;
  if (PyList_Check(carrier)) return write_pairs(state, carrier, text, len);
  // Mappings of headers may hold one several times, and setting it adds one more (email.message.Message).
  if (!PyDict_Check(carrier) && drop(carrier, state->key) < 0) return -1;
  PyObject *value = PyUnicode_DecodeASCII((const char *)text, (Py_ssize_t)len, NULL);
  if (value == NULL) return -1;
  const int failed = PyObject_SetItem(carrier, state->key, value);
  Py_DECREF(value);
  return failed < 0 ? failed : drop(carrier, state->key_legacy);
}
