// Log: lines that come from the reporter's thread, kept until a call of Python's asks for them.
//
// That thread must never take the GIL: while the interpreter ends, PyGILState_Ensure hangs or ends the thread, and a
// stop that waits for the thread would hang with it. So lines go through a ring with one writer ("not from two threads
// at once") and one reader (whoever holds the GIL), without a lock that a fork could leave locked. When nobody reads,
// further lines are dropped and counted.
#include "native.h"

enum { LINES = 64, BYTES = 500 };

typedef struct {
  int32_t level;
  uint32_t len;
  char text[BYTES];
} Line;

struct LogRing {
  _Atomic(uint32_t) written, read, dropped;
#ifdef Py_GIL_DISABLED
  PyMutex reader;
#endif
  Line lines[LINES];
};

LogRing *log_new(void) { return (LogRing *)PyMem_Calloc(1, sizeof(LogRing)); }

void log_free(LogRing *ring) { PyMem_Free(ring); }

void log_push(void *userdata, int32_t level, ds_str message) {
  LogRing *ring = userdata;
  const uint32_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);
  if (at - atomic_load_explicit(&ring->read, memory_order_acquire) >= LINES) {
    atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
    return;
  }
  Line *line = &ring->lines[at % LINES];
  line->level = level;
  line->len = message.len < BYTES ? (uint32_t)message.len : BYTES;
  memcpy(line->text, message.ptr, line->len);
  atomic_store_explicit(&ring->written, at + 1, memory_order_release);
}

static int append(PyObject *list, int32_t level, PyObject *text) {
  PyObject *pair = text == NULL ? NULL : Py_BuildValue("(iN)", (int)level, text);
  const int failed = pair == NULL ? -1 : PyList_Append(list, pair);
  Py_XDECREF(pair);
  return failed;
}

static int take(LogRing *ring, PyObject *list) {
  const uint32_t end = atomic_load_explicit(&ring->written, memory_order_acquire);
  uint32_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
  int failed = 0;
  for (; at != end && failed == 0; at++) {
    const Line *line = &ring->lines[at % LINES];
    // A line that was cut may end within a character.
    failed = append(list, line->level, PyUnicode_DecodeUTF8(line->text, (Py_ssize_t)line->len, "replace"));
  }
  atomic_store_explicit(&ring->read, at, memory_order_release);
  const uint32_t dropped = atomic_exchange_explicit(&ring->dropped, 0, memory_order_relaxed);
  if (dropped > 0 && failed == 0)
    failed =
        append(list, DS_LOG_WARNING, PyUnicode_FromFormat("%u more lines were dropped: nobody read them", dropped));
  return failed;
}

PyObject *log_take(LogRing *ring) {
  PyObject *list = PyList_New(0);
  if (list == NULL) return NULL;
#ifdef Py_GIL_DISABLED
  PyMutex_Lock(&ring->reader);
#endif
  const int failed = take(ring, list);
#ifdef Py_GIL_DISABLED
  PyMutex_Unlock(&ring->reader);
#endif
  if (failed == 0) return list;
  Py_DECREF(list);
  return NULL;
}
