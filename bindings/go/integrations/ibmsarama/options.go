package ibmsarama

import "github.com/IBM/sarama"

// settings are what options set.
type settings struct {
	config    *sarama.Config
	client    sarama.Client
	brokers   []string
	group     string
	clusterID string
	noHeaders bool
	legacy    bool
}

// Option is an option of everything here that measures.
type Option func(*settings)

// WithConfig tells how the client is configured. It is only read. The New functions know it already.
func WithConfig(config *sarama.Config) Option {
	return func(s *settings) { s.config = config }
}

// WithGroup names the consumer group. [NewConsumerGroup] knows it already. Without it messages are consumed by nobody in
// particular, and commits are not reported.
func WithGroup(group string) Option {
	return func(s *settings) { s.group = group }
}

// WithBrokers has these brokers asked for the cluster's id. The New functions know them already.
func WithBrokers(addresses ...string) Option {
	return func(s *settings) { s.brokers = addresses }
}

// WithClient has a client asked for the cluster's id, over its connections. It also tells how it is configured.
func WithClient(client sarama.Client) Option {
	return func(s *settings) { s.client = client }
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
	if s.config == nil && s.client != nil {
		s.config = s.client.Config()
	}
	return s
}

// orDefault returns the config that the client has when it is given none.
func orDefault(config *sarama.Config) *sarama.Config {
	if config == nil {
		return sarama.NewConfig()
	}
	return config
}

// with returns options with more in front, so that those of the program win.
func with(opts []Option, first ...Option) []Option { return append(first, opts...) }
