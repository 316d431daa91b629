package datastreams

import (
	"errors"
	"unsafe"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
)

const (
	// PropagationKey is the message header that data-streams-go wrote: the binary form of [Pathway.Encode].
	PropagationKey = "dd-pathway-ctx"
	// PropagationKeyBase64 is the message header that carries a pathway: the text of [Pathway.EncodeStr].
	PropagationKeyBase64 = "dd-pathway-ctx-base64"
)

// ErrHeader is what [Decode] and [DecodeStr] answer to a header that cannot be read, or whose times lie more than 31 days
// back or 60 s ahead.
var ErrHeader = errors.New("datastreams: the header is no pathway, from the future, or too old")

// Encode returns the binary form of the pathway, for [PropagationKey]: nil when there is none. Times become milliseconds.
func (p Pathway) Encode() []byte {
	var header native.Header
	native.Encode(&p.native, true, &header)
	if header.Len == 0 {
		return nil
	}
	return append(make([]byte, 0, header.Len), header.Text[:header.Len]...)
}

// EncodeStr returns the text form of the pathway, for [PropagationKeyBase64]: "" when there is none.
func (p Pathway) EncodeStr() string {
	var header native.Header
	native.Encode(&p.native, false, &header)
	return string(header.Text[:header.Len])
}

// AppendHeader appends the text form of the pathway to header: nothing when there is none.
func (p Pathway) AppendHeader(header []byte) []byte {
	var text native.Header
	native.Encode(&p.native, false, &text)
	return append(header, text.Text[:text.Len]...)
}

// Decode reads a pathway from a header in any form that is on the wire, whichever key it came under. The error is
// [ErrHeader].
func Decode(data []byte) (Pathway, error) {
	var p Pathway
	if !native.Decode(data, 0, &p.native) {
		return Pathway{}, ErrHeader
	}
	return p, nil
}

// DecodeStr is [Decode] of text.
func DecodeStr(str string) (Pathway, error) {
	return Decode(bytesOf(str))
}

// bytesOf returns the bytes of text that is only read.
func bytesOf(text string) []byte {
	return unsafe.Slice(unsafe.StringData(text), len(text))
}

func merge(pathways []Pathway, merged *Pathway) {
	// A Pathway is a native.Pathway and nothing else.
	native.Merge(unsafe.Slice((*native.Pathway)(unsafe.Pointer(&pathways[0])), len(pathways)), &merged.native)
}
