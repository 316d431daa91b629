//go:build cgo

package datastreams

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
)

func TestTagsAreFoundByContent(t *testing.T) {
	c := &edgeCache{seed: rand.Uint64()}
	sets := [][]string{
		{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {"c", "ab"}, {"a,b"}, {"a", "b"}, {"b", "a"},
	}
	for i, tags := range sets {
		for j, service := range []string{"", "s", "a"} {
			hash := c.hash(service, tags)
			if edge, ok := c.find(hash, service, tags); ok {
				t.Errorf("%q of %q is there already: %d", tags, service, edge)
			}
			c.add(hash, service, tags, native.Edge(10*i+j+1))
		}
	}
	for i, tags := range sets {
		for j, service := range []string{"", "s", "a"} {
			if edge, ok := c.find(c.hash(service, tags), service, slices.Clone(tags)); !ok || edge != native.Edge(10*i+j+1) {
				t.Errorf("%q of %q: %d, %v", tags, service, edge, ok)
			}
		}
	}
}

// Texts that differ in any one byte have other hashes, also in the bits that choose a slot.
func TestHashesSpread(t *testing.T) {
	c := &edgeCache{seed: rand.Uint64()}
	for _, length := range []int{1, 7, 8, 9, 15, 16, 17, 40} {
		seen, slots := map[uint64]bool{}, map[uint64]int{}
		text := make([]byte, length)
		for at := range text {
			for value := range 256 {
				text[at] = byte(value)
				hash := c.hash("", []string{"direction:in", string(text), "type:kafka"})
				if seen[hash] && value != 0 {
					t.Fatalf("%d bytes: two texts with one hash", length)
				}
				seen[hash] = true
				slots[hash%cacheSlots]++
			}
			text[at] = 0
		}
		for slot, n := range slots {
			if n > length*256/cacheSlots+16+length { // the text of zeros comes once for each byte
				t.Errorf("%d bytes: %d texts in slot %d", length, n, slot)
			}
		}
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	start(t)
	c := current.Load()
	one := c.edge("", []string{"topic:1", "direction:in"})
	for i := range 5 * cacheSlots {
		tags := []string{fmt.Sprintf("topic:%d", i), "direction:in"}
		if edge := c.edge("", tags); edge == 0 {
			t.Fatal("no edge")
		}
		hash := c.edges.hash("", tags)
		if _, ok := c.edges.find(hash, "", tags); !ok {
			t.Fatalf("%q was not remembered", tags)
		}
	}
	if again := c.edge("", []string{"topic:1", "direction:in"}); again != one {
		t.Errorf("another edge for the same tags: %d, %d", one, again)
	}
	if counters := Counters(); counters["edges"] > 4096+2 || counters["cut_edges"] == 0 {
		t.Errorf("%d edges, %d cut", counters["edges"], counters["cut_edges"])
	}
}

// Tags of 16 KiB are an edge; thousands of them must not stay in memory.
func TestTheCacheIsBoundedInBytes(t *testing.T) {
	start(t)
	long := strings.Repeat("x", 10_000)
	for i := range 200 {
		NewPathway(fmt.Sprint(i), long)
		TrackKafkaProduce(fmt.Sprint(i, long), 0, 1)
	}
	c, kept := current.Load(), 0
	for _, cache := range []*edgeCache{&c.edges, &c.backlogs} {
		for i := range cache.slots {
			if known := cache.slots[i].Load(); known != nil {
				kept += len(known.service)
				for _, tag := range known.tags {
					kept += len(tag)
				}
			}
		}
	}
	if kept > 1<<20 || Counters()["checkpoints"] != 200 || Counters()["offsets"] != 200 {
		t.Errorf("%d bytes are kept, %v", kept, Counters())
	}
}

// Tags keep nothing alive but their own text.
func TestTagsAreCopied(t *testing.T) {
	start(t)
	large := strings.Repeat("x", 1<<20) + "topic:orders"
	tags := []string{large[1<<20:]}
	NewPathway(tags...)
	for i := range current.Load().edges.slots {
		if known := current.Load().edges.slots[i].Load(); known != nil && unsafe.StringData(known.tags[0]) == unsafe.StringData(tags[0]) {
			t.Error("the caller's memory is kept")
		}
	}
	if tags[0] != "topic:orders" {
		t.Errorf("%q", tags)
	}
}

func TestTheCallersTagsStayAsTheyAre(t *testing.T) {
	start(t)
	shared := []string{"type:kafka", "topic:orders", "direction:out", "partition:3"}
	given := slices.Clone(shared)
	edge := NewEdge(shared...)
	var wait sync.WaitGroup
	for range 4 { // with -race: nobody writes to them
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 1000 {
				if NewPathway(shared...).GetHash() != edge.Checkpoint(Pathway{}, 1).GetHash() {
					t.Error("two hashes for one edge")
					return
				}
			}
		}()
	}
	wait.Wait()
	if !slices.Equal(shared, given) {
		t.Errorf("%q", shared)
	}
	slices.Reverse(shared)
	if NewPathway(shared...).GetHash() != edge.Checkpoint(Pathway{}, 1).GetHash() {
		t.Error("the order of tags matters")
	}
}
