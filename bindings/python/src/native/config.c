// Config: ds_config from a dict with the names of its fields.
#include <stddef.h>

#include "native.h"

typedef enum { TEXT, WIDE, NARROW } Kind;

static const struct {
  const char *name;
  size_t offset;
  Kind kind;
} fields[] = {
#define FIELD(name, kind) {#name, offsetof(ds_config, name), kind}
    FIELD(service, TEXT),
    FIELD(env, TEXT),
    FIELD(version, TEXT),
    FIELD(primary_tag, TEXT),
    FIELD(tags, TEXT),
    FIELD(agent_url, TEXT),
    FIELD(api_key, TEXT),
    FIELD(site, TEXT),
    FIELD(hostname, TEXT),
    FIELD(dogstatsd_url, TEXT),
    FIELD(language, TEXT),
    FIELD(language_version, TEXT),
    FIELD(memory_limit, WIDE),
    FIELD(retry_limit, WIDE),
    FIELD(max_payload_bytes, WIDE),
    FIELD(transaction_limit, WIDE),
    FIELD(enabled, NARROW),
    FIELD(delivery, NARROW),
    FIELD(request_timeout_ms, NARROW),
    FIELD(retry_age_s, NARROW),
    FIELD(max_edges, NARROW),
    FIELD(max_parents, NARROW),
    FIELD(max_origin_buckets, NARROW),
    FIELD(header_max_age_s, NARROW),
    FIELD(header_max_future_s, NARROW),
    FIELD(process_tags, NARROW),
#undef FIELD
};

static int read_text(const char *name, PyObject *value, ds_str *text) {
  if (!PyUnicode_Check(value)) return wrong_type(name, "str", value);
  Py_ssize_t len = 0;
  text->ptr = PyUnicode_AsUTF8AndSize(value, &len);
  text->len = (size_t)len;
  if (text->ptr != NULL) return 0;
  PyErr_Clear();
  PyErr_Format(PyExc_ValueError, "%s is no text that UTF-8 has a form for", name);
  return -1;
}

static int read_number(const char *name, PyObject *value, Kind kind, void *field) {
  int64_t number = 0;
  if (PyBool_Check(value)) return wrong_type(name, "int", value);
  if (int64_argument(name, value, &number) < 0) return -1;
  if (number < 0 || (kind == NARROW && number > UINT32_MAX)) {
    PyErr_Format(PyExc_ValueError, "%s is %lld, which is out of range", name, (long long)number);
    return -1;
  }
  if (kind == WIDE)
    *(uint64_t *)field = (uint64_t)number;
  else
    *(uint32_t *)field = (uint32_t)number;
  return 0;
}

int config_read(PyObject *options, ds_config *config) {
  PyObject *name, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(options, &at, &name, &value)) {
    size_t place = 0;
    const size_t count = sizeof fields / sizeof *fields;
    while (place < count && PyUnicode_CompareWithASCIIString(name, fields[place].name) != 0) place++;
    if (place == count) {
      PyErr_Format(PyExc_TypeError, "there is no option %R", name);
      return -1;
    }
    void *field = (char *)config + fields[place].offset;
    const int failed = fields[place].kind == TEXT ? read_text(fields[place].name, value, field)
                                                  : read_number(fields[place].name, value, fields[place].kind, field);
    if (failed < 0) return -1;
  }
  return 0;
}
