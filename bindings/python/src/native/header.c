// Header: what a message carries, as its client hands it over.
#include "native.h"

// Too short to be a pathway, in any form: what is no text is counted like text that cannot be read.
static const uint8_t unreadable[] = {'?'};

void header_read(PyObject *value, Header *header) {
  header->ptr = NULL;
  header->len = 0;
  header->viewed = false;
  if (value == NULL || value == Py_None) return;
  Py_ssize_t len = 0;
  char *ptr = NULL;
  if (PyUnicode_Check(value)) {
    ptr = (char *)(uintptr_t)PyUnicode_AsUTF8AndSize(value, &len);
  } else if (PyBytes_Check(value)) {
    PyBytes_AsStringAndSize(value, &ptr, &len);
  } else if (PyObject_GetBuffer(value, &header->view, PyBUF_SIMPLE) == 0) {
    header->viewed = true;
    ptr = header->view.buf;
    len = header->view.len;
  }
  if (ptr == NULL && PyErr_Occurred()) {
    PyErr_Clear();
    header->ptr = unreadable;
    header->len = sizeof unreadable;
    return;
  }
  header->ptr = (const uint8_t *)ptr;
  header->len = (size_t)len;
}

void header_release(Header *header) {
  if (header->viewed) PyBuffer_Release(&header->view);
  header->viewed = false;
}

bool header_readable(const Header *header) {
  ds_pathway pathway;
  return ds_pathway_decode(header->ptr, header->len, 0, &pathway) == DS_OK;
}
