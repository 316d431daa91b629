package nats

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/datastreams/datastreams/bindings/go/integrations/nats/internal/carried"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// Conn is the client's connection, measured. It has all methods of the client's, which say what the ones here do beside
// measuring. Any goroutine may use it.
type Conn struct {
	*nats.Conn

	noHeaders bool
}

// Option is an option of [Wrap].
type Option func(*Conn)

// WithoutHeaders switches headers off: pathways end where the connection publishes, and no checkpoint is set there. Received
// messages keep the headers that they came with, so ContextWithMessage finds the pathway before their edge. They are measured
// as ever.
func WithoutHeaders() Option {
	return func(c *Conn) { c.noHeaders = true }
}

// Wrap measures a connection. What is to be measured has to go through what it returns.
func Wrap(conn *nats.Conn, opts ...Option) *Conn {
	carried.Inboxes(conn)
	c := &Conn{Conn: conn}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	return c
}

// Publish sends data to a subject. A pathway starts.
func (c *Conn) Publish(subject string, data []byte) error {
	return c.PublishMsg(&nats.Msg{Subject: subject, Data: data})
}

// PublishRequest sends data to a subject, with a subject to answer to. A pathway starts.
func (c *Conn) PublishRequest(subject, reply string, data []byte) error {
	if reply == "" {
		return c.Conn.PublishRequest(subject, reply, data) // which says what is wrong
	}
	return c.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data})
}

// PublishMsg sends a message. The pathway in the message's headers is continued; without one a pathway starts.
func (c *Conn) PublishMsg(msg *nats.Msg) error {
	return c.PublishMsgContext(context.Background(), msg)
}

// PublishMsgContext sends a message on the pathway that ctx carries: see [ContextWithMessage]. Nothing else of ctx is looked at.
// Without a pathway in ctx the one in the message's headers is continued.
func (c *Conn) PublishMsgContext(ctx context.Context, msg *nats.Msg) error {
	_, err := c.send(ctx, msg, func(sent *nats.Msg) (*nats.Msg, error) { return nil, c.Conn.PublishMsg(sent) })
	return err
}

// Request sends data to a subject, and waits for the answer. A pathway starts.
func (c *Conn) Request(subject string, data []byte, timeout time.Duration) (*nats.Msg, error) {
	return c.RequestMsg(&nats.Msg{Subject: subject, Data: data}, timeout)
}

// RequestMsg sends a message, and waits for the answer. The pathway in the message's headers is continued.
func (c *Conn) RequestMsg(msg *nats.Msg, timeout time.Duration) (*nats.Msg, error) {
	return c.send(context.Background(), msg, func(sent *nats.Msg) (*nats.Msg, error) { return c.Conn.RequestMsg(sent, timeout) })
}

// RequestWithContext sends data to a subject on the pathway that ctx carries, and waits for the answer.
func (c *Conn) RequestWithContext(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	return c.RequestMsgWithContext(ctx, &nats.Msg{Subject: subject, Data: data})
}

// RequestMsgWithContext sends a message on the pathway that ctx carries, and waits for the answer.
func (c *Conn) RequestMsgWithContext(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
	if ctx == nil || ctx.Err() != nil {
		return c.Conn.RequestMsgWithContext(ctx, msg) // which says what is wrong
	}
	return c.send(ctx, msg, func(sent *nats.Msg) (*nats.Msg, error) { return c.Conn.RequestMsgWithContext(ctx, sent) })
}

// send has a message sent with its pathway. Where that is what makes it too large, it is sent without.
func (c *Conn) send(ctx context.Context, msg *nats.Msg, send func(*nats.Msg) (*nats.Msg, error)) (*nats.Msg, error) {
	if c.noHeaders {
		return send(carried.Without(msg))
	}
	sent, _, stamped := carried.Produce(ctx, c.Conn, msg)
	answer, err := send(sent)
	if stamped && errors.Is(err, nats.ErrMaxPayload) { // the server takes less since it was looked at
		message.Skipped("nats_too_large")
		return send(carried.Without(msg))
	}
	return answer, err
}

// Subscribe has a handler called with each message of a subject.
func (c *Conn) Subscribe(subject string, handler nats.MsgHandler) (*nats.Subscription, error) {
	return c.Conn.Subscribe(subject, c.measured("", handler))
}

// QueueSubscribe has a handler called with each message of a subject that is for this member of a queue group.
func (c *Conn) QueueSubscribe(subject, queue string, handler nats.MsgHandler) (*nats.Subscription, error) {
	return c.Conn.QueueSubscribe(subject, queue, c.measured(queue, handler))
}

// measured returns a handler that is measured.
func (c *Conn) measured(group string, handler nats.MsgHandler) nats.MsgHandler {
	if handler == nil {
		return nil // which is refused
	}
	return func(msg *nats.Msg) {
		c.consumed(group, msg)
		handler(msg)
	}
}

// consumed sets the checkpoint of a message, and puts the pathway after it into its headers.
func (c *Conn) consumed(group string, msg *nats.Msg) {
	pathway := carried.Consume(msg.Subject, group, msg.Reply, msg.Header, msg.Data)
	if pathway.IsZero() || c.noHeaders {
		return
	}
	if msg.Header == nil {
		msg.Header = nats.Header{}
	}
	carried.Replace(msg.Header, pathway.EncodeStr())
}

// SubscribeSync returns a subscription whose NextMsg returns messages of a subject.
func (c *Conn) SubscribeSync(subject string) (*Subscription, error) {
	return c.subscription("")(c.Conn.SubscribeSync(subject))
}

// QueueSubscribeSync returns a subscription whose NextMsg returns messages of a subject that are for this member of a queue
// group.
func (c *Conn) QueueSubscribeSync(subject, queue string) (*Subscription, error) {
	return c.subscription(queue)(c.Conn.QueueSubscribeSync(subject, queue))
}

func (c *Conn) subscription(group string) func(*nats.Subscription, error) (*Subscription, error) {
	return func(subscription *nats.Subscription, err error) (*Subscription, error) {
		if err != nil {
			return nil, err
		}
		return &Subscription{subscription, c, group}, nil
	}
}

// Subscription is the client's subscription, measured.
type Subscription struct {
	*nats.Subscription

	conn  *Conn
	group string
}

// NextMsg returns the next message.
func (s *Subscription) NextMsg(timeout time.Duration) (*nats.Msg, error) {
	return s.next(s.Subscription.NextMsg(timeout))
}

// NextMsgWithContext returns the next message.
func (s *Subscription) NextMsgWithContext(ctx context.Context) (*nats.Msg, error) {
	return s.next(s.Subscription.NextMsgWithContext(ctx))
}

func (s *Subscription) next(msg *nats.Msg, err error) (*nats.Msg, error) {
	if err == nil {
		s.conn.consumed(s.group, msg)
	}
	return msg, err
}
