// Text: str as UTF-8.
#include "native.h"

int text_of(PyObject *str, ds_str *text, PyObject **owned) {
  *owned = NULL;
  Py_ssize_t len = 0;
  const char *ptr = PyUnicode_AsUTF8AndSize(str, &len); // Kept by the str: nothing is copied for ASCII.
  if (ptr == NULL) {
    if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) return -1;
    PyErr_Clear();
    *owned = PyUnicode_AsEncodedString(str, "utf-8", "replace");
    if (*owned == NULL) return -1;
    ptr = PyBytes_AsString(*owned);
    len = PyBytes_Size(*owned);
  }
  text->ptr = ptr;
  text->len = (size_t)len;
  return 0;
}
