// Package native is the one place that calls the C library: include/datastreams.h, and nothing else.
//
// The library is linked in one of two ways. By default it is the static archive for the platform, which lies beside this
// file: put there by `make go-lib` in the repository, and part of the module in a release (it is in the directory of a
// Go package so that `go mod vendor` keeps it). With the build tag datastreams_dynamic it is libdatastreams.so, found by
// pkg-config. Without cgo, and on a platform that has no archive, there is no library, and
// every call answers [ErrUnavailable].
package native

import (
	"errors"
	"unsafe"
)

// HeaderMax is the number of bytes that every encoded pathway fits: DS_HEADER_MAX.
const HeaderMax = 36

// SizeUnknown is a payload size that is not recorded: DS_SIZE_UNKNOWN.
const SizeUnknown = ^uint64(0)

// Version is DS_VERSION: the version of this module, which a test compares with the header.
const Version = "0.1.0"

// ErrUnavailable says why nothing can be measured in this program.
var ErrUnavailable = errors.New("datastreams: built without cgo, or for a platform without a library, so nothing is measured; contexts and headers pass through")

// Pathway has the layout of ds_pathway, so that it crosses to C as it is.
type Pathway struct {
	Hash                uint64
	StartNs             int64
	EdgeStartNs         int64
	OppositeHash        uint64
	OppositeEdgeStartNs int64
	Direction           uint32
	reserved            [5]uint32
}

// Both differences are constants below zero, and so no array lengths, unless the size is 64.
var (
	_ [unsafe.Sizeof(Pathway{}) - 64]struct{}
	_ [64 - unsafe.Sizeof(Pathway{})]struct{}
)

// Header is what Produce writes: text, and its length or a [Status]. The layout is that of go_header in C.
type Header struct {
	Text [HeaderMax]byte
	Len  int32
}

// Edge is a ds_edge: an interned tag set, valid for its client. Zero is none.
type Edge uint64

// Status is a ds_status: 0, or an error below 0.
type Status int32

// The statuses that callers tell apart.
const (
	OK      Status = 0
	Invalid Status = -2
	Timeout Status = -6
)

// Delivery says who posts payloads.
type Delivery uint32

// Values of [Delivery].
const (
	DeliveryThread Delivery = 0 // a thread of the library
	DeliveryHost   Delivery = 2 // the caller: Poll, Take, Settle
)

// Config is what ds_config takes. Empty text and zero: the environment, then the default.
type Config struct {
	Service, Env, Version, PrimaryTag, Tags string
	AgentURL, APIKey, Site, Hostname        string
	DogstatsdURL, LanguageVersion           string
	MemoryLimit, RetryLimit                 uint64
	MaxEdges                                uint32
	Enabled                                 uint32
	Delivery                                Delivery
	Log                                     func(level int, line string)
}

// Payload is what is posted. Its memory belongs to C until it is settled.
type Payload struct {
	ID            uint64
	Path, Headers string // copies
	Body          []byte // a copy
}
