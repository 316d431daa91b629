package jetstream

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/datastreams/datastreams/bindings/go/integrations/nats/internal/carried"
)

// measured is what sets the checkpoints of a consumer's messages.
type measured struct {
	settings settings
	group    string
}

// message sets the checkpoint of a message, and returns it with the pathway after that.
func (m *measured) message(msg jetstream.Msg) jetstream.Msg {
	headers := msg.Headers()
	pathway := carried.Consume(msg.Subject(), m.group, msg.Reply(), headers, msg.Data())
	if pathway.IsZero() || m.settings.noHeaders {
		return msg
	}
	if headers == nil {
		headers = nats.Header{}
		msg = &carrying{msg, headers}
	}
	carried.Replace(headers, pathway.EncodeStr())
	return msg
}

// next is message for what a call returned.
func (m *measured) next(msg jetstream.Msg, err error) (jetstream.Msg, error) {
	if err == nil {
		msg = m.message(msg)
	}
	return msg, err
}

// handler returns a handler that is measured.
func (m *measured) handler(handler jetstream.MessageHandler) jetstream.MessageHandler {
	if handler == nil {
		return nil // which is refused
	}
	return func(msg jetstream.Msg) { handler(m.message(msg)) }
}

// carrying is a message that came without headers, and has those with its pathway.
type carrying struct {
	jetstream.Msg
	headers nats.Header
}

func (c *carrying) Headers() nats.Header { return c.headers }

// ContextWithMessage returns a copy of ctx that carries the pathway of a message of a measured consumer: for Publish and
// PublishMsg, and for anything else that the message causes. Without one it returns ctx.
func ContextWithMessage(ctx context.Context, msg jetstream.Msg) context.Context {
	if msg == nil {
		return ctx
	}
	return carried.Context(ctx, msg.Headers())
}

// TraceConsume sets the checkpoint of a message of a consumer that is not measured: see the function of the package nats.
func TraceConsume(ctx context.Context, msg jetstream.Msg, group string) context.Context {
	if msg == nil {
		return ctx
	}
	return carried.Trace(ctx, msg.Subject(), group, msg.Reply(), msg.Headers(), msg.Data())
}

// WrapConsumer measures a consumer that is pulled from.
func WrapConsumer(consumer jetstream.Consumer, opts ...Option) jetstream.Consumer {
	return pulled(consumer, settingsOf(opts))
}

func pulled(client jetstream.Consumer, settings settings) jetstream.Consumer {
	c := &consumer{client, measured{settings: settings}}
	// A consumer that is not durable has a name that was made up.
	if info := client.CachedInfo(); info != nil {
		c.measured.group = info.Config.Durable
	}
	return c
}

// consumer is one that is pulled from.
type consumer struct {
	jetstream.Consumer
	measured measured
}

func (c *consumer) Next(opts ...jetstream.FetchOpt) (jetstream.Msg, error) {
	return c.measured.next(c.Consumer.Next(opts...))
}

func (c *consumer) Consume(handler jetstream.MessageHandler, opts ...jetstream.PullConsumeOpt) (jetstream.ConsumeContext, error) {
	return c.Consumer.Consume(c.measured.handler(handler), opts...)
}

func (c *consumer) Messages(opts ...jetstream.PullMessagesOpt) (jetstream.MessagesContext, error) {
	all, err := c.Consumer.Messages(opts...)
	if err != nil {
		return nil, err
	}
	return &messages{all, &c.measured}, nil
}

// messages are those of a consumer, one after the other.
type messages struct {
	jetstream.MessagesContext
	measured *measured
}

func (m *messages) Next(opts ...jetstream.NextOpt) (jetstream.Msg, error) {
	return m.measured.next(m.MessagesContext.Next(opts...))
}

func (c *consumer) Fetch(n int, opts ...jetstream.FetchOpt) (jetstream.MessageBatch, error) {
	return c.batch(c.Consumer.Fetch(n, opts...))
}

func (c *consumer) FetchBytes(n int, opts ...jetstream.FetchOpt) (jetstream.MessageBatch, error) {
	return c.batch(c.Consumer.FetchBytes(n, opts...))
}

func (c *consumer) FetchNoWait(n int) (jetstream.MessageBatch, error) {
	return c.batch(c.Consumer.FetchNoWait(n))
}

// batch is messages that were fetched.
type batch struct {
	jetstream.MessageBatch
	handed chan jetstream.Msg
}

func (b *batch) Messages() <-chan jetstream.Msg { return b.handed }

// batch hands on the messages of a batch. There is room for all of them, so that nothing waits for a program that leaves some.
func (c *consumer) batch(fetched jetstream.MessageBatch, err error) (jetstream.MessageBatch, error) {
	if err != nil {
		return nil, err
	}
	from := fetched.Messages()
	b := &batch{fetched, make(chan jetstream.Msg, cap(from))}
	go func() {
		defer close(b.handed)
		for msg := range from {
			b.handed <- c.measured.message(msg)
		}
	}()
	return b, nil
}

// WrapPushConsumer measures a consumer that is pushed to.
func WrapPushConsumer(consumer jetstream.PushConsumer, opts ...Option) jetstream.PushConsumer {
	return pushed(consumer, settingsOf(opts))
}

func pushed(client jetstream.PushConsumer, settings settings) jetstream.PushConsumer {
	c := &pushConsumer{client, measured{settings: settings}}
	if info := client.CachedInfo(); info != nil {
		c.measured.group = info.Config.DeliverGroup
	}
	return c
}

type pushConsumer struct {
	jetstream.PushConsumer
	measured measured
}

func (c *pushConsumer) Consume(handler jetstream.MessageHandler, opts ...jetstream.PushConsumeOpt) (jetstream.ConsumeContext, error) {
	return c.PushConsumer.Consume(c.measured.handler(handler), opts...)
}
