package kafka

import datastreams "github.com/datastreams/datastreams/bindings/go"

// Found is what the headers of a message hold: add every header, in order.
type Found struct {
	Ours   int   // headers under our keys
	Others int   // all other headers
	Bytes  int64 // of the names and values of the others

	header, legacy []byte
}

// Add takes a header into account.
func (f *Found) Add(key string, value []byte) {
	switch key {
	case datastreams.PropagationKeyBase64:
		f.Ours++
		f.header = value
	case datastreams.PropagationKey:
		f.Ours++
		f.legacy = value
	default:
		f.Others++
		f.Bytes += int64(len(key) + len(value))
	}
}

// AddBytes is Add for clients whose keys are bytes.
func (f *Found) AddBytes(key, value []byte) {
	switch string(key) {
	case datastreams.PropagationKeyBase64, datastreams.PropagationKey:
		f.Add(string(key), value)
	default:
		f.Others++
		f.Bytes += int64(len(key) + len(value))
	}
}

// Pathway returns the header that holds the message's pathway, nil when there is none.
func (f *Found) Pathway() []byte { return Received(f.header, f.legacy) }
