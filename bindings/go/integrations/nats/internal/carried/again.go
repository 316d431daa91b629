package carried

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// Again is a message that was sent, as a program may send it again: with the pathway that it continues, in place of its own.
type Again struct {
	sent   *nats.Msg
	parent datastreams.Pathway

	made sync.Once
	msg  *nats.Msg
}

// AgainOf takes note of a message and of what was sent in its place. nil: that is the message itself.
func AgainOf(ctx context.Context, msg, sent *nats.Msg) *Again {
	if msg == sent {
		return nil
	}
	return &Again{sent: sent, parent: message.Parent(ctx, header(msg.Header))}
}

// Msg returns the message, with the headers that the client's options gave it. It is always the same.
func (a *Again) Msg() *nats.Msg {
	a.made.Do(func() { a.msg = replaced(a.sent, a.parent.EncodeStr()) })
	return a.msg
}
