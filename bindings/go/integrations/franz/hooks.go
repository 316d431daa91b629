package franz

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/datastreams/datastreams/bindings/go/internal/kafka"
	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

const (
	produceKey      = 0
	offsetCommitKey = 8
	endTxnKey       = 26

	// headersSince is the version of the produce request that takes headers.
	headersSince = 3
	// askTimeout bounds the wait for the cluster's id.
	askTimeout = 10 * time.Second
)

// Hooks measures the records of one client: pass it to kgo.WithHooks. Make one for each client. Any goroutine may use it.
type Hooks struct {
	producer kafka.Producer

	group  string
	noAcks bool
	limit  func(topic string) int32 // bytes of a batch; nil: not known
	limits sync.Map                 // string to int32: what limit answered

	client  atomic.Pointer[kgo.Client]
	asked   atomic.Bool     // for the cluster's id, or nobody has to
	context context.Context // ends with the client
	end     context.CancelFunc

	mutex sync.Mutex
	read  *time.Timer // of committed offsets; nil: nothing was committed yet
	reads int         // that are due
}

// The hooks that a client calls.
var (
	_ kgo.HookNewClient               = (*Hooks)(nil)
	_ kgo.HookClientClosed            = (*Hooks)(nil)
	_ kgo.HookBrokerE2E               = (*Hooks)(nil)
	_ kgo.HookProduceRecordBuffered   = (*Hooks)(nil)
	_ kgo.HookProduceRecordUnbuffered = (*Hooks)(nil)
	_ kgo.HookFetchRecordUnbuffered   = (*Hooks)(nil)
)

// Option is an option of [NewHooks].
type Option func(*Hooks)

// WithoutHeaders switches headers off: pathways end where the client writes, and no checkpoint is set there. Offsets and
// consumed records are measured as ever.
func WithoutHeaders() Option { return func(h *Hooks) { h.producer.Headers.Disable() } }

// WithLegacyHeader also sends the header that data-streams-go reads, for consumers that were not migrated yet.
func WithLegacyHeader() Option { return func(h *Hooks) { h.producer.Legacy = true } }

// WithClusterID says which cluster the client talks to, instead of asking it. With "" edges and offsets are without.
func WithClusterID(id string) Option {
	return func(h *Hooks) {
		h.producer.Cluster.Set(id)
		h.asked.Store(true)
	}
}

// NewHooks makes the hooks of a client.
func NewHooks(opts ...Option) *Hooks {
	h := &Hooks{}
	h.context, h.end = context.WithCancel(context.Background())
	for _, opt := range opts {
		if opt != nil {
			opt(h)
		}
	}
	return h
}

// OnNewClient is called by the client.
func (h *Hooks) OnNewClient(client *kgo.Client) {
	if !h.client.CompareAndSwap(nil, client) {
		notice.Say("datastreams: franz.Hooks were given to a second client: what they say about groups and clusters is that of the first")
		return
	}
	if group, ok := client.OptValue(kgo.ConsumerGroup).(string); ok && group != "" {
		h.group = group
	} else if group, ok := client.OptValue(kgo.ShareGroup).(string); ok {
		h.group = group
	}
	if acks, ok := client.OptValue(kgo.RequiredAcks).(kgo.Acks); ok {
		h.noAcks = acks == kgo.NoAck()
	}
	h.limit, _ = client.OptValue(kgo.ProducerBatchMaxBytesFn).(func(string) int32)
	if versions, ok := client.OptValue(kgo.MaxVersions).(interface{ LookupMaxKeyVersion(int16) (int16, bool) }); ok {
		if most, ok := versions.LookupMaxKeyVersion(produceKey); ok && most < headersSince {
			h.producer.Headers.Off("the client is limited to a protocol from before Kafka 0.11")
		}
	}
}

// OnClientClosed is called by the client.
func (h *Hooks) OnClientClosed(client *kgo.Client) {
	if h.client.Load() != client {
		return
	}
	h.end()
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.read != nil {
		h.read.Stop()
	}
}

// learn has the cluster asked for its id, in a goroutine that ends when it is known or the client is closed.
func (h *Hooks) learn() {
	if !h.asked.Load() && !h.asked.Swap(true) {
		go h.producer.Cluster.Learn(h.context.Done(), h.ask)
	}
}

// ask returns the cluster's id, and switches headers off where its brokers know none.
func (h *Hooks) ask() string {
	client := h.client.Load()
	if client == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(h.context, askTimeout)
	defer cancel()
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client)
	if err == nil {
		for _, key := range versions.ApiKeys {
			if key.ApiKey == produceKey && key.MaxVersion < headersSince {
				h.producer.Headers.Off("the brokers are older than Kafka 0.11")
			}
		}
	}
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // of no topic
	metadata, err := request.RequestWith(ctx, client)
	if err != nil || metadata.ClusterID == nil {
		return ""
	}
	return *metadata.ClusterID
}
