//go:build !cgo || !(datastreams_dynamic || (linux && amd64))

package native

import (
	"encoding/base64"
	"encoding/binary"
	"time"
)

// Client is never made without the library.
type Client struct{}

// New answers [ErrUnavailable].
func New(Config) (*Client, error) { return nil, ErrUnavailable }

// Decode reads a header as far as passing it on takes: the usual forms, base64 and binary, with times
// within 31 days and 60 seconds.
func Decode(header []byte, _ int64, pathway *Pathway) bool {
	raw := make([]byte, HeaderMax)
	if n, err := base64.StdEncoding.Decode(raw, header[:min(len(header), HeaderMax)]); err == nil {
		raw = raw[:n]
	} else {
		raw = header
	}
	if len(raw) < 10 {
		return false
	}
	start, n := binary.Varint(raw[8:])
	if n <= 0 {
		return false
	}
	edgeStart, n := binary.Varint(raw[8+n:])
	now := time.Now().UnixMilli()
	inWindow := func(ms int64) bool { return ms > now-31*24*3600*1000 && ms < now+60*1000 }
	if n <= 0 || !inWindow(start) || !inWindow(edgeStart) {
		return false
	}
	*pathway = Pathway{
		Hash:        binary.LittleEndian.Uint64(raw),
		StartNs:     start * int64(time.Millisecond),
		EdgeStartNs: edgeStart * int64(time.Millisecond),
	}
	return true
}

// Encode writes the header again that [Decode] read.
func Encode(pathway *Pathway, bytes bool, header *Header) {
	header.Len = 0
	if pathway.StartNs == 0 {
		return
	}
	raw := binary.LittleEndian.AppendUint64(make([]byte, 0, HeaderMax), pathway.Hash)
	raw = binary.AppendVarint(raw, pathway.StartNs/int64(time.Millisecond))
	raw = binary.AppendVarint(raw, pathway.EdgeStartNs/int64(time.Millisecond))
	if bytes {
		header.Len = int32(copy(header.Text[:], raw))
		return
	}
	base64.StdEncoding.Encode(header.Text[:], raw)
	header.Len = int32(base64.StdEncoding.EncodedLen(len(raw)))
}

// Merge keeps the first pathway: nothing is measured that the choice could distort.
func Merge(pathways []Pathway, merged *Pathway) Status {
	for _, pathway := range pathways {
		if pathway.StartNs != 0 {
			*merged = pathway
			return OK
		}
	}
	*merged = Pathway{}
	return OK
}

// The rest is never reached: there is no client.

// AgentURL is "".
func (*Client) AgentURL() string { return "" }

// Enabled is false.
func (*Client) Enabled() bool { return false }

// Flush does nothing.
func (*Client) Flush(uint32) Status { return Invalid }

// Stop does nothing.
func (*Client) Stop(uint32) Status { return Invalid }

// Intern does nothing.
func (*Client) Intern(string, []string) (Edge, Status) { return 0, Invalid }

// Consume does nothing.
func (*Client) Consume(Edge, uint64, []byte, *Pathway) {}

// Checkpoint does nothing.
func (*Client) Checkpoint(Edge, uint64, *Pathway) {}

// Produce does nothing.
func (*Client) Produce(Edge, uint64, *Pathway, *Header) {}

// CheckpointAt does nothing.
func (*Client) CheckpointAt(Edge, uint64, int64, int64, []byte, *Pathway) Status { return Invalid }

// TrackOffset does nothing.
func (*Client) TrackOffset(Edge, int32, int64) Status { return Invalid }

// TrackTransaction does nothing.
func (*Client) TrackTransaction(string, string, int64) Status { return Invalid }

// Counters does nothing.
func (*Client) Counters(func(string, uint64)) {}

// Poll does nothing.
func (*Client) Poll() (uint32, Status) { return 0, Invalid }

// Take does nothing.
func (*Client) Take() (*Payload, Status) { return nil, Invalid }

// Settle does nothing.
func (*Client) Settle(uint64, int32) Status { return Invalid }
