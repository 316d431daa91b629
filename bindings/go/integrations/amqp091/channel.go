package amqp091

import (
	"context"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Channel is the client's channel, measured. It has all methods of the client's, which say what the ones here do beside
// measuring, and may be used as that may be.
type Channel struct {
	*amqp.Channel

	frameSize int
	noHeaders bool
	watch     sync.Once
	ended     chan struct{} // closed when the channel is, for good
}

// settings are what options set.
type settings struct {
	noHeaders bool
	frameSize int
}

// Option is an option of [NewChannel] and [WrapChannel].
type Option func(*settings)

// WithoutHeaders switches headers off: pathways end where the channel publishes, and no checkpoint is set there. Deliveries
// keep the headers that they came with, so ContextWithDelivery finds the pathway before their edge. They are measured as ever.
func WithoutHeaders() Option {
	return func(s *settings) { s.noHeaders = true }
}

// WithFrameSize tells [WrapChannel] the largest frame of the connection, in bytes: connection.Config.FrameSize. Without it only
// the least is known that a connection has, 4096; messages with headers that do not fit that travel without a pathway.
func WithFrameSize(bytes int) Option {
	return func(s *settings) { s.frameSize = bytes }
}

// NewChannel opens a channel that is measured.
func NewChannel(connection *amqp.Connection, opts ...Option) (*Channel, error) {
	channel, err := connection.Channel()
	if err != nil {
		return nil, err
	}
	return WrapChannel(channel, append([]Option{WithFrameSize(connection.Config.FrameSize)}, opts...)...), nil
}

// WrapChannel measures a channel. Only what it returns is to be used from then on.
func WrapChannel(channel *amqp.Channel, opts ...Option) *Channel {
	s := settings{frameSize: frameMin}
	for _, opt := range opts {
		if opt != nil {
			opt(&s)
		}
	}
	return &Channel{Channel: channel, frameSize: s.frameSize, noHeaders: s.noHeaders, ended: make(chan struct{})}
}

// Publish sends a message. The pathway in the message's headers is continued; without one a pathway starts.
//
// Deprecated: as in the client. Use [Channel.PublishWithContext].
func (c *Channel) Publish(exchange, key string, mandatory, immediate bool, msg amqp.Publishing) error {
	return c.PublishWithContext(context.Background(), exchange, key, mandatory, immediate, msg)
}

// PublishWithContext sends a message on the pathway that ctx carries: see [ContextWithDelivery]. Without one the pathway in the
// message's headers is continued.
func (c *Channel) PublishWithContext(ctx context.Context, exchange, key string, mandatory, immediate bool, msg amqp.Publishing) error {
	c.prepare(ctx, exchange, key, &msg)
	return c.Channel.PublishWithContext(ctx, exchange, key, mandatory, immediate, msg)
}

// PublishWithDeferredConfirm is [Channel.Publish] with a confirmation to wait for.
func (c *Channel) PublishWithDeferredConfirm(exchange, key string, mandatory, immediate bool, msg amqp.Publishing) (*amqp.DeferredConfirmation, error) {
	return c.PublishWithDeferredConfirmWithContext(context.Background(), exchange, key, mandatory, immediate, msg)
}

// PublishWithDeferredConfirmWithContext is [Channel.PublishWithContext] with a confirmation to wait for.
func (c *Channel) PublishWithDeferredConfirmWithContext(ctx context.Context, exchange, key string, mandatory, immediate bool, msg amqp.Publishing) (*amqp.DeferredConfirmation, error) {
	c.prepare(ctx, exchange, key, &msg)
	return c.Channel.PublishWithDeferredConfirmWithContext(ctx, exchange, key, mandatory, immediate, msg)
}

// prepare sets the checkpoint of a message that is the channel's own copy, unless it will be refused at once.
func (c *Channel) prepare(ctx context.Context, exchange, key string, msg *amqp.Publishing) {
	switch {
	case c.noHeaders:
		withoutPathway(msg)
	case c.IsClosed() || ctx.Err() != nil || msg.Headers.Validate() != nil:
	default:
		produce(ctx, exchange, key, msg, c.frameSize)
	}
}

// Get takes a message out of a queue, if there is one.
func (c *Channel) Get(queue string, autoAck bool) (msg amqp.Delivery, ok bool, err error) {
	msg, ok, err = c.Channel.Get(queue, autoAck)
	if ok && err == nil {
		c.consumed(queue, &msg)
	}
	return msg, ok, err
}

// Consume has the broker deliver what is in a queue.
func (c *Channel) Consume(queue, consumer string, autoAck, exclusive, noLocal, noWait bool, args amqp.Table) (<-chan amqp.Delivery, error) {
	deliveries, err := c.Channel.Consume(queue, consumer, autoAck, exclusive, noLocal, noWait, args)
	return c.measured(queue, deliveries, err)
}

// ConsumeWithContext is [Channel.Consume] until ctx is done.
func (c *Channel) ConsumeWithContext(ctx context.Context, queue, consumer string, autoAck, exclusive, noLocal, noWait bool, args amqp.Table) (<-chan amqp.Delivery, error) {
	deliveries, err := c.Channel.ConsumeWithContext(ctx, queue, consumer, autoAck, exclusive, noLocal, noWait, args)
	return c.measured(queue, deliveries, err)
}

func (c *Channel) measured(queue string, deliveries <-chan amqp.Delivery, err error) (<-chan amqp.Delivery, error) {
	if err != nil {
		return nil, err
	}
	c.watch.Do(func() {
		closed := c.NotifyClose(make(chan *amqp.Error, 1))
		go func() {
			for range closed { // errors that the client recovers from
			}
			close(c.ended)
		}()
	})
	handed := make(chan amqp.Delivery)
	go c.move(queue, deliveries, handed)
	return handed, nil
}

// move sets the checkpoint of each delivery, and hands it to the program. As the client does, it lets go of what nobody has
// taken when the channel is closed; unless they are acknowledged automatically, the broker delivers it again.
func (c *Channel) move(queue string, from <-chan amqp.Delivery, to chan<- amqp.Delivery) {
	defer close(to)
	for delivery := range from {
		c.consumed(queue, &delivery)
		select {
		case to <- delivery:
		case <-c.ended:
			return
		}
	}
}

// consumed sets the checkpoint of a delivery, and puts the pathway after it into its headers.
func (c *Channel) consumed(queue string, delivery *amqp.Delivery) {
	pathway := consume(queue, delivery)
	if !pathway.IsZero() && !c.noHeaders {
		delivery.Headers = withPathway(delivery.Headers, pathway.AppendHeader(nil))
	}
}
