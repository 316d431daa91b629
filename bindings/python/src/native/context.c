// Context: the current pathway, in a contextvars.ContextVar, so that each task and thread has its own.
//
// PyContextVar_Get is not in the limited API; the variable's bound methods, looked up once, do the same.
#include "native.h"

int context_init(State *state) {
  PyObject *module = PyImport_ImportModule("contextvars");
  if (module == NULL) return -1;
  PyObject *type = PyObject_GetAttrString(module, "ContextVar");
  Py_DECREF(module);
  if (type == NULL) return -1;
  PyObject *args = Py_BuildValue("(s)", "datastreams_pathway");
  PyObject *kwargs = Py_BuildValue("{s:O}", "default", Py_None);
  if (args != NULL && kwargs != NULL) state->context = PyObject_Call(type, args, kwargs);
  Py_XDECREF(args);
  Py_XDECREF(kwargs);
  Py_DECREF(type);
  if (state->context == NULL) return -1;
  state->context_get = PyObject_GetAttrString(state->context, "get");
  state->context_set = PyObject_GetAttrString(state->context, "set");
  return state->context_get == NULL || state->context_set == NULL ? -1 : 0;
}

PathwayObject *context_current(State *state, bool *failed) {
  PyObject *current = PyObject_CallNoArgs(state->context_get);
  *failed = current == NULL;
  if (current != NULL && Py_TYPE(current) == state->pathway_type) return (PathwayObject *)current;
  Py_XDECREF(current);
  return NULL;
}

int context_set(State *state, PathwayObject *pathway) {
  PyObject *value = pathway->value.start_ns == 0 ? Py_None : (PyObject *)pathway;
  PyObject *token = PyObject_CallFunctionObjArgs(state->context_set, value, NULL);
  Py_XDECREF(token);
  return token == NULL ? -1 : 0;
}

PyObject *context_pathway(PyObject *module, PyObject *unused) {
  (void)unused;
  return PyObject_CallNoArgs(state_of(module)->context_get);
}
