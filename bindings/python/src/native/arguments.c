// Arguments: by position and by name, with exceptions that say which one is wrong.
#include "native.h"

static int position(const Signature *signature, PyObject *name) {
  for (int at = 0; at < signature->count; at++)
    if (PyUnicode_CompareWithASCIIString(name, signature->names[at]) == 0) return at;
  return -1;
}

int arguments(const Signature *signature, PyObject *const *args, Py_ssize_t nargs, PyObject *names, PyObject **out) {
  if (nargs > signature->positional) {
    PyErr_Format(PyExc_TypeError, "%s() takes %d positional arguments but %zd were given", signature->function,
                 signature->positional, nargs);
    return -1;
  }
  for (Py_ssize_t at = 0; at < nargs; at++) out[at] = args[at];
  const Py_ssize_t named = names == NULL ? 0 : PyTuple_Size(names);
  for (Py_ssize_t at = 0; at < named; at++) {
    PyObject *name = PyTuple_GetItem(names, at);
    const int place = position(signature, name);
    if (place < 0 || out[place] != NULL) {
      PyErr_Format(PyExc_TypeError, "%s() got %s argument '%U'", signature->function,
                   place < 0 ? "an unexpected keyword" : "multiple values for", name);
      return -1;
    }
    out[place] = args[nargs + at];
  }
  for (int at = 0; at < signature->required; at++)
    if (out[at] == NULL) {
      PyErr_Format(PyExc_TypeError, "%s() missing required argument: '%s'", signature->function, signature->names[at]);
      return -1;
    }
  return 0;
}

int wrong_type(const char *name, const char *wanted, PyObject *found) {
  PyObject *type = PyType_GetName(Py_TYPE(found));
  if (type == NULL) return -1;
  PyErr_Format(PyExc_TypeError, "%s must be %s, not %U", name, wanted, type);
  Py_DECREF(type);
  return -1;
}

// The int that an object is (numpy's are none, but say so by __index__). Owned.
static PyObject *whole(const char *name, const char *wanted, PyObject *object) {
  if (PyLong_Check(object)) return Py_NewRef(object);
  if (!PyIndex_Check(object)) {
    wrong_type(name, wanted, object);
    return NULL;
  }
  return PyNumber_Index(object);
}

int int64_argument(const char *name, PyObject *object, int64_t *value) {
  if (object == NULL) return 0;
  PyObject *number = whole(name, "int", object);
  if (number == NULL) return -1;
  int beyond = 0;
  const long long read = PyLong_AsLongLongAndOverflow(number, &beyond);
  Py_DECREF(number);
  if (beyond != 0) {
    PyErr_Format(PyExc_ValueError, "%s does not fit 64 bits", name);
    return -1;
  }
  *value = read;
  return 0;
}

int size_argument(PyObject *object, uint64_t *size) {
  if (object == NULL || object == Py_None) return 0;
  PyObject *number = whole("payload_size", "int or None", object);
  if (number == NULL) return -1;
  int beyond = 0;
  const long long read = PyLong_AsLongLongAndOverflow(number, &beyond);
  Py_DECREF(number);
  if (beyond == 0 && read >= 0) *size = (uint64_t)read;
  return 0;
}

int timeout_argument(PyObject *object, uint32_t *milliseconds) {
  if (object == NULL) return 0;
  // bool is an int to Python, but nobody means one second by True.
  if (PyBool_Check(object) || (!PyFloat_Check(object) && !PyLong_Check(object) && !PyIndex_Check(object)))
    return wrong_type("timeout", "a number of seconds", object);
  const double seconds = PyFloat_AsDouble(object);
  if (seconds == -1.0 && PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
    PyErr_Clear();
    PyErr_SetString(PyExc_ValueError, "timeout is out of range");
    return -1;
  }
  if (!(seconds >= 0)) {
    PyErr_SetString(PyExc_ValueError, "timeout must not be negative");
    return -1;
  }
  const double value = seconds * 1000.0;
  *milliseconds = value >= (double)UINT32_MAX ? UINT32_MAX : (uint32_t)value;
  return 0;
}
