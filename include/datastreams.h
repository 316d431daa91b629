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

// The version of this header. ds_version() says what is really loaded.
#define DS_VERSION "0.1.0"
// The message header that carries a pathway, as base64 text.
#define DS_HEADER_KEY "dd-pathway-ctx-base64"
// Look here when DS_HEADER_KEY is absent or unreadable. Any form is read under either key.
#define DS_HEADER_KEY_LEGACY "dd-pathway-ctx"

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

// An error with a reason, in the caller's memory: nothing to free.
typedef struct ds_error {
  ds_status code;    // The status that the call answers.
  char message[252]; // English, UTF-8, NUL-terminated, cut to fit. Empty with DS_OK.
} ds_error;

#define DS_OK 0             // It worked.
#define DS_ERR_NULL (-1)    // A required pointer was NULL.
#define DS_ERR_INVALID (-2) // A config value, tag, length, offset or time that cannot be meant.
#define DS_ERR_EDGE (-3)    // The edge is zero, or another client's.
#define DS_ERR_BUFFER (-4)  // The capacity of a buffer is below DS_HEADER_MAX.
#define DS_ERR_HEADER (-5)  // ds_pathway_decode only: unreadable, from the future, or too old.
#define DS_ERR_TIMEOUT (-6) // Too late. A flush keeps what is unsent, a stop counts it as dropped.
#define DS_ERR_MODE (-7)    // The call belongs to another delivery mode than the client's.
#define DS_ERR_SYSTEM (-8)  // The system refused memory, a thread or a handler.
#define DS_ERR_PANIC (-100) // A bug in the library, contained and counted; the library goes on.

// What a status means, in English. Static, NUL-terminated, never NULL, also for unknown numbers.
const char *ds_status_text(ds_status status);

// ---- Text ------------------------------------------------------------------------------------

// Text or bytes as a pointer and a length: no NUL is needed. {NULL, 0} is empty; in a config it
// means "not set". Text is UTF-8. Make one from a literal with DS_STR or DS_STR_INIT.
typedef struct ds_str {
  const char *ptr; // Not read when len is 0.
  size_t len;      // Bytes, without a terminating NUL.
} ds_str;

// ---- Configuration ---------------------------------------------------------------------------
// Every field that is zero takes its value from the environment variable named beside it, and
// without one its default. Start from DS_CONFIG_INIT: then fields that a later version adds are
// zero. Everything is copied; the config may be dropped after ds_client_new.

// One thread, all signals blocked, from the first checkpoint on; sleeps when idle.
#define DS_DELIVERY_THREAD 0
#define DS_DELIVERY_POLL 1   // No thread: ds_client_poll closes buckets and posts.
#define DS_DELIVERY_HOST 2   // No thread, no HTTP: after ds_client_poll the host takes and posts payloads.
#define DS_LOG_ERROR 1       // Data was lost.
#define DS_LOG_WARNING 2     // Delivery does not work, or works again. Further levels would matter less.

// Takes a line for the host's log: userdata from the config, one of DS_LOG_*, and text that is
// borrowed for the call. Comes from the reporter's thread, or from a flush, poll or stop, never from
// a checkpoint; not from two threads at once. It must not throw, longjmp or call into the client.
typedef void (*ds_log_fn)(void *userdata, int32_t level, ds_str message);

