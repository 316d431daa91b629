package datastreams

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
)

const (
	// cacheSlots bounds the tag sets that are remembered: a power of two.
	cacheSlots = 4096
	// cacheProbes is how many slots are tried. A tag set that finds none free takes one from another.
	cacheProbes = 8
	// cacheText bounds the text of a tag set that is remembered, in bytes, so that the cache is bounded in bytes too. The
	// library looks up what is longer for each message.
	cacheText = 4096
)

// edgeCache finds the edge of a tag set by its content, without locks and without allocating. It is bounded: what falls out
// of it is interned again, which finds the same edge.
type edgeCache struct {
	seed  uint64
	slots [cacheSlots]atomic.Pointer[cachedEdge]
	turn  atomic.Uint32
}

// cachedEdge is never changed.
type cachedEdge struct {
	hash    uint64
	service string
	tags    []string
	edge    native.Edge
}

// hash depends on where a tag ends: "ab", "c" is another set than "a", "bc". Eight bytes at a time, each mixed by a
// multiplication (as wyhash does), and seeded: hash/maphash takes three times as long for texts as short as tags.
func (c *edgeCache) hash(service string, tags []string) uint64 {
	hash := mixText(c.seed^uint64(len(tags)), service)
	for _, tag := range tags {
		hash = mixText(hash, tag)
	}
	return hash ^ hash>>32
}

func mixText(hash uint64, text string) uint64 {
	const odd, last = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	bytes := bytesOf(text)
	hash ^= uint64(len(bytes)) * odd
	// The end is read together with bytes before it, where there are any: one load, and no loop over what is left.
	var rest uint64
	switch n := len(bytes); {
	case n >= 8:
		rest = binary.LittleEndian.Uint64(bytes[n-8:])
		for ; len(bytes) > 8; bytes = bytes[8:] {
			hash = mix(hash^binary.LittleEndian.Uint64(bytes), odd)
		}
	case n >= 4:
		rest = uint64(binary.LittleEndian.Uint32(bytes))<<32 | uint64(binary.LittleEndian.Uint32(bytes[n-4:]))
	default:
		for i, b := range bytes {
			rest |= uint64(b) << (8 * i)
		}
	}
	return mix(hash^rest, last)
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// find returns the edge of a tag set, in the order it was given in, and whether it is there.
func (c *edgeCache) find(hash uint64, service string, tags []string) (native.Edge, bool) {
	for i := range uint64(cacheProbes) {
		known := c.slots[(hash+i)%cacheSlots].Load()
		if known == nil {
			break
		}
		if known.hash == hash && known.service == service && slices.Equal(known.tags, tags) {
			return known.edge, true
		}
	}
	return 0, false
}

// add remembers a tag set. The texts are copied: they may be parts of larger ones.
func (c *edgeCache) add(hash uint64, service string, tags []string, edge native.Edge) {
	text := len(service)
	for _, tag := range tags {
		text += len(tag)
	}
	if text > cacheText {
		return
	}
	added := &cachedEdge{hash: hash, service: strings.Clone(service), tags: make([]string, len(tags)), edge: edge}
	for i, tag := range tags {
		added.tags[i] = strings.Clone(tag)
	}
	for i := range uint64(cacheProbes) {
		if c.slots[(hash+i)%cacheSlots].CompareAndSwap(nil, added) {
			return
		}
	}
	c.slots[(hash+uint64(c.turn.Add(1))%cacheProbes)%cacheSlots].Store(added)
}
