package datastreams

import (
	"hash/maphash"
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
	seed  maphash.Seed
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

// hash depends on where a tag ends: "ab", "c" is another set than "a", "bc".
func (c *edgeCache) hash(service string, tags []string) uint64 {
	const odd = 0x9e3779b97f4a7c15
	hash := uint64(len(tags))
	if service != "" {
		hash ^= maphash.String(c.seed, service)
	}
	for _, tag := range tags {
		hash = (hash<<5 | hash>>59) * odd
		hash ^= maphash.String(c.seed, tag)
	}
	return hash ^ hash>>32
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
