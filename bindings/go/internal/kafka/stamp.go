package kafka

import (
	"encoding/binary"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// Some clients hand a message to us again that we have seen already: sarama for each retry, a program after an error. The
// header in it is then that of the message itself, not of one that caused it. To tell that apart without remembering
// messages, a header is followed, in the capacity of its slice, by a stamp: which message it was written into, and the
// header that the message continues.

const (
	stampMagic = 0x6461746173747265
	stampBytes = 8 + 8 + 8 + 1
	stampRoom  = message.HeaderMax + stampBytes + message.HeaderMax
)

// origin says which message headers were found in: its address, and something in it that changes when it was sent.
type origin struct {
	address uintptr
	mark    int64
}

// In says which message the headers were found in. When that was seen before, it goes on as it did then; sent tells whether
// it was seen with the same mark.
func (f *Found) In(address uintptr, mark int64) (sent bool) {
	f.origin = origin{address, mark}
	from, continued, ok := stampOf(f.Pathway)
	if !ok || from.address != address {
		return false
	}
	f.Pathway = continued
	return from.mark == mark
}

// stamp writes a stamp behind a header that has stampRoom.
func (m origin) stamp(header []byte, parent datastreams.Pathway) {
	stamp := binary.LittleEndian.AppendUint64(header, stampMagic)
	stamp = binary.LittleEndian.AppendUint64(stamp, uint64(m.address))
	stamp = binary.LittleEndian.AppendUint64(stamp, uint64(m.mark))
	at := len(stamp)
	stamp = parent.AppendHeader(append(stamp, 0))
	stamp[at] = byte(len(stamp) - at - 1)
}

// stampOf reads the stamp behind a header.
func stampOf(header []byte) (from origin, continued []byte, ok bool) {
	if len(header) == 0 || len(header) > message.HeaderMax || cap(header) < len(header)+stampBytes {
		return origin{}, nil, false
	}
	stamp := header[len(header):cap(header)]
	if binary.LittleEndian.Uint64(stamp) != stampMagic {
		return origin{}, nil, false
	}
	from = origin{uintptr(binary.LittleEndian.Uint64(stamp[8:])), int64(binary.LittleEndian.Uint64(stamp[16:]))}
	end := stampBytes + int(stamp[stampBytes-1])
	if len(stamp) < end {
		return origin{}, nil, false
	}
	return from, stamp[stampBytes:end:end], true
}
