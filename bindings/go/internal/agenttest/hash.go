package agenttest

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
)

// Hash computes the hash after an edge as docs/protocol.md has it, by itself: a test compares the library with it. parent
// is the hash before, 0 at an origin.
func Hash(service, env string, parent uint64, tags ...string) uint64 {
	sorted := slices.Clone(tags)
	slices.Sort(sorted)
	node := fnv.New64()
	for _, text := range append([]string{service, env}, sorted...) {
		node.Write([]byte(text))
	}
	after := fnv.New64()
	after.Write(binary.LittleEndian.AppendUint64(nil, node.Sum64()))
	after.Write(binary.LittleEndian.AppendUint64(nil, parent))
	return after.Sum64()
}
