package segmentio

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// askTimeout bounds one question for the cluster's id.
const askTimeout = 5 * time.Second

// settings are what options set.
type settings struct {
	clusterID string
	noHeaders bool
	legacy    bool
}

// Option is an option of [NewWriter], [WrapWriter], [NewReader] and [WrapReader].
type Option func(*settings)

// WithClusterID says what the cluster's id is, so that it is not asked for, and the first messages have it too.
func WithClusterID(id string) Option {
	return func(s *settings) { s.clusterID = id }
}

// WithoutHeaders switches headers off: pathways end where a writer writes, and no checkpoint is set there. Messages that are
// read keep the headers that they came with, so ContextWithMessage finds the pathway before the reader's edge. Offsets and
// consumed messages are measured as ever.
func WithoutHeaders() Option {
	return func(s *settings) { s.noHeaders = true }
}

// WithLegacyHeader has a writer write the header of data-streams-go beside that of today, for consumers that still use it.
func WithLegacyHeader() Option {
	return func(s *settings) { s.legacy = true }
}

func settingsOf(opts []Option) *settings {
	s := &settings{}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	return s
}

// cluster asks for a cluster's id, until it is closed.
type cluster struct {
	id    *shared.ClusterID
	asked atomic.Bool
	ctx   context.Context
	close context.CancelFunc
}

func (c *cluster) init(id *shared.ClusterID, known string) {
	c.id = id
	c.id.Set(known)
	c.ctx, c.close = context.WithCancel(context.Background())
}

// learn has a client asked, with a topic that is known to exist: not naming any would have it describe all of them.
func (c *cluster) learn(topic string, client func() (*kafka.Client, func())) {
	if c.id.Get() != "" || c.asked.Load() || c.asked.Swap(true) {
		return
	}
	go func() {
		client, done := client()
		defer done()
		c.id.Learn(c.ctx.Done(), func() string {
			ctx, cancel := context.WithTimeout(c.ctx, askTimeout)
			defer cancel()
			answer, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
			if err != nil {
				return ""
			}
			return answer.ClusterID
		})
	}()
}
