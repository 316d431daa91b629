package amqp091

import (
	"maps"

	amqp "github.com/rabbitmq/amqp091-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

const (
	// frameMin is the smallest largest frame that the protocol knows.
	frameMin = 4096
	// frameAround is what a frame of headers holds beside them: its own ends, class, body size, flags, the length of the
	// table, and the properties of fixed length.
	frameAround = 64
	// fieldAround is the most that a field takes beside key and value: the lengths of both, and the type.
	fieldAround = 6
)

// carried returns the header that a checkpoint reads. nil: there is none.
func carried(headers amqp.Table) []byte {
	return message.Received(text(headers[datastreams.PropagationKeyBase64]), text(headers[datastreams.PropagationKey]))
}

// text returns a header as clients write it: as a text, or as bytes. Any other value is no header that can be read.
func text(value any) []byte {
	switch value := value.(type) {
	case nil:
		return nil
	case string:
		return []byte(value)
	case []byte:
		return value
	}
	return []byte("?")
}

// withPathway returns a copy of headers with a pathway in them, in place of one that was there. An empty one is none.
func withPathway(headers amqp.Table, header []byte) amqp.Table {
	replaced := make(amqp.Table, len(headers)+1)
	maps.Copy(replaced, headers)
	delete(replaced, datastreams.PropagationKey)
	delete(replaced, datastreams.PropagationKeyBase64)
	if len(header) > 0 {
		replaced[datastreams.PropagationKeyBase64] = string(header)
	}
	return replaced
}

// hasPathway tells whether there is a header of ours.
func hasPathway(headers amqp.Table) bool {
	_, text := headers[datastreams.PropagationKeyBase64]
	_, binary := headers[datastreams.PropagationKey]
	return text || binary
}

// weight is the bytes of values, and the fields that they are in.
type weight struct{ bytes, fields int64 }

// headersWeight is that of all headers but ours.
func headersWeight(headers amqp.Table) (all weight) {
	for key, value := range headers {
		if !message.Ours(key) {
			all.add(key, value)
		}
	}
	return all
}

func (w *weight) add(key string, value any) {
	w.fields++
	w.bytes += int64(len(key))
	switch value := value.(type) {
	case nil:
	case bool:
		w.bytes++
	case string:
		w.bytes += int64(len(value))
	case []byte:
		w.bytes += int64(len(value))
	case amqp.Table:
		for key, inner := range value {
			w.add(key, inner)
		}
	case []any:
		for _, inner := range value {
			w.add("", inner)
		}
	default: // numbers and times
		w.bytes += 8
	}
}

// fits tells whether a message's headers have room for a pathway in a frame of frameSize bytes.
func fits(msg *amqp.Publishing, headers weight, frameSize int) bool {
	const ours = int64(len(datastreams.PropagationKeyBase64) + message.HeaderMax + fieldAround)
	texts := 0
	for _, text := range [...]string{
		msg.ContentType, msg.ContentEncoding, msg.CorrelationId, msg.ReplyTo, msg.Expiration, msg.MessageId, msg.Type, msg.UserId, msg.AppId,
	} {
		texts += 1 + len(text)
	}
	return frameSize <= 0 || headers.bytes+headers.fields*fieldAround+ours+int64(texts)+frameAround <= int64(frameSize)
}
