//go:build cgo && (datastreams_dynamic || (linux && amd64))

package native

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// number is a decimal string: JSON's own numbers would lose bits.
type number int64

func (n *number) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if unsigned, err := strconv.ParseUint(text, 10, 64); err == nil {
		*n = number(unsigned)
		return nil
	}
	signed, err := strconv.ParseInt(text, 10, 64)
	*n = number(signed)
	return err
}

type pathwayVector struct {
	Hash                number `json:"hash"`
	StartNs             number `json:"start_ns"`
	EdgeStartNs         number `json:"edge_start_ns"`
	OppositeHash        number `json:"opposite_hash"`
	OppositeEdgeStartNs number `json:"opposite_edge_start_ns"`
	Direction           number `json:"direction"`
}

func (v *pathwayVector) pathway() Pathway {
	if v == nil {
		return Pathway{}
	}
	return Pathway{
		Hash: uint64(v.Hash), StartNs: int64(v.StartNs), EdgeStartNs: int64(v.EdgeStartNs),
		OppositeHash: uint64(v.OppositeHash), OppositeEdgeStartNs: int64(v.OppositeEdgeStartNs), Direction: uint32(v.Direction),
	}
}

// load reads the vectors that all languages share.
func load(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("../../../../tests/vectors/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func client(t *testing.T, service, env, primaryTag string) *Client {
	t.Helper()
	made, err := New(Config{Service: service, Env: env, PrimaryTag: primaryTag, Delivery: DeliveryHost})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestHashVectors(t *testing.T) {
	var vectors struct {
		Pathway []struct {
			Origin, Service, Env string
			PrimaryTag           string `json:"primary_tag"`
			Tags                 []string
			Parent, Hash         number
		}
	}
	load(t, "hash", &vectors)
	checked := 0
	for _, v := range vectors.Pathway {
		if v.Service == "" || len(v.Tags) == 0 {
			continue // a client always has a service, and an edge tags
		}
		c := client(t, v.Service, v.Env, v.PrimaryTag)
		given := slices.Clone(v.Tags)
		edge, status := c.Intern("", v.Tags)
		if status != OK || !slices.Equal(given, v.Tags) {
			t.Fatalf("%s: status %d, tags %q", v.Origin, status, v.Tags)
		}
		parent := Pathway{Hash: uint64(v.Parent)}
		if parent.Hash != 0 {
			parent.StartNs, parent.EdgeStartNs = 1786000000000000000, 1786000000000000000
		}
		after := parent
		if c.Checkpoint(edge, SizeUnknown, &after); after.Hash != uint64(v.Hash) {
			t.Errorf("%s: hash %d is not %d", v.Origin, after.Hash, uint64(v.Hash))
		}
		checked++
	}
	if checked < 20 {
		t.Errorf("only %d vectors", checked)
	}
}

func TestHeaderVectors(t *testing.T) {
	var vectors struct {
		Encode []struct {
			pathwayVector
			Binary, Base64 string
		}
		Decode []struct {
			Bytes   string
			NowNs   number `json:"now_ns"`
			Pathway *pathwayVector
		}
	}
	load(t, "header", &vectors)
	for i, v := range vectors.Encode {
		pathway := v.pathway()
		var text, raw Header
		Encode(&pathway, false, &text)
		Encode(&pathway, true, &raw)
		if pathway.StartNs <= 0 { // no pathway, or one from before 1970, which is not sent
			v.Base64, v.Binary = "", ""
		}
		if string(text.Text[:text.Len]) != v.Base64 || hex.EncodeToString(raw.Text[:raw.Len]) != v.Binary {
			t.Errorf("encode %d: %q %x", i, text.Text[:text.Len], raw.Text[:raw.Len])
		}
	}
	for i, v := range vectors.Decode {
		data, err := hex.DecodeString(v.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		var got Pathway
		if ok := Decode(data, int64(v.NowNs), &got); ok != (v.Pathway != nil) || got != v.Pathway.pathway() {
			t.Errorf("decode %d: %v, %+v", i, ok, got)
		}
	}
	if len(vectors.Encode) < 5 || len(vectors.Decode) < 100 {
		t.Errorf("only %d and %d vectors", len(vectors.Encode), len(vectors.Decode))
	}
}

func TestMergeVectors(t *testing.T) {
	var vectors struct {
		Merge []struct {
			Name     string
			Pathways []*pathwayVector
			Result   *pathwayVector
		}
	}
	load(t, "rules", &vectors)
	for _, v := range vectors.Merge {
		var pathways []Pathway
		for _, p := range v.Pathways {
			pathways = append(pathways, p.pathway())
		}
		var merged Pathway
		if status := Merge(pathways, &merged); status != OK || merged != v.Result.pathway() {
			t.Errorf("%s: status %d, %+v", v.Name, status, merged)
		}
	}
	if len(vectors.Merge) < 5 {
		t.Errorf("only %d vectors", len(vectors.Merge))
	}
}

// The vectors' nodes are numbers; edges have tags. A tag with the number stands for each, so hashes are others, and are
// compared with the definition: FNV-1 over LE64(node), LE64(parent), the parent being that of the vector.
func TestRuleVectors(t *testing.T) {
	var vectors struct {
		Stories []struct {
			Name  string
			Steps []struct {
				Before, After *pathwayVector
				Node          string
				Direction     int
				NowNs         number `json:"now_ns"`
				QueuedNs      number `json:"queued_ns"`
				Parent        number
			}
		}
	}
	load(t, "rules", &vectors)
	c := client(t, "rules", "test", "")
	steps := 0
	for _, story := range vectors.Stories {
		hashes := map[uint64]uint64{0: 0} // of the vectors, to those here
		known := func(v *pathwayVector) Pathway {
			p := v.pathway()
			for _, hash := range []*uint64{&p.Hash, &p.OppositeHash} {
				if _, ok := hashes[*hash]; !ok {
					hashes[*hash] = *hash // from a header: opaque
				}
				*hash = hashes[*hash]
			}
			return p
		}
		for i, step := range story.Steps {
			tags := []string{"node:" + step.Node}
			switch step.Direction {
			case 1:
				tags = append(tags, "direction:in")
			case 2:
				tags = append(tags, "direction:out")
			}
			before := known(step.Before)
			edge, status := c.Intern("", tags)
			if status != OK {
				t.Fatalf("%s: status %d", story.Name, status)
			}
			if _, ok := hashes[uint64(step.Parent)]; !ok {
				t.Fatalf("%s, step %d: an unknown parent", story.Name, i)
			}
			hashes[uint64(step.After.Hash)] = pathwayHash(nodeHash("rules", "test", tags), hashes[uint64(step.Parent)])
			want := known(step.After)
			after := before
			status = c.CheckpointAt(edge, SizeUnknown, int64(step.NowNs), int64(step.QueuedNs), nil, &after)
			if status != OK || after != want {
				t.Errorf("%s, step %d: status %d\n got %+v\nwant %+v", story.Name, i, status, after, want)
			}
			steps++
		}
	}
	if steps < 30 {
		t.Errorf("only %d steps", steps)
	}
}

func nodeHash(service, env string, tags []string) uint64 {
	hash := fnv.New64()
	hash.Write([]byte(service + env + strings.Join(slices.Sorted(slices.Values(tags)), "")))
	return hash.Sum64()
}

func pathwayHash(node, parent uint64) uint64 {
	hash := fnv.New64()
	hash.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, node), parent))
	return hash.Sum64()
}
