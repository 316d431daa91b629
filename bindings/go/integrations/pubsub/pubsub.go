package pubsub

import (
	"context"
	"sync/atomic"

	"cloud.google.com/go/pubsub/v2"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// settings are what options set.
type settings struct{ noHeaders bool }

// Option is an option of [WrapPublisher] and [WrapSubscriber].
type Option func(*settings)

// WithoutHeaders switches the attribute off: pathways end where a publisher publishes, and no checkpoint is set there. Messages
// that a subscriber receives keep the attributes that they came with. They are measured as ever.
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

// Publisher is the client's publisher, measured. It has all methods of the client's. Any goroutine may use it.
type Publisher struct {
	*pubsub.Publisher

	settings settings
	topic    string
	stopped  atomic.Bool
}

// WrapPublisher measures a publisher. What is to be measured has to go through what it returns.
func WrapPublisher(publisher *pubsub.Publisher, opts ...Option) *Publisher {
	return &Publisher{Publisher: publisher, settings: settingsOf(opts), topic: publisher.String()}
}

// Publish sends a message on the pathway that ctx carries: that of Receive's function. Without one the pathway in the message's
// attributes is continued.
func (p *Publisher) Publish(ctx context.Context, msg *pubsub.Message) *pubsub.PublishResult {
	switch {
	case msg == nil, p.stopped.Load(), !p.EnableMessageOrdering && msg.OrderingKey != "":
		// It is refused. What has a context that ended is not, unless it has to wait.
	case p.settings.noHeaders:
		_, others := weight(msg)
		msg = without(msg, others)
	default:
		msg, _ = produce(ctx, p.topic, msg)
	}
	return p.Publisher.Publish(ctx, msg)
}

// Stop sends what was published, and ends the publisher.
func (p *Publisher) Stop() {
	p.stopped.Store(true)
	p.Publisher.Stop()
}

// Subscriber is the client's subscriber, measured. It has all methods of the client's.
type Subscriber struct {
	*pubsub.Subscriber

	settings     settings
	subscription string
}

// WrapSubscriber measures a subscriber. What is to be measured has to go through what it returns.
func WrapSubscriber(subscriber *pubsub.Subscriber, opts ...Option) *Subscriber {
	return &Subscriber{subscriber, settingsOf(opts), subscriber.String()}
}

// Receive calls a function with each message, and with a context that carries the message's pathway.
func (s *Subscriber) Receive(ctx context.Context, f func(context.Context, *pubsub.Message)) error {
	if f == nil {
		return s.Subscriber.Receive(ctx, f)
	}
	return s.Subscriber.Receive(ctx, func(ctx context.Context, msg *pubsub.Message) {
		pathway := consume(s.subscription, msg)
		if !pathway.IsZero() && !s.settings.noHeaders {
			msg.Attributes = with(msg.Attributes, pathway.EncodeStr())
		}
		f(datastreams.ContextWithPathway(ctx, pathway), msg) // also none: that of ctx is another message's
	})
}
