package jetstream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/datastreams/datastreams/bindings/go/integrations/nats/internal/carried"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// JetStream is the client's interface, measured. Any goroutine may use it.
type JetStream struct {
	jetstream.JetStream

	settings settings
}

// settings are what options set.
type settings struct{ noHeaders bool }

// Option is an option of [Wrap], [WrapConsumer] and [WrapPushConsumer].
type Option func(*settings)

// WithoutHeaders switches headers off: pathways end where messages are published, and no checkpoint is set there. Messages
// that are received keep the headers that they came with, so ContextWithMessage finds the pathway before their edge.
func WithoutHeaders() Option {
	return func(s *settings) { s.noHeaders = true }
}

func settingsOf(opts []Option) (s settings) {
	for _, opt := range opts {
		if opt != nil {
			opt(&s)
		}
	}
	return s
}

var _ jetstream.JetStream = (*JetStream)(nil)

// Wrap measures the client's interface. What is to be measured has to go through what it returns.
func Wrap(streams jetstream.JetStream, opts ...Option) *JetStream {
	return &JetStream{streams, settingsOf(opts)}
}

// Publish sends data to a stream, on the pathway that ctx carries.
func (j *JetStream) Publish(ctx context.Context, subject string, data []byte, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return j.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data}, opts...)
}

// PublishMsg sends a message to a stream, on the pathway that ctx carries: see [ContextWithMessage]. Without one the pathway in
// the message's headers is continued.
func (j *JetStream) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if ctx.Err() != nil {
		return j.JetStream.PublishMsg(ctx, msg, opts...) // which says what is wrong
	}
	return publish(ctx, j, msg, func(sent *nats.Msg) (*jetstream.PubAck, error) {
		return j.JetStream.PublishMsg(ctx, sent, opts...)
	})
}

// PublishAsync sends data to a stream. A pathway starts.
func (j *JetStream) PublishAsync(subject string, data []byte, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	return j.PublishMsgAsync(&nats.Msg{Subject: subject, Data: data}, opts...)
}

// PublishMsgAsync sends a message to a stream. The pathway in the message's headers is continued; without one a pathway starts.
func (j *JetStream) PublishMsgAsync(msg *nats.Msg, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	return j.PublishMsgAsyncContext(context.Background(), msg, opts...)
}

// PublishMsgAsyncContext is [JetStream.PublishMsgAsync] on the pathway that ctx carries. Nothing else of ctx is looked at.
func (j *JetStream) PublishMsgAsyncContext(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	return publish(ctx, j, msg, func(sent *nats.Msg) (jetstream.PubAckFuture, error) {
		answer, err := j.JetStream.PublishMsgAsync(sent, opts...)
		if again := carried.AgainOf(ctx, msg, sent); again != nil && err == nil {
			return &future{answer, again}, nil
		}
		return answer, err
	})
}

// future is the client's, with a message that may be published again.
type future struct {
	jetstream.PubAckFuture
	again *carried.Again
}

func (f *future) Msg() *nats.Msg { return f.again.Msg() }

// publish has a message sent with its pathway. Where that is what makes it too large, for the server or for the stream, it is
// sent without: options add headers too, and what a stream takes is not known before.
func publish[A any](ctx context.Context, j *JetStream, msg *nats.Msg, send func(*nats.Msg) (A, error)) (A, error) {
	if j.settings.noHeaders || msg == nil {
		return send(carried.Without(msg))
	}
	sent, _, stamped := carried.Produce(ctx, j.Conn(), msg)
	answer, err := send(sent)
	if stamped && (errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum)) {
		message.Skipped("nats_too_large")
		return send(carried.Without(msg))
	}
	return answer, err
}

// The consumers that the client returns, measured.

func (j *JetStream) consumer(client jetstream.Consumer, err error) (jetstream.Consumer, error) {
	if err != nil {
		return nil, err
	}
	return pulled(client, j.settings), nil
}

// Consumer returns a consumer that is there.
func (j *JetStream) Consumer(ctx context.Context, stream, name string) (jetstream.Consumer, error) {
	return j.consumer(j.JetStream.Consumer(ctx, stream, name))
}

// CreateConsumer makes a consumer.
func (j *JetStream) CreateConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return j.consumer(j.JetStream.CreateConsumer(ctx, stream, config))
}

// CreateOrUpdateConsumer makes a consumer, or changes it.
func (j *JetStream) CreateOrUpdateConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return j.consumer(j.JetStream.CreateOrUpdateConsumer(ctx, stream, config))
}

// UpdateConsumer changes a consumer.
func (j *JetStream) UpdateConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return j.consumer(j.JetStream.UpdateConsumer(ctx, stream, config))
}

// OrderedConsumer makes a consumer that reads all of a stream in order.
func (j *JetStream) OrderedConsumer(ctx context.Context, stream string, config jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	return j.consumer(j.JetStream.OrderedConsumer(ctx, stream, config))
}

func (j *JetStream) pushConsumer(client jetstream.PushConsumer, err error) (jetstream.PushConsumer, error) {
	if err != nil {
		return nil, err
	}
	return pushed(client, j.settings), nil
}

// PushConsumer returns a consumer that is there.
func (j *JetStream) PushConsumer(ctx context.Context, stream, name string) (jetstream.PushConsumer, error) {
	return j.pushConsumer(j.JetStream.PushConsumer(ctx, stream, name))
}

// CreatePushConsumer makes a consumer.
func (j *JetStream) CreatePushConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (jetstream.PushConsumer, error) {
	return j.pushConsumer(j.JetStream.CreatePushConsumer(ctx, stream, config))
}

// CreateOrUpdatePushConsumer makes a consumer, or changes it.
func (j *JetStream) CreateOrUpdatePushConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (jetstream.PushConsumer, error) {
	return j.pushConsumer(j.JetStream.CreateOrUpdatePushConsumer(ctx, stream, config))
}

// UpdatePushConsumer changes a consumer.
func (j *JetStream) UpdatePushConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (jetstream.PushConsumer, error) {
	return j.pushConsumer(j.JetStream.UpdatePushConsumer(ctx, stream, config))
}
