// datastreams.h - how long messages take through queues.
//
// A message passes checkpoints: it is produced, consumed, produced again. Its pathway (where it has
// been, and since when) travels in a message header; a client adds up the time between checkpoints
// and since the origin, and posts the statistics every 10 s. Start at ds_set_checkpoint.
//
//   Arguments   Inputs first, outputs last. Required pointers are tested for NULL; those that "may be
//               NULL" say so. Text and buffers are borrowed for the call, everything else is copied.
//   Errors      Functions return a ds_status. On an error nothing is recorded and no output is written.
//               Where dropping the status would be a mistake, DS_CHECK makes the compiler say so.
//   Threads     Any thread may call anything at any time, but ds_client_free waits for nobody: call it
//               when no other thread is inside a call on that client.
//   Memory      Callers own their buffers. The client is the only thing to free.
//   Times       Nanoseconds since the Unix epoch; 0 is now, negative ones are DS_ERR_INVALID.
//   Fork        Clients and edges work in a forked child, which starts with no statistics and reports
//               its own; what the parent recorded, the parent reports.
//   Off         A disabled or stopped client passes pathways through unchanged, and counts that.
//   Manners     Nothing here prints, throws, exits or changes a signal's handling. Only a program that
//               is out of memory ends, as in any allocation.
//   Stability   A number, layout or meaning never changes while DS_ABI_VERSION stays. Additions: new
//               functions, fields at the end of structs with struct_size, statuses and counters.
//
// Generated from ffi/src: edit there, then run `make header`.
#ifndef DATASTREAMS_H
#define DATASTREAMS_H

#include <stddef.h>
#include <stdint.h>
// Warns when the answer of a call is dropped.
#if defined(__GNUC__) || defined(__clang__)
#define DS_CHECK __attribute__((warn_unused_result))
#else
#define DS_CHECK
#endif

// A literal as ds_str: DS_STR_INIT in initializers, static ones too; DS_STR everywhere else.
#define DS_STR_INIT(literal) {"" literal, sizeof(literal) - 1}
#ifdef __cplusplus
#define DS_STR(literal) (ds_str DS_STR_INIT(literal))
#else
#define DS_STR(literal) ((ds_str)DS_STR_INIT(literal))
#endif

