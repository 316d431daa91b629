package kafka

import (
	"slices"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// Header is a message header in the shape that most clients give theirs.
type Header interface {
	~struct {
		Key   string
		Value []byte
	}
}

type header struct {
	Key   string
	Value []byte
}

// Found is what the headers of a message hold.
type Found struct {
	// Pathway is the header that a checkpoint reads, as [Received] chooses it. nil: there is none.
	Pathway []byte
	// Legacy tells whether the pathway is also there in the form of data-streams-go.
	Legacy bool
	// Others is the bytes of the keys and values of all headers but ours.
	Others int64
	// Ours counts the headers that are ours.
	Ours int
}

// Find looks for our headers. The last under a key counts: producers that append leave the newest there.
func Find[H Header](headers []H) Found {
	var found Found
	var pathway, legacy []byte
	for i := range headers {
		one := header(headers[i])
		switch one.Key {
		case datastreams.PropagationKeyBase64:
			pathway = one.Value
			found.Ours++
		case datastreams.PropagationKey:
			legacy = one.Value
			found.Legacy = true
			found.Ours++
		default:
			found.Others += int64(len(one.Key) + len(one.Value))
		}
	}
	found.Pathway = Received(pathway, legacy)
	return found
}

// Replace returns the headers without ours, and with a pathway in the two forms behind them: nil is none. The headers that
// are given stay as they are: a program may use one list for many messages.
func Replace[H Header](headers []H, pathway, legacy []byte) []H {
	replaced := make([]H, 0, len(headers)+2)
	for i := range headers {
		if !Ours(header(headers[i]).Key) {
			replaced = append(replaced, headers[i])
		}
	}
	if pathway != nil {
		replaced = append(replaced, H(header{Key: datastreams.PropagationKeyBase64, Value: pathway}))
	}
	if legacy != nil {
		replaced = append(replaced, H(header{Key: datastreams.PropagationKey, Value: legacy}))
	}
	return slices.Clip(replaced)
}
