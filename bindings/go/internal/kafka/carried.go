package kafka

import (
	"slices"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
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
	// Ours counts the headers that are ours, Count all.
	Ours, Count int

	origin origin // zero: headers are not stamped
}

// Find looks for our headers. The last under a key counts: producers that append leave the newest there.
func Find[H Header](headers []H) Found {
	var search search
	for i := range headers {
		one := header(headers[i])
		search.see(one.Key, one.Value)
	}
	return search.found()
}

// search is a look at one header after the other.
type search struct {
	result          Found
	pathway, legacy []byte
}

func (s *search) see(key string, value []byte) {
	s.result.Count++
	switch key {
	case datastreams.PropagationKeyBase64:
		s.pathway = value
		s.result.Ours++
	case datastreams.PropagationKey:
		s.legacy = value
		s.result.Legacy = true
		s.result.Ours++
	default:
		s.result.Others += int64(len(key) + len(value))
	}
}

func (s *search) found() Found {
	s.result.Pathway = message.Received(s.pathway, s.legacy)
	return s.result
}

// Replace returns the headers without ours, and with a pathway in the two forms behind them: nil is none. The headers that
// are given stay as they are: a program may use one list for many messages.
func Replace[H Header](headers []H, pathway, legacy []byte) []H {
	replaced := make([]H, 0, len(headers)+2)
	for i := range headers {
		if !message.Ours(header(headers[i]).Key) {
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