// How a client is made. Limits are per client.
typedef struct ds_config {
  size_t struct_size; // sizeof(ds_config), set by DS_CONFIG_INIT.
  // DD_SERVICE, else the program's name. The name on the map; hashed into every pathway.
  ds_str service;
  ds_str env;         // DD_ENV. Such as "prod"; hashed into every pathway.
  ds_str version;     // DD_VERSION. The version of the service.
  ds_str primary_tag; // DD_PRIMARY_TAG. One more tag to hash into every pathway.
  ds_str tags;        // DD_TAGS. "key:value,key:value", reported with every payload.
  // http://, https:// or unix:///path. DD_TRACE_AGENT_URL, DD_AGENT_HOST and
  // DD_TRACE_AGENT_PORT, the agent's own unix socket, else http://localhost:8126.
  ds_str agent_url;
  ds_str api_key;               // DD_API_KEY. Without an agent, payloads go straight to site.
  ds_str site;                  // DD_SITE. Such as "datadoghq.com"; used with api_key.
  ds_str hostname;              // DD_HOSTNAME. Default: the system's.
  ds_str dogstatsd_url;         // DD_DOGSTATSD_URL, or _HOST and _PORT. Health counts; default: nowhere.
  ds_str language;              // The language that payloads name. Default "c"; bindings set theirs.
  ds_str language_version;      // The version of that language. Default: not named.
  uint64_t memory_limit;        // Bytes for edges' statistics. Default 64 MiB.
  uint64_t retry_limit;         // Bytes of payloads that wait for delivery. Default 16 MiB.
  uint64_t max_payload_bytes;   // Compressed bytes of one payload. Default 1 MiB.
  uint64_t transaction_limit;   // Bytes of transaction records in 10 s. Default 2 300 000.
  uint32_t enabled;             // DD_DATA_STREAMS_ENABLED. 1: on, 2: off. Default: on.
  uint32_t delivery;            // One of DS_DELIVERY_*.
  uint32_t request_timeout_ms;  // DD_TRACE_AGENT_TIMEOUT (s). Milliseconds for one post. Default 10 000.
  uint32_t retry_age_s;         // Seconds that an undelivered payload is kept. Default 3 600.
  uint32_t max_edges;           // Up to 2^20 edges; then "_other" by direction. Default 4 096.
  uint32_t max_parents;         // Parents of an edge in a bucket; then parent 0. Default 256.
  uint32_t max_origin_buckets;  // Origin buckets alive; then the origin's copy is cut. Default 64.
  uint32_t header_max_age_s;    // Seconds; an older header starts a new pathway. Default 31 days.
  uint32_t header_max_future_s; // Seconds; so does one from further ahead. Default 60.
  // DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED. Report process tags
  // (never hashed). 1: on, 2: off. Default: on.
  uint32_t process_tags;
  ds_log_fn log;      // Takes log lines; NULL: none. Nothing is ever printed.
  void *log_userdata; // Handed to log. Must live until the client is freed.
} ds_config;

// ---- Clients ---------------------------------------------------------------------------------

// A configured instance: the only handle. May be used from any thread until it is freed, and works
// on in a forked child, which starts empty.
typedef struct ds_client ds_client;

// Makes a client. Starts no thread and opens no connection yet. error may be NULL; otherwise it says
// what is wrong with the config. Give it back with ds_client_free.
DS_CHECK ds_status ds_client_new(const ds_config *config, ds_client **client, ds_error *error);

// Where payloads go, as the config and the environment decided: such as "http://localhost:8126" (no
// path), "unix:///var/run/datadog/apm.socket". Lives as long as the client.
DS_CHECK ds_status ds_client_agent_url(const ds_client *client, ds_str *url);

// Whether the client measures: 1, or 0 when the config or DD_DATA_STREAMS_ENABLED switched it off.
DS_CHECK ds_status ds_client_enabled(const ds_client *client, uint32_t *enabled);

// Closes all buckets, the open one too, and waits until all is delivered. DS_ERR_TIMEOUT when that
// takes longer: what is left is kept and tried again. Without a thread it posts in the caller's; in
// host mode it only makes payloads ready to take, those that wait for a retry too.
ds_status ds_client_flush(const ds_client *client, uint32_t timeout_ms);

// Flushes and ends the reporter. Later calls record nothing and pass pathways through, so threads need
// not be stopped first. DS_ERR_TIMEOUT when something was left: it is counted as dropped, and the
// client is stopped all the same. To stop again is DS_OK. In host mode payloads can still be taken and
// settled after it; to stop again drops those that were not taken, counted.
ds_status ds_client_stop(const ds_client *client, uint32_t timeout_ms);

// Frees the client and its edges; NULL is fine. Does not wait: what a stop did not deliver may be lost.
// No thread may be inside a call on this client, or start one. The log is not called any more.
void ds_client_free(ds_client *client);

