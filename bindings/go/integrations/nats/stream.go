package nats

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/datastreams/datastreams/bindings/go/integrations/nats/internal/carried"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// JetStream returns the client's older interface to streams, with publishing and handlers measured. See the subpackage
// jetstream for the newer one.
func (c *Conn) JetStream(opts ...nats.JSOpt) (nats.JetStreamContext, error) {
	streams, err := c.Conn.JetStream(opts...)
	if err != nil {
		return nil, err
	}
	return &jetStream{streams, c}, nil
}

// jetStream is the client's older interface, measured.
type jetStream struct {
	nats.JetStreamContext
	conn *Conn
}

func (j *jetStream) Publish(subject string, data []byte, opts ...nats.PubOpt) (*nats.PubAck, error) {
	return j.PublishMsg(&nats.Msg{Subject: subject, Data: data}, opts...)
}

func (j *jetStream) PublishMsg(msg *nats.Msg, opts ...nats.PubOpt) (*nats.PubAck, error) {
	return publish(j.conn, msg, func(sent *nats.Msg) (*nats.PubAck, error) { return j.JetStreamContext.PublishMsg(sent, opts...) })
}

func (j *jetStream) PublishAsync(subject string, data []byte, opts ...nats.PubOpt) (nats.PubAckFuture, error) {
	return j.PublishMsgAsync(&nats.Msg{Subject: subject, Data: data}, opts...)
}

func (j *jetStream) PublishMsgAsync(msg *nats.Msg, opts ...nats.PubOpt) (nats.PubAckFuture, error) {
	return publish(j.conn, msg, func(sent *nats.Msg) (nats.PubAckFuture, error) {
		answer, err := j.JetStreamContext.PublishMsgAsync(sent, opts...)
		if again := carried.AgainOf(context.Background(), msg, sent); again != nil && err == nil {
			return &future{answer, again}, nil
		}
		return answer, err
	})
}

// future is the client's, with a message that may be published again.
type future struct {
	nats.PubAckFuture
	again *carried.Again
}

func (f *future) Msg() *nats.Msg { return f.again.Msg() }

func (j *jetStream) Subscribe(subject string, handler nats.MsgHandler, opts ...nats.SubOpt) (*nats.Subscription, error) {
	return j.JetStreamContext.Subscribe(subject, j.conn.measured("", handler), opts...)
}

func (j *jetStream) QueueSubscribe(subject, queue string, handler nats.MsgHandler, opts ...nats.SubOpt) (*nats.Subscription, error) {
	return j.JetStreamContext.QueueSubscribe(subject, queue, j.conn.measured(queue, handler), opts...)
}

// tooLarge is what a stream says to a message that is larger than it takes.
const tooLarge = 10054

// publish has a message sent to a stream. Where its pathway makes it too large, for the server or for the stream, it is sent
// without: options add headers too, and what a stream takes is not known before.
func publish[A any](c *Conn, msg *nats.Msg, send func(*nats.Msg) (A, error)) (A, error) {
	if c.noHeaders {
		return send(carried.Without(msg))
	}
	sent, _, stamped := carried.Produce(context.Background(), c.Conn, msg)
	answer, err := send(sent)
	var refused *nats.APIError
	if stamped && (errors.Is(err, nats.ErrMaxPayload) || errors.As(err, &refused) && refused.ErrorCode == tooLarge) {
		message.Skipped("nats_too_large")
		return send(carried.Without(msg))
	}
	return answer, err
}
