package aws

import (
	"context"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// attributesMax is how many attributes SQS takes. It loses a message from SNS that has more.
const attributesMax = 10

// attribute is one of a message of SQS or SNS.
type attribute struct {
	kind, text string
	binary     []byte
}

func (a attribute) size() int64 { return int64(len(a.kind) + len(a.text) + len(a.binary)) }

// value is what the attribute holds.
func (a attribute) value() []byte {
	if a.text != "" {
		return []byte(a.text)
	}
	return a.binary
}

// attributes are those of a message.
type attributes[A any] struct {
	all  map[string]A
	read func(A) attribute
	make func(text []byte) A
	kind string // of the attribute that carries a pathway
}

// size is the bytes of names, types and values, without ours.
func (a *attributes[A]) size() (bytes int64) {
	for key, value := range a.all {
		if key != name {
			bytes += int64(len(key)) + a.read(value).size()
		}
	}
	return bytes
}

// held is what the attribute _datadog holds.
func (a *attributes[A]) held() object {
	if value, ok := a.all[name]; ok {
		return objectOf(a.read(value).value())
	}
	return nil
}

// stamped sets the checkpoint of a message of so many bytes, and returns its attributes with the pathway, and the bytes that
// they grew by: room at most. Where it has no place within the limits there is no checkpoint, as the pathway would go on
// without its message; a pathway that it came with is then taken out. same: the attributes are to be sent as they are.
func (a *attributes[A]) stamped(ctx context.Context, edge *datastreams.Edge, service string, size, room int64) (replaced map[string]A, grown int64, same bool) {
	held := a.held()
	own, carrying := a.all[name]
	others := len(a.all)
	if carrying {
		others--
	}
	most := int64(len(name) + len(a.kind) + len(held.filled(placeholder)))
	was := int64(0)
	if carrying {
		was = int64(len(name)) + a.read(own).size()
	}
	cause := ""
	switch {
	case others >= attributesMax:
		cause = service + "_attributes"
	case most-was > room:
		cause = service + "_too_large"
	}
	if cause != "" {
		message.Skipped(cause)
		if !held.hasPathway() {
			return nil, 0, true
		}
		return a.with(held, ""), 0, false // what it came with belongs to another edge
	}
	_, header := edge.Produce(message.Parent(ctx, held.pathway()), size, make([]byte, 0, message.HeaderMax))
	if len(header) == 0 {
		return nil, 0, true
	}
	replaced = a.with(held, string(header))
	return replaced, int64(len(name)) + a.read(replaced[name]).size() - was, false
}

// with returns a copy of the attributes with a pathway, in place of one that was there. An empty one is none.
func (a *attributes[A]) with(held object, pathway string) map[string]A {
	replaced := make(map[string]A, len(a.all)+1)
	for key, value := range a.all {
		if key != name {
			replaced[key] = value
		}
	}
	if text := held.filled(pathway); pathway != "" || len(text) > len("{}") {
		replaced[name] = a.make(text)
	}
	return replaced
}