// ---- Edges -----------------------------------------------------------------------------------
// An edge is a set of tags: what a message passes at a checkpoint, such as {"direction:in",
// "group:billing", "topic:orders", "type:kafka"}. Intern each once, not for every message.

// An interned edge: a value, valid as long as its client, also in a forked child. Zero is none.
typedef struct ds_edge {
  uint64_t id; // Opaque.
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

#define DS_HEADER_MAX 36 // Bytes that every encoded pathway fits.

// Where a message has been. All zero, or start_ns 0: no pathway.
typedef struct ds_pathway {
  uint64_t hash;                  // The services and edges passed so far.
  int64_t start_ns;               // When the message left its origin.
  int64_t edge_start_ns;          // When it passed the last checkpoint.
  // The closest checkpoint of the other direction: a fan-out goes back to it.
  uint64_t opposite_hash;
  int64_t opposite_edge_start_ns; // When that was passed.
  uint32_t direction;             // Of the last checkpoint: 0 none, 1 in, 2 out.
  uint32_t reserved[5];           // Written as zero, not read.
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
typedef struct ds_options {
  size_t struct_size; // sizeof(ds_options), set by DS_OPTIONS_INIT.
  int64_t now_ns;     // The time of the checkpoint.
  int64_t queued_ns;  // Entry into the queue: the start of a pathway that begins here. 0: unknown.
} ds_options;

// Records that a message passes an edge, and extends its pathway. Never waits for a lock or for the
// agent, allocates only for an edge and parent that are new within 10 s, and a header that cannot be
// read starts a new pathway (counted by cause) instead of failing. Any thread.
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
// and "topic:"; the partition is added, unless it is -1: the queue has none. Any thread.
ds_status ds_track_offset(const ds_client *client,
                          ds_edge backlog,
                          int32_t partition,
                          int64_t offset);

// Reports that the transaction id (1 to 255 bytes, need not be text) passed the named checkpoint (1 to
// 255 bytes) at at_ns. What goes beyond transaction_limit is counted and not reported. Any thread.
ds_status ds_track_transaction(const ds_client *client, ds_str id, ds_str checkpoint, int64_t at_ns);

// ---- Counters --------------------------------------------------------------------------------

// Copies what the client did and what it could not do, every drop by its cause: up to cap values, in
// the order of ds_counter_name. *count becomes how many there are. values may be NULL when cap is 0.
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
typedef struct ds_payload {
  uint64_t id;         // Names it to ds_client_settle_payload; 0: no payload.
  ds_str path;         // Such as "/v0.1/pipeline_stats".
  ds_str headers;      // To send with it: lines of "Name: value", each with CR LF.
  const uint8_t *body; // The compressed body.
  size_t body_len;     // Its bytes.
  uint64_t reserved;   // Zero.
} ds_payload;

// Closes the buckets that are due at now_ns and, in poll mode, posts what is due in the caller's
// thread (leaving no SIGPIPE behind). *next_ms becomes the milliseconds until it has to be called
// again, at most 10 000. Any thread.
DS_CHECK ds_status ds_client_poll(const ds_client *client, int64_t now_ns, uint32_t *next_ms);

// Takes the next payload that is due; id 0: none is, or retry_limit bytes are out unsettled. Host mode
// only. Any thread.
DS_CHECK ds_status ds_client_take_payload(const ds_client *client, ds_payload *payload);

// Says what became of a payload: the HTTP status, 0 when it was not sent, -1 when the answer was lost.
// With 0 and -1, as after 404, 408, 425, 429 and 5xx, it comes again later. What it points to goes
// either way. DS_ERR_INVALID when no payload with this id is out. Host mode only. Any thread.
DS_CHECK ds_status ds_client_settle_payload(const ds_client *client, uint64_t id, int32_t http_status);

// ---- Forks -----------------------------------------------------------------------------------

// For forks that run no pthread_atfork handlers (a bare clone or syscall): call it in the child
// before anything else. Does nothing in the same process, and nothing after an ordinary fork. A child
// that shares its parent's memory (vfork, CLONE_VM) calls nothing of this library.
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
