package agenttest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/pb/sketchpb"
	"google.golang.org/protobuf/proto"
)

// Sketch is what is left of a distribution when only its bins are known: sums and extremes are a percent off at most.
type Sketch struct {
	Count    float64
	Sum      float64
	Min, Max float64
}

// Edge is what was reported of one (edge, parent, hash), over all payloads.
type Edge struct {
	Service, Env     string
	Tags             string // sorted, joined by commas
	Parent, Hash     uint64
	Current, Origin  float64 // messages, by the time of the checkpoint and of the pathway's start
	Pathway, Latency Sketch  // in seconds, of the current points
	Size             Sketch  // in bytes, of the current points
}

func (e Edge) String() string {
	return fmt.Sprintf("%s [%s] %d -> %d: %g messages, %g bytes", e.Service, e.Tags, e.Parent, e.Hash, e.Current, e.Size.Sum)
}

type edgeKey struct {
	service, tags string
	parent, hash  uint64
}

// Tags joins tags as [Edge] has them.
func Tags(tags ...string) string {
	sorted := slices.Clone(tags)
	slices.Sort(sorted)
	return strings.Join(sorted, ",")
}

func (e *Edge) add(p *point) error {
	switch p.TimestampType {
	case "origin":
		var all Sketch
		if err := all.add(p.PathwayLatency); err != nil {
			return err
		}
		e.Origin += all.Count
		return nil
	case "current":
	default:
		return fmt.Errorf("a point has the timestamp type %q", p.TimestampType)
	}
	before := e.Latency.Count
	for _, one := range []struct {
		to    *Sketch
		bytes []byte
	}{{&e.Pathway, p.PathwayLatency}, {&e.Latency, p.EdgeLatency}, {&e.Size, p.PayloadSize}} {
		if err := one.to.add(one.bytes); err != nil {
			return err
		}
	}
	e.Current += e.Latency.Count - before
	return nil
}

// add merges a sketch as the wire has it.
func (s *Sketch) add(wire []byte) error {
	if len(wire) == 0 {
		return nil
	}
	var raw sketchpb.DDSketch
	if err := proto.Unmarshal(wire, &raw); err != nil {
		return err
	}
	sketch, err := ddsketch.FromProto(&raw)
	if err != nil {
		return err
	}
	sketch.ForEach(func(value, count float64) bool {
		if s.Count == 0 {
			s.Min, s.Max = math.Inf(1), math.Inf(-1)
		}
		s.Count += count
		s.Sum += value * count
		s.Min, s.Max = min(s.Min, value), max(s.Max, value)
		return false
	})
	return nil
}
