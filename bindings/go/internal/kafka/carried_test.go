package kafka

import (
	"context"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// clientHeader stands for a client's own type.
type clientHeader struct {
	Key   string
	Value []byte
}

// carriedNow is the binary form of a pathway from now.
func carriedNow(hash byte) []byte {
	ms := uint64(time.Now().UnixMilli()) << 1
	var varint []byte
	for ; ms >= 0x80; ms >>= 7 {
		varint = append(varint, byte(ms)|0x80)
	}
	varint = append(varint, byte(ms))
	return slices.Concat([]byte{hash, 0, 0, 0, 0, 0, 0, 0}, varint, varint)
}

func TestFind(t *testing.T) {
	raw := carriedNow(1)
	text := []byte(base64.StdEncoding.EncodeToString(raw))
	for _, test := range []struct {
		name    string
		headers []clientHeader
		want    []byte
		others  int64
		ours    int
	}{
		{"none", nil, nil, 0, 0},
		{"others", []clientHeader{{"key", []byte("value")}, {"null", nil}}, nil, 12, 0},
		{"the last", []clientHeader{{datastreams.PropagationKeyBase64, []byte("x")}, {datastreams.PropagationKeyBase64, text}}, text, 0, 2},
		{"legacy", []clientHeader{{"k", nil}, {datastreams.PropagationKey, raw}}, raw, 1, 1},
		{"both", []clientHeader{{datastreams.PropagationKeyBase64, text}, {datastreams.PropagationKey, raw}}, text, 0, 2},
		{"unreadable and legacy", []clientHeader{{datastreams.PropagationKeyBase64, []byte("?")}, {datastreams.PropagationKey, raw}}, raw, 0, 2},
		{"both unreadable", []clientHeader{{datastreams.PropagationKeyBase64, []byte("?")}, {datastreams.PropagationKey, []byte("!")}}, []byte("?"), 0, 2},
		{"null", []clientHeader{{datastreams.PropagationKeyBase64, nil}}, nil, 0, 1},
	} {
		found := Find(test.headers)
		if !slices.Equal(found.Pathway, test.want) || found.Others != test.others || found.Ours != test.ours {
			t.Errorf("%s: %+v", test.name, found)
		}
	}
}

func TestReplaceLeavesTheCallersListAlone(t *testing.T) {
	shared := make([]clientHeader, 2, 8)
	shared[0] = clientHeader{datastreams.PropagationKeyBase64, []byte("old")}
	shared[1] = clientHeader{"k", []byte("v")}
	first := Replace(shared, []byte("a"), nil)
	second := Replace(shared, []byte("b"), []byte("c"))
	if len(first) != 2 || string(first[1].Value) != "a" || first[0].Key != "k" {
		t.Errorf("the first has %v", first)
	}
	if len(second) != 3 || string(second[1].Value) != "b" || second[2].Key != datastreams.PropagationKey {
		t.Errorf("the second has %v", second)
	}
	if string(shared[0].Value) != "old" || shared[:3][2].Key != "" {
		t.Errorf("the caller's list became %v", shared[:3])
	}
}

func TestNothingStartedChangesNothing(t *testing.T) {
	headers := []clientHeader{{"k", nil}}
	ctx, after := ProduceContext(context.Background(), "orders", 3, headers)
	if ctx != context.Background() || len(after) != 1 {
		t.Errorf("%v %v", ctx, after)
	}
}

func TestTagsOfAQueue(t *testing.T) {
	for _, test := range []struct {
		edge *datastreams.Edge
		want []string
	}{
		{Out("", "orders"), []string{"direction:out", "topic:orders", "type:kafka"}},
		{Out("", ""), []string{"direction:out", "type:kafka"}},
		{Out("c", "orders"), []string{"direction:out", "kafka_cluster_id:c", "topic:orders", "type:kafka"}},
		{In("c", "g", "orders"), []string{"direction:in", "group:g", "kafka_cluster_id:c", "topic:orders", "type:kafka"}},
		{In("", "", "orders"), []string{"direction:in", "topic:orders", "type:kafka"}},
	} {
		got := test.edge.Tags()
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%v, not %v", got, test.want)
		}
	}
	if first, second := Out("", "orders"), Out("", "orders"); first != second {
		t.Error("an edge is made twice")
	}
}
