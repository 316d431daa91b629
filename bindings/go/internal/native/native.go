//go:build cgo && (datastreams_dynamic || (linux && amd64))

package native

/*
#include <stdlib.h>
#include <string.h>
#include "datastreams.h"

#if DS_ABI_VERSION != 1
#error "datastreams.h has another ABI than this package was written for"
#endif

void datastreamsLog(void *userdata, int32_t level, ds_str line);

// What runs for every message neither calls back into Go nor keeps a pointer: nothing escapes, nothing is allocated. The
// client crosses as a number: each pointer is looked up, and each argument copied, which is a good part of what a crossing
// costs.
#cgo noescape go_consume
#cgo nocallback go_consume
#cgo noescape go_checkpoint
#cgo nocallback go_checkpoint
#cgo noescape go_produce
#cgo nocallback go_produce
#cgo noescape go_checkpoint_at
#cgo nocallback go_checkpoint_at
#cgo noescape go_encode
#cgo nocallback go_encode
#cgo noescape go_track_offset
#cgo nocallback go_track_offset
#cgo noescape go_track_transaction
#cgo nocallback go_track_transaction
#cgo noescape go_decode
#cgo nocallback go_decode
#cgo noescape ds_pathway_merge
#cgo nocallback ds_pathway_merge

// Nothing is returned, since that takes cgo two calls more: an error leaves the output as it was.
static void go_consume(uintptr_t client, uint64_t edge, uint64_t size, const uint8_t *header, size_t header_len,
                       ds_pathway *after) {
  (void)ds_set_checkpoint((const ds_client *)client, (ds_edge){edge}, size, header, header_len, NULL, after, NULL, 0, NULL);
}

static void go_checkpoint(uintptr_t client, uint64_t edge, uint64_t size, ds_pathway *pathway) {
  (void)ds_set_checkpoint((const ds_client *)client, (ds_edge){edge}, size, NULL, 0, pathway, pathway, NULL, 0, NULL);
}

typedef struct go_header {
  uint8_t text[DS_HEADER_MAX];
  int32_t len; // or a status
} go_header;

static void go_produce(uintptr_t client, uint64_t edge, uint64_t size, ds_pathway *pathway, go_header *header) {
  size_t len = 0;
  const ds_status status = ds_set_checkpoint((const ds_client *)client, (ds_edge){edge}, size, NULL, 0, pathway, pathway,
                                             header->text, DS_HEADER_MAX, &len);
  header->len = status == DS_OK ? (int32_t)len : status;
}

static ds_status go_checkpoint_at(uintptr_t client, uint64_t edge, uint64_t size, int64_t now_ns, int64_t queued_ns,
                                  const uint8_t *header, size_t header_len, ds_pathway *pathway) {
  ds_options options = DS_OPTIONS_INIT;
  options.now_ns = now_ns;
  options.queued_ns = queued_ns;
  return ds_set_checkpoint_with((const ds_client *)client, (ds_edge){edge}, size, &options, header, header_len, pathway, pathway,
                                NULL, 0, NULL);
}

static void go_encode(const ds_pathway *pathway, uint32_t binary, go_header *header) {
  size_t len = 0;
  header->len = ds_pathway_encode(pathway, binary, header->text, DS_HEADER_MAX, &len) == DS_OK ? (int32_t)len : 0;
}

static void go_decode(const uint8_t *header, size_t header_len, int64_t now_ns, ds_pathway *pathway) {
  if (ds_pathway_decode(header, header_len, now_ns, pathway) != DS_OK) memset(pathway, 0, sizeof *pathway);
}

static ds_status go_track_offset(uintptr_t client, uint64_t backlog, int32_t partition, int64_t offset) {
  return ds_track_offset((const ds_client *)client, (ds_edge){backlog}, partition, offset);
}

static ds_status go_track_transaction(uintptr_t client, const char *id, size_t id_len, const char *checkpoint,
                                      size_t checkpoint_len, int64_t at_ns) {
  return ds_track_transaction((const ds_client *)client, (ds_str){id, id_len}, (ds_str){checkpoint, checkpoint_len}, at_ns);
}

// A config in C's memory, with room for its texts behind it: one allocation, one free.
static ds_config *config_new(size_t texts) {
  ds_config *config = calloc(1, sizeof(ds_config) + texts);
  if (config != NULL) config->struct_size = sizeof(ds_config);
  return config;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/cgo"
	"strings"
	"unsafe"
)

// Client is a ds_client. It is freed when nobody refers to it any more.
type Client struct {
	client *C.ds_client
	log    *cgo.Handle // of Config.Log; in C's hands as long as the client lives
}

// linked tells the ABI and the version of the library that is linked. Tests link others.
var linked = func() (abi uint32, version string) { return uint32(C.ds_abi_version()), C.GoString(C.ds_version()) }

// check says whether the library that is linked is the one that this package was written for.
func check() error {
	abi, version := linked()
	if abi != C.DS_ABI_VERSION {
		return fmt.Errorf("datastreams: the linked library has ABI %d, this package needs %d", abi, C.DS_ABI_VERSION)
	}
	if older(version, C.DS_VERSION) {
		return fmt.Errorf("datastreams: the linked library is version %s, older than its header %s", version, C.DS_VERSION)
	}
	return nil
}

// New makes a client: ds_client_new. The error is the library's sentence.
func New(config Config) (*Client, error) {
	if err := check(); err != nil {
		return nil, err
	}
	raw, err := toC(config)
	if err != nil {
		return nil, err
	}
	defer C.free(unsafe.Pointer(raw))
	client := &Client{}
	if config.Log != nil {
		handle := cgo.NewHandle(config.Log)
		client.log = &handle
		// The handle's value, a number, travels in the pointer: C does not follow it.
		raw.log = C.ds_log_fn(C.datastreamsLog)
		*(*C.uintptr_t)(unsafe.Pointer(&raw.log_userdata)) = C.uintptr_t(handle)
	}
	var reason C.ds_error
	if status := C.ds_client_new(raw, &client.client, &reason); status != C.DS_OK {
		client.dropLog()
		return nil, errors.New("datastreams: " + C.GoString(&reason.message[0]))
	}
	runtime.AddCleanup(client, func(resources Client) {
		C.ds_client_free(resources.client)
		resources.dropLog()
	}, *client)
	return client, nil
}

func (c *Client) dropLog() {
	if c.log != nil {
		c.log.Delete()
	}
}

// AgentURL is ds_client_agent_url.
func (c *Client) AgentURL() string {
	defer runtime.KeepAlive(c)
	var url C.ds_str
	if C.ds_client_agent_url(c.client, &url) != C.DS_OK {
		return ""
	}
	return C.GoStringN(url.ptr, C.int(url.len))
}

// Enabled is ds_client_enabled.
func (c *Client) Enabled() bool {
	defer runtime.KeepAlive(c)
	var enabled C.uint32_t
	return C.ds_client_enabled(c.client, &enabled) == C.DS_OK && enabled != 0
}

// Flush is ds_client_flush.
func (c *Client) Flush(timeoutMs uint32) Status {
	defer runtime.KeepAlive(c)
	return Status(C.ds_client_flush(c.client, C.uint32_t(timeoutMs)))
}

// Stop is ds_client_stop.
func (c *Client) Stop(timeoutMs uint32) Status {
	defer runtime.KeepAlive(c)
	return Status(C.ds_client_stop(c.client, C.uint32_t(timeoutMs)))
}

// Intern is ds_edge_intern. The tags are copied.
func (c *Client) Intern(service string, tags []string) (Edge, Status) {
	defer runtime.KeepAlive(c)
	// In C's memory: an array of pointers to Go's strings must not cross.
	size := len(tags)*int(unsafe.Sizeof(C.ds_str{})) + len(service)
	for _, tag := range tags {
		size += len(tag)
	}
	block := C.malloc(C.size_t(size + 1))
	defer C.free(block)
	texts := unsafe.Slice((*C.ds_str)(block), len(tags)+1)[:len(tags)]
	rest := unsafe.Slice((*byte)(block), size)[len(tags)*int(unsafe.Sizeof(C.ds_str{})):]
	place := func(text string) C.ds_str {
		if text == "" {
			return C.ds_str{}
		}
		n := copy(rest, text)
		placed := C.ds_str{ptr: (*C.char)(unsafe.Pointer(&rest[0])), len: C.size_t(n)}
		rest = rest[n:]
		return placed
	}
	for i, tag := range tags {
		texts[i] = place(tag)
	}
	var edge C.ds_edge
	status := C.ds_edge_intern(c.client, (*C.ds_str)(block), C.size_t(len(tags)), place(service), &edge)
	return Edge(edge.id), Status(status)
}

func (c *Client) handle() C.uintptr_t { return C.uintptr_t(uintptr(unsafe.Pointer(c.client))) }

// Consume is ds_set_checkpoint with a received header: after becomes the pathway after the edge. On an error it stays as it
// is.
func (c *Client) Consume(edge Edge, size uint64, header []byte, after *Pathway) {
	C.go_consume(c.handle(), C.uint64_t(edge), C.uint64_t(size), (*C.uint8_t)(unsafe.SliceData(header)),
		C.size_t(len(header)), (*C.ds_pathway)(unsafe.Pointer(after)))
	runtime.KeepAlive(c)
}

// Checkpoint is ds_set_checkpoint with a pathway, which becomes that after the edge. On an error it stays as it is.
func (c *Client) Checkpoint(edge Edge, size uint64, pathway *Pathway) {
	C.go_checkpoint(c.handle(), C.uint64_t(edge), C.uint64_t(size), (*C.ds_pathway)(unsafe.Pointer(pathway)))
	runtime.KeepAlive(c)
}

// Produce is ds_set_checkpoint with a pathway, which becomes that after the edge, and its header.
func (c *Client) Produce(edge Edge, size uint64, pathway *Pathway, header *Header) {
	C.go_produce(c.handle(), C.uint64_t(edge), C.uint64_t(size), (*C.ds_pathway)(unsafe.Pointer(pathway)),
		(*C.go_header)(unsafe.Pointer(header)))
	runtime.KeepAlive(c)
}

// CheckpointAt is ds_set_checkpoint_with: times are in nanoseconds since 1970, 0 for now and for unknown. The header, when it
// is readable, wins over the pathway, which becomes that after the edge.
func (c *Client) CheckpointAt(edge Edge, size uint64, nowNs, queuedNs int64, header []byte, pathway *Pathway) Status {
	status := C.go_checkpoint_at(c.handle(), C.uint64_t(edge), C.uint64_t(size), C.int64_t(nowNs), C.int64_t(queuedNs),
		(*C.uint8_t)(unsafe.SliceData(header)), C.size_t(len(header)), (*C.ds_pathway)(unsafe.Pointer(pathway)))
	runtime.KeepAlive(c)
	return Status(status)
}

// Decode is ds_pathway_decode: it tells whether there is a pathway. A negative nowNs takes any time since 1970.
func Decode(header []byte, nowNs int64, pathway *Pathway) bool {
	C.go_decode((*C.uint8_t)(unsafe.SliceData(header)), C.size_t(len(header)), C.int64_t(nowNs),
		(*C.ds_pathway)(unsafe.Pointer(pathway)))
	return pathway.StartNs != 0
}

// Encode is ds_pathway_encode. Without a pathway the length is 0.
func Encode(pathway *Pathway, binary bool, header *Header) {
	var form C.uint32_t
	if binary {
		form = 1
	}
	C.go_encode((*C.ds_pathway)(unsafe.Pointer(pathway)), form, (*C.go_header)(unsafe.Pointer(header)))
}

// Merge is ds_pathway_merge.
func Merge(pathways []Pathway, merged *Pathway) Status {
	return Status(C.ds_pathway_merge((*C.ds_pathway)(unsafe.Pointer(unsafe.SliceData(pathways))), C.size_t(len(pathways)),
		(*C.ds_pathway)(unsafe.Pointer(merged))))
}

// TrackOffset is ds_track_offset.
func (c *Client) TrackOffset(backlog Edge, partition int32, offset int64) Status {
	status := C.go_track_offset(c.handle(), C.uint64_t(backlog), C.int32_t(partition), C.int64_t(offset))
	runtime.KeepAlive(c)
	return Status(status)
}

// TrackTransaction is ds_track_transaction.
func (c *Client) TrackTransaction(id, checkpoint string, atNs int64) Status {
	status := C.go_track_transaction(c.handle(), (*C.char)(unsafe.Pointer(unsafe.StringData(id))), C.size_t(len(id)),
		(*C.char)(unsafe.Pointer(unsafe.StringData(checkpoint))), C.size_t(len(checkpoint)), C.int64_t(atNs))
	runtime.KeepAlive(c)
	return Status(status)
}

// Counters calls f with every counter.
func (c *Client) Counters(f func(name string, value uint64)) {
	defer runtime.KeepAlive(c)
	var count C.size_t
	if C.ds_client_counters(c.client, nil, 0, &count) != C.DS_OK || count == 0 {
		return
	}
	values := make([]uint64, count)
	if C.ds_client_counters(c.client, (*C.uint64_t)(unsafe.Pointer(&values[0])), count, &count) != C.DS_OK {
		return
	}
	for i, value := range values {
		if name := C.ds_counter_name(C.size_t(i)); name != nil {
			f(C.GoString(name), value)
		}
	}
}

// Poll is ds_client_poll: the milliseconds until it has to be called again.
func (c *Client) Poll() (nextMs uint32, status Status) {
	defer runtime.KeepAlive(c)
	var next C.uint32_t
	result := C.ds_client_poll(c.client, 0, &next)
	return uint32(next), Status(result)
}

// Take is ds_client_take_payload: nil when none is due.
func (c *Client) Take() (*Payload, Status) {
	defer runtime.KeepAlive(c)
	var payload C.ds_payload
	if status := C.ds_client_take_payload(c.client, &payload); status != C.DS_OK || payload.id == 0 {
		return nil, Status(status)
	}
	// Copied: net/http may still read a body after it gave an answer.
	return &Payload{
		ID:      uint64(payload.id),
		Path:    C.GoStringN(payload.path.ptr, C.int(payload.path.len)),
		Headers: C.GoStringN(payload.headers.ptr, C.int(payload.headers.len)),
		Body:    C.GoBytes(unsafe.Pointer(payload.body), C.int(payload.body_len)),
	}, OK
}

// Settle is ds_client_settle_payload.
func (c *Client) Settle(id uint64, httpStatus int32) Status {
	defer runtime.KeepAlive(c)
	return Status(C.ds_client_settle_payload(c.client, C.uint64_t(id), C.int32_t(httpStatus)))
}

// toC lays a config out in C's memory. The caller frees it.
func toC(config Config) (*C.ds_config, error) {
	texts := []string{config.Service, config.Env, config.Version, config.PrimaryTag, config.Tags, config.AgentURL,
		config.APIKey, config.Site, config.Hostname, config.DogstatsdURL, "go", config.LanguageVersion}
	joined := strings.Join(texts, "")
	raw := C.config_new(C.size_t(len(joined)))
	if raw == nil {
		return nil, errors.New("datastreams: out of memory")
	}
	rest := unsafe.Add(unsafe.Pointer(raw), unsafe.Sizeof(*raw))
	copy(unsafe.Slice((*byte)(rest), len(joined)), joined)
	for i, field := range []*C.ds_str{&raw.service, &raw.env, &raw.version, &raw.primary_tag, &raw.tags, &raw.agent_url,
		&raw.api_key, &raw.site, &raw.hostname, &raw.dogstatsd_url, &raw.language, &raw.language_version} {
		if n := len(texts[i]); n > 0 {
			*field = C.ds_str{ptr: (*C.char)(rest), len: C.size_t(n)}
			rest = unsafe.Add(rest, n)
		}
	}
	raw.memory_limit, raw.retry_limit = C.uint64_t(config.MemoryLimit), C.uint64_t(config.RetryLimit)
	raw.max_edges = C.uint32_t(config.MaxEdges)
	raw.enabled, raw.delivery = C.uint32_t(config.Enabled), C.uint32_t(config.Delivery)
	return raw, nil
}
