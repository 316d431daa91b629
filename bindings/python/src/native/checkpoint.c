// Checkpoint: a message passes an edge.
#include "native.h"

// What cannot be recorded passes through: the received header, or else the pathway before, goes on unchanged.
static void pass_through(const Message *message, const ds_pathway *parent, ds_pathway *after, uint8_t *out,
                         size_t *out_len) {
  const Header *header = message->header;
  if (header == NULL || ds_pathway_decode(header->ptr, header->len, 0, after) != DS_OK) {
    if (parent != NULL)
      *after = *parent;
    else
      memset(after, 0, sizeof *after);
  }
  if (ds_pathway_encode(after, 0, out, DS_HEADER_MAX, out_len) != DS_OK) *out_len = 0;
}

static ds_status record(EdgeObject *edge, ClientObject *client, bool again, Message *message, const ds_pathway *parent,
                        ds_pathway *after) {
  ds_edge bound;
  const ds_status status = edge_bind(edge, client, again, &bound);
  if (status != DS_OK) return status;
  const uint8_t *header = message->header == NULL ? NULL : message->header->ptr;
  const size_t header_len = message->header == NULL ? 0 : message->header->len;
  uint8_t *out = message->sends ? message->out : NULL;
  size_t *out_len = message->sends ? &message->out_len : NULL;
  const size_t cap = message->sends ? sizeof message->out : 0;
  if (message->now_ns == 0 && message->queued_ns == 0)
    return ds_set_checkpoint(client->handle, bound, message->size, header, header_len, parent, after, out, cap,
                             out_len);
  ds_options options = DS_OPTIONS_INIT;
  options.now_ns = message->now_ns;
  options.queued_ns = message->queued_ns;
  return ds_set_checkpoint_with(client->handle, bound, message->size, &options, header, header_len, parent, after, out,
                                cap, out_len);
}

PathwayObject *checkpoint_pass(State *state, EdgeObject *edge, Message *message) {
  PathwayObject *current = NULL;
  if (message->inherits) {
    bool failed = false;
    current = context_current(state, &failed);
    if (failed) return NULL;
  }
  const PathwayObject *before = message->inherits ? current : message->parent;
  const ds_pathway *parent = before == NULL ? NULL : &before->value;
  PathwayObject *after = pathway_new(state);
  if (after != NULL) {
    ClientObject *client = client_hold(state);
    ds_status status = DS_ERR_NULL;
    if (client != NULL) status = record(edge, client, false, message, parent, &after->value);
    if (status == DS_ERR_EDGE) status = record(edge, client, true, message, parent, &after->value);
    if (status != DS_OK) pass_through(message, parent, &after->value, message->out, &message->out_len);
    Py_XDECREF((PyObject *)client);
    if (context_set(state, after) < 0) Py_CLEAR(after);
  }
  Py_XDECREF((PyObject *)current);
  return after;
}

// ---- set_checkpoint ------------------------------------------------------------------------------

enum { SIZE, CARRIER, PARENT, NOW, QUEUED, OPTIONS };

static int parent_argument(State *state, PyObject *object, Message *message) {
  message->inherits = object == NULL || object == Py_Ellipsis;
  if (message->inherits || object == Py_None) return 0;
  if (Py_TYPE(object) != state->pathway_type) return wrong_type("parent", "Pathway or None", object);
  message->parent = (PathwayObject *)object;
  return 0;
}

static PyObject *pass_with(State *state, EdgeObject *edge, PyObject **in) {
  Message message = MESSAGE_INIT;
  PyObject *carrier = in[CARRIER] == Py_Ellipsis ? NULL : in[CARRIER];
  const bool writes = edge->direction == OUT;
  if (size_argument(in[SIZE], &message.size) < 0 || parent_argument(state, in[PARENT], &message) < 0 ||
      int64_argument("now_ns", in[NOW], &message.now_ns) < 0 ||
      int64_argument("queued_ns", in[QUEUED], &message.queued_ns) < 0)
    return NULL;
  if (carrier == NULL) return (PyObject *)checkpoint_pass(state, edge, &message);
  if (carrier_check(carrier, writes) < 0) return NULL;

  if (writes) {
    message.sends = true;
    PathwayObject *after = checkpoint_pass(state, edge, &message);
    if (after != NULL && message.out_len > 0 && carrier_write(state, carrier, message.out, message.out_len) < 0)
      Py_CLEAR(after);
    return (PyObject *)after;
  }
  PyObject *value = carrier_find(state, carrier);
  if (value == NULL && PyErr_Occurred()) return NULL;
  // The message says where it has been: without a header nowhere, whatever was consumed before.
  message.inherits = false;
  Header header;
  header_read(value, &header);
  message.header = &header;
  PathwayObject *after = checkpoint_pass(state, edge, &message);
  header_release(&header);
  Py_XDECREF(value);
  return (PyObject *)after;
}

PyObject *checkpoint_set(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"tags", "payload_size", "carrier", "parent", "now_ns", "queued_ns"};
  static const Signature signature = {"set_checkpoint", 1, 1, OPTIONS + 1, parameters};
  State *state = state_of(module);
  PyObject *in[OPTIONS + 1] = {NULL};
  if (arguments(&signature, args, nargs, names, in) < 0) return NULL;
  EdgeObject *edge = edge_of_tags(state, in[0]);
  if (edge == NULL) return NULL;
  PyObject *after = pass_with(state, edge, in + 1);
  Py_DECREF((PyObject *)edge);
  return after;
}

PyObject *checkpoint_edge(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"payload_size", "carrier", "parent", "now_ns", "queued_ns"};
  static const Signature signature = {"checkpoint", 0, 0, OPTIONS, parameters};
  State *state = type_state(self);
  PyObject *in[OPTIONS] = {NULL};
  if (state == NULL || arguments(&signature, args, nargs, names, in) < 0) return NULL;
  return pass_with(state, (EdgeObject *)self, in);
}

// ---- Edge.consume, Edge.produce --------------------------------------------------------------------

PyObject *checkpoint_consume(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"header", "payload_size", "now_ns", "queued_ns"};
  static const Signature signature = {"consume", 0, 2, 4, parameters};
  State *state = type_state(self);
  PyObject *in[4] = {NULL};
  Message message = MESSAGE_INIT;
  if (state == NULL || arguments(&signature, args, nargs, names, in) < 0 || size_argument(in[1], &message.size) < 0 ||
      int64_argument("now_ns", in[2], &message.now_ns) < 0 ||
      int64_argument("queued_ns", in[3], &message.queued_ns) < 0)
    return NULL;
  Header header;
  header_read(in[0], &header);
  message.header = &header;
  PathwayObject *after = checkpoint_pass(state, (EdgeObject *)self, &message);
  header_release(&header);
  return (PyObject *)after;
}

PyObject *checkpoint_produce(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const char *const parameters[] = {"payload_size", "parent", "now_ns"};
  static const Signature signature = {"produce", 0, 1, 3, parameters};
  State *state = type_state(self);
  PyObject *in[3] = {NULL};
  Message message = MESSAGE_INIT;
  if (state == NULL || arguments(&signature, args, nargs, names, in) < 0 || size_argument(in[0], &message.size) < 0 ||
      parent_argument(state, in[1], &message) < 0 || int64_argument("now_ns", in[2], &message.now_ns) < 0)
    return NULL;
  message.sends = true;
  PathwayObject *after = checkpoint_pass(state, (EdgeObject *)self, &message);
  if (after == NULL) return NULL;
  Py_DECREF((PyObject *)after);
  return PyUnicode_DecodeASCII((const char *)message.out, (Py_ssize_t)message.out_len, NULL);
}