// Initializers for structs with a size: everything else is zero.
#define DS_OPTIONS_INIT {sizeof(ds_options), 0, 0}
#define DS_CONFIG_INIT                                                                            \
  {sizeof(ds_config), {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, \
   {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
   NULL, NULL}

#ifdef __cplusplus
extern "C" {
#endif

// ---- Status ----------------------------------------------------------------------------------

// What a call answers: DS_OK, or one of the errors, all negative. Numbers are never used again.
typedef int32_t ds_status;

// It worked.
#define DS_OK 0
// A required pointer was NULL.
#define DS_ERR_NULL -1
// A config value, tag, length, offset or time that cannot be meant.
#define DS_ERR_INVALID -2
// The edge is zero, or another client's.
#define DS_ERR_EDGE -3
// The capacity of a buffer is below DS_HEADER_MAX.
#define DS_ERR_BUFFER -4
// ds_pathway_decode only: unreadable, from the future, or too old.
#define DS_ERR_HEADER -5
// The time was over. A flush keeps what is unsent, a stop counts it as dropped.
#define DS_ERR_TIMEOUT -6
// The call belongs to another delivery mode than the client's.
#define DS_ERR_MODE -7
// The system refused memory, a thread or a handler.
#define DS_ERR_SYSTEM -8
// A bug in the library, contained and counted. Nothing was printed; the library goes on.
#define DS_ERR_PANIC -100

// What a status means, in English. Static, NUL-terminated, never NULL, also for unknown numbers.
const char *ds_status_text(ds_status status);

// ---- Text ------------------------------------------------------------------------------------


// ---- Configuration ---------------------------------------------------------------------------
// Every field that is zero takes its value from the environment variable named beside it, and
// without one its default. Start from DS_CONFIG_INIT: then fields that a later version adds are
// zero. Everything is copied; the config may be dropped after ds_client_new.

// One reporter thread with all signals blocked, started by the first checkpoint; sleeps when idle.
#define DS_DELIVERY_THREAD 0
// No thread: ds_client_poll closes buckets and posts them, in the thread that calls it.
#define DS_DELIVERY_POLL 1
// No thread and no HTTP: ds_client_poll closes buckets, the host takes, posts and settles payloads.
#define DS_DELIVERY_HOST 2
// Something is lost, or will be.
#define DS_LOG_ERROR 1
// Something is not as it should be, and is tried again.
#define DS_LOG_WARN 2
// What the client does, once in a while.
#define DS_LOG_INFO 3
// For whoever looks for a mistake.
#define DS_LOG_DEBUG 4

// ---- Clients ---------------------------------------------------------------------------------

// A configured instance: the only handle. May be used from any thread until it is freed, and works
// on in a forked child, which starts empty.
typedef struct ds_client ds_client;

// Makes a client. Starts no thread and opens no connection yet. error may be NULL; otherwise it says
// what is wrong with the config. Give it back with ds_client_free.
DS_CHECK
ds_status ds_client_new(const ds_config *config,
                        ds_client **client,
                        ds_error *error);

// Closes all buckets, the open one too, and waits until all is delivered. DS_ERR_TIMEOUT when that
// takes longer: what is left is kept and tried again. Without a thread it posts in the caller's; in
// host mode it only makes payloads ready to take.
ds_status ds_client_flush(const ds_client *client,
                          uint32_t timeout_ms);

// Flushes and ends the reporter. Later calls record nothing and pass pathways through, so threads need
// not be stopped first. DS_ERR_TIMEOUT when something was left: it is counted as dropped, and the
// client is stopped all the same. To stop again is DS_OK.
ds_status ds_client_stop(const ds_client *client,
                         uint32_t timeout_ms);

// Frees the client and its edges; NULL is fine. Does not wait: what was not delivered is lost, so stop
// first. No thread may be inside a call on this client, or start one.
void ds_client_free(ds_client *client);

// ---- Edges -----------------------------------------------------------------------------------
// An edge is a set of tags: what a message passes at a checkpoint, such as {"direction:in",
// "group:billing", "topic:orders", "type:kafka"}. Intern each once, not for every message.

// An interned edge: a value, valid as long as its client, also in a forked child. Zero is none.
typedef struct {
  // Opaque.
  uint64_t id;
} ds_edge;

// Finds or makes the edge of a tag set. The order of the tags does not matter; the key "partition"
// is reported and never hashed. Only "direction:in" and "direction:out" take part in loop protection.
// An empty service is the client's own. At most 128 tags of 16 KiB, none empty, else DS_ERR_INVALID.
// When max_edges is reached, the edge is "_other" of that direction, counted. Allocates; any thread.
DS_CHECK
ds_status ds_edge_intern(const ds_client *client,
                         const ds_str *tags,
                         size_t count,
                         ds_str service,
                         ds_edge *edge);

// ---- Pathways --------------------------------------------------------------------------------
// A pathway says where a message has been. It is a value: copy it, compare it, keep one for each
// message in flight; there is nothing to free. These calls need no client.

// Bytes that every encoded pathway fits.
#define DS_HEADER_MAX 36

// Where a message has been. All zero, or start_ns 0: no pathway.
typedef struct {
  // The services and edges passed so far.
  uint64_t hash;
  // When the message left its origin.
  int64_t start_ns;
  // When it passed the last checkpoint.
  int64_t edge_start_ns;
  // The closest checkpoint of the other direction, where a fan-out goes back to; not in headers.
  uint64_t opposite_hash;
  // When that was passed.
  int64_t opposite_edge_start_ns;
  // Of the last checkpoint: 0 none, 1 in, 2 out.
  uint32_t direction;
  // Written as zero, not read.
  uint32_t reserved[5];
} ds_pathway;

// Reads a header in any form that is on the wire: base64 (also twice, URL-safe, unpadded) or binary.
// Its times must lie within 31 days before and 60 s after now_ns; with a negative now_ns any time since
// 1970 is taken. DS_ERR_HEADER when it is empty or cannot be read. ds_set_checkpoint does this itself.
DS_CHECK
ds_status ds_pathway_decode(const uint8_t *header,
                            size_t header_len,
                            int64_t now_ns,
                            ds_pathway *pathway);

// Writes the header of a pathway: base64 text for DS_HEADER_KEY, or, when binary is not 0, the bytes
// that data-streams-go reads under DS_HEADER_KEY_LEGACY. out_cap is at least DS_HEADER_MAX. Without a
// pathway (start_ns 0) *out_len is 0: there is nothing to send. ds_set_checkpoint does this itself.
DS_CHECK
ds_status ds_pathway_encode(const ds_pathway *pathway,
                            uint32_t binary,
                            uint8_t *out,
                            size_t out_cap,
                            size_t *out_len);

// Where several messages become one: chooses the pathway that goes on. The choice is uniform, the
// same on every call, and independent of the order; values that are no pathway are passed over. When
// all are (or count is 0), merged becomes no pathway. merged may be one of the inputs.
DS_CHECK
ds_status ds_pathway_merge(const ds_pathway *pathways,
                           size_t count,
                           ds_pathway *merged);

// ---- Checkpoints -----------------------------------------------------------------------------
// One call for each message that passes an edge:
//
//     ds_pathway pathway; uint8_t out[DS_HEADER_MAX]; size_t out_len;
//     /* consumed: header bytes as received, or NULL, 0 */
//     ds_set_checkpoint(client, in, size, header, header_len, NULL, &pathway, NULL, 0, NULL);
//     /* produced: send out_len bytes of out under DS_HEADER_KEY; nothing when out_len is 0 */
//     ds_set_checkpoint(client, out_edge, size, NULL, 0, &pathway, &pathway, out, sizeof out, &out_len);

// A payload_size that is not recorded. 0 is recorded: an empty message.
#define DS_SIZE_UNKNOWN 18446744073709551615ull

// What ds_set_checkpoint has no argument for. Start from DS_OPTIONS_INIT.
typedef struct {
  // sizeof(ds_options), set by DS_OPTIONS_INIT.
  size_t struct_size;
  // The time of the checkpoint.
  int64_t now_ns;
  // When the message entered the queue: the start of a pathway that begins here. 0: not known.
  int64_t queued_ns;
} ds_options;

// Records that a message passes an edge, and extends its pathway. Never waits for a lock or for the
// agent, allocates nothing once an edge is known, and a header that cannot be read starts a new
// pathway (counted by cause) instead of failing. Any thread.
//   payload_size  bytes of key, value and headers without ours, or DS_SIZE_UNKNOWN
//   header        as received; {NULL, 0} when there is none. When readable it wins over parent
//   parent        the pathway before; may be NULL: a new one starts. Consumers pass NULL
//   pathway       becomes the pathway after; may be NULL, and may be the same object as parent
//   out, out_len  become the base64 header to send; NULL, 0, NULL on the consume side. out_cap is at
//                 least DS_HEADER_MAX; out may be the same buffer as header
ds_status ds_set_checkpoint(const ds_client *client,
                            ds_edge edge,
                            uint64_t payload_size,
                            const uint8_t *header,
                            size_t header_len,
                            const ds_pathway *parent,
                            ds_pathway *pathway,
                            uint8_t *out,
                            size_t out_cap,
                            size_t *out_len);

// ds_set_checkpoint with options, which may be NULL.
ds_status ds_set_checkpoint_with(const ds_client *client,
                                 ds_edge edge,
                                 uint64_t payload_size,
                                 const ds_options *options,
                                 const uint8_t *header,
                                 size_t header_len,
                                 const ds_pathway *parent,
                                 ds_pathway *pathway,
                                 uint8_t *out,
                                 size_t out_cap,
                                 size_t *out_len);

// ---- Offsets and transactions ----------------------------------------------------------------

// Reports how far a partition is: the highest offset in each bucket is kept. The backlog is an edge
// with "type:kafka_produce", "type:kafka_commit" (also "consumer_group:") or "type:kafka_high_watermark",
// and "topic:"; the partition is added. Negative numbers are DS_ERR_INVALID. Any thread.
ds_status ds_track_offset(const ds_client *client,
                          ds_edge backlog,
                          int32_t partition,
                          int64_t offset);

// Reports that the transaction id (1 to 255 bytes, need not be text) passed the named checkpoint (1 to
// 255 bytes) at at_ns. Any thread.
ds_status ds_track_transaction(const ds_client *client,
                               ds_str id,
                               ds_str checkpoint,
                               int64_t at_ns);

// ---- Counters --------------------------------------------------------------------------------

// Copies what the client did and what it could not do, every drop by its cause: up to cap values, in
// the order of ds_counter_name. *count becomes how many there are; values may be NULL when cap is 0.
// Later versions append, so a caller that enumerates names sees new counters without a new binding.
DS_CHECK
ds_status ds_client_counters(const ds_client *client,
                             uint64_t *values,
                             size_t cap,
                             size_t *count);

// The name of a counter, such as "header_too_old". Static, NUL-terminated; NULL past the last.
const char *ds_counter_name(size_t index);

// ---- Delivery by the host --------------------------------------------------------------------
// Only with DS_DELIVERY_POLL and DS_DELIVERY_HOST; DS_ERR_MODE otherwise.

// A payload to post to the agent's URL. What it points to stays until it is settled or the client
// is freed.
typedef struct {
  // Names it to ds_client_settle_payload; 0: no payload.
  uint64_t id;
  // Such as "/v0.1/pipeline_stats".
  ds_str path;
  // To send with it: lines of "Name: value", each with CR LF.
  ds_str headers;
  // The compressed body.
  const uint8_t *body;
  // Its bytes.
  size_t body_len;
  // Zero.
  uint64_t reserved;
} ds_payload;

// Closes the buckets that are due at now_ns and, in poll mode, posts what is due in the caller's
// thread (leaving no SIGPIPE behind). *next_ms becomes the milliseconds until it has to be called
// again, at most 10 000.
DS_CHECK
ds_status ds_client_poll(const ds_client *client,
                         int64_t now_ns,
                         uint32_t *next_ms);

// Takes the next payload that is due; id 0: none is. Host mode only. Any thread.
DS_CHECK ds_status ds_client_take_payload(const ds_client *client, ds_payload *payload);

// Says what became of a payload: the HTTP status, or 0 when there was no answer; then, as after 408,
// 425, 429 and 5xx, it comes again later. Its memory goes either way. DS_ERR_INVALID when no payload
// with this id is out.
DS_CHECK
ds_status ds_client_settle_payload(const ds_client *client,
                                   uint64_t id,
                                   int32_t http_status);

// ---- Forks -----------------------------------------------------------------------------------

// For forks that run no pthread_atfork handlers (a bare clone or syscall): call it in the child
// before anything else. Does nothing in the same process, and nothing after an ordinary fork.
void ds_after_fork(void);

// ---- Versions --------------------------------------------------------------------------------

// The ABI, also the number in the library's SONAME. It changes when an existing name, layout or
// value changes its meaning, never for an addition.
#define DS_ABI_VERSION 1

// DS_ABI_VERSION of the library that is loaded. Bindings refuse to start when it is not theirs.
uint32_t ds_abi_version(void);

// The version of the library that is loaded, such as "0.1.0". Static, NUL-terminated, never NULL.
const char *ds_version(void);

#ifdef __cplusplus
}
#endif

#endif // DATASTREAMS_H
