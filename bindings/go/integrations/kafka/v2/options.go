package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// defaultMaxBytes is message.max.bytes where it is not configured.
const defaultMaxBytes = 1000000

// settings are what options set.
type settings struct {
	config    *kafka.ConfigMap
	group     string
	clusterID string
	noHeaders bool
	legacy    bool
}

// Option is an option of [NewProducer], [NewConsumer], [WrapProducer] and [WrapConsumer].
type Option func(*settings)

// WithConfig tells a wrapper how the client was configured. It is only read. NewProducer and NewConsumer know it already.
func WithConfig(config *kafka.ConfigMap) Option {
	return func(s *settings) { s.config = config }
}

// WithGroup names the consumer group. Default: group.id of the configuration. Without either, messages are consumed by
// nobody in particular, and commits are not reported.
func WithGroup(group string) Option {
	return func(s *settings) { s.group = group }
}

// WithClusterID says what the cluster's id is, so that it is not asked for, and the first messages have it too.
func WithClusterID(id string) Option {
	return func(s *settings) { s.clusterID = id }
}

// WithoutHeaders switches headers off: pathways end where a producer writes, and no checkpoint is set there. Consumed messages
// keep the headers that they came with, so ContextWithMessage finds the pathway before the consumer's edge. Offsets and
// consumed messages are measured as ever.
func WithoutHeaders() Option {
	return func(s *settings) { s.noHeaders = true }
}

// WithLegacyHeader has a producer write the header of data-streams-go beside that of today, for consumers that still use it.
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
	if s.group == "" {
		s.group, _ = s.property("group.id")
	}
	return s
}

// property returns what a property is set to, as text, and whether it is set.
func (s *settings) property(key string) (string, bool) {
	if s.config == nil {
		return "", false
	}
	value, ok := (*s.config)[key]
	if !ok || value == nil {
		return "", false
	}
	return fmt.Sprint(value), true
}

// enabled returns what a property that is true or false is set to.
func (s *settings) enabled(key string, otherwise bool) bool {
	if text, ok := s.property(key); ok {
		if value, err := strconv.ParseBool(text); err == nil {
			return value
		}
	}
	return otherwise
}

// reportsHeaders tells whether reports have the headers of messages, as far as the configuration is known.
func (s *settings) reportsHeaders() bool {
	if s.config == nil {
		return true
	}
	fields, _ := s.property("go.delivery.report.fields")
	return fields == "all" || slices.Contains(strings.Split(fields, ","), "headers")
}

// maxBytes returns the size of the largest message, 0 when that is not known.
func (s *settings) maxBytes() int {
	if s.config == nil {
		return 0
	}
	if text, ok := s.property("message.max.bytes"); ok {
		most, _ := strconv.Atoi(text)
		return most
	}
	return defaultMaxBytes
}

// tooOld says why brokers are taken for older than 0.11, which know no headers: "" when they are not.
func (s *settings) tooOld() string {
	if s.enabled("api.version.request", true) {
		return ""
	}
	fallback, ok := s.property("broker.version.fallback")
	if !ok {
		fallback = "0.10.0"
	}
	parts := strings.SplitN(fallback, ".", 3)
	if len(parts) < 2 || parts[0] != "0" {
		return ""
	}
	if minor, err := strconv.Atoi(parts[1]); err != nil || minor >= 11 {
		return ""
	}
	return "api.version.request is false, and broker.version.fallback is " + fallback
}
