package kafka

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"unsafe"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// bytePair stands for sarama's own type.
type bytePair struct {
	Key   []byte
	Value []byte
}

func ours(value []byte) bytePair {
	return bytePair{[]byte(datastreams.PropagationKeyBase64), value}
}

func legacy(value []byte) bytePair { return bytePair{[]byte(datastreams.PropagationKey), value} }

// text is the header of a pathway that passes through, as nothing is started here.
func text(hash byte) ([]byte, datastreams.Pathway) {
	pathway, err := datastreams.Decode(carriedNow(hash))
	if err != nil {
		panic(err)
	}
	return pathway.AppendHeader(nil), pathway
}

func TestPairs(t *testing.T) {
	header, _ := text(1)
	shared := make([]bytePair, 3, 8)
	shared[0], shared[1], shared[2] = ours([]byte("?")), bytePair{[]byte("own"), []byte("12")}, legacy(header)
	found := FindPairs(shared)
	if !bytes.Equal(found.Pathway, header) || found.Ours != 2 || found.Count != 3 || found.Others != 5 || !found.Legacy {
		t.Errorf("%+v", found)
	}
	replaced := ReplacePairs(shared, []byte("a"), []byte("b"))
	if len(replaced) != 3 || string(replaced[0].Key) != "own" || string(replaced[1].Value) != "a" || string(replaced[2].Value) != "b" {
		t.Errorf("%q", replaced)
	}
	if string(shared[0].Value) != "?" || shared[:4][3].Key != nil {
		t.Errorf("the caller's list became %q", shared[:4])
	}
	pointers := []*bytePair{nil, &shared[0], &shared[1]}
	if found := FindPairPointers(pointers); found.Ours != 1 || found.Count != 2 || string(found.Pathway) != "?" {
		t.Errorf("%+v", found)
	}
	if after := ReplacePairPointers(pointers, []byte("a"), nil); len(after) != 3 || after[0] != nil || after[1] != &shared[1] || string(after[2].Value) != "a" || pointers[1] != &shared[0] {
		t.Errorf("%v", after)
	}
}

// The parent is that of the context, else that of the message, and a header is replaced or taken out, never left.
func TestProduce(t *testing.T) {
	inMessage, _ := text(1)
	ofContext, pathway := text(2)
	with := datastreams.ContextWithPathway(context.Background(), pathway)
	carries := []bytePair{ours(inMessage)}
	for _, test := range []struct {
		name    string
		ctx     context.Context
		headers []bytePair
		limit   int64
		off     bool
		header  []byte
		replace bool
	}{
		{name: "nothing", ctx: context.Background()},
		{name: "no context", ctx: nil},
		{name: "message", ctx: context.Background(), headers: carries, header: inMessage, replace: true},
		{name: "context", ctx: with, header: ofContext, replace: true},
		{name: "both", ctx: with, headers: carries, header: ofContext, replace: true},
		{name: "room", ctx: with, headers: carries, limit: int64(10 + HeaderBytes + messageOverhead), header: ofContext, replace: true},
		{name: "no room", ctx: with, headers: carries, limit: int64(9 + HeaderBytes + messageOverhead), replace: true},
		{name: "no room, no header", ctx: with, limit: 1},
		{name: "off", ctx: with, headers: carries, off: true, replace: true},
		{name: "off, no header", ctx: with, off: true},
	} {
		var producer Producer
		if test.off {
			producer.Headers.Disable()
		}
		found := FindPairs(test.headers)
		out := producer.Produce(test.ctx, "orders", &found, 10, test.limit)
		if !bytes.Equal(out.Header, test.header) || out.Replace != test.replace || out.Legacy != nil {
			t.Errorf("%s: %+v", test.name, out)
		}
	}
	legacyToo := Producer{Legacy: true}
	found := FindPairs(carries)
	if out := legacyToo.Produce(with, "orders", &found, 10, 0); !bytes.Equal(out.Legacy, pathway.Encode()) {
		t.Errorf("%+v", out)
	}
}

// Only a message whose every header is ours is refused because of ours.
func TestFailed(t *testing.T) {
	for want, headers := range map[bool][]bytePair{true: {{[]byte("own"), nil}, ours(nil)}, false: {ours(nil), legacy(nil)}} {
		var producer Producer
		found := FindPairs(headers)
		producer.Failed("orders", &found, errors.New("unknown"))
		if producer.Headers.On() != want {
			t.Errorf("%q: headers are on: %v", headers, !want)
		}
	}
}

// A message that is sent again continues what it did at first; one that was sent with this mark is known.
func TestStamp(t *testing.T) {
	header, parent := text(3)
	var producer Producer
	send := func(msg *[]bytePair, mark int64, ctx context.Context) (sent bool, continued []byte) {
		found := FindPairs(*msg)
		sent = found.In(uintptr(unsafe.Pointer(msg)), mark)
		continued = slices.Clone(found.Pathway)
		out := producer.Produce(ctx, "orders", &found, 0, 0)
		*msg = ReplacePairs(*msg, out.Header, out.Legacy)
		return sent, continued
	}
	for _, first := range []struct {
		headers []bytePair
		ctx     context.Context
	}{
		{[]bytePair{ours(header)}, context.Background()},
		{nil, datastreams.ContextWithPathway(context.Background(), parent)},
	} {
		msg := &first.headers
		if sent, _ := send(msg, 7, first.ctx); sent {
			t.Error("a message is known before it was sent")
		}
		if sent, continued := send(msg, 7, context.Background()); !sent || !bytes.Equal(continued, header) {
			t.Errorf("again: %v, %q", sent, continued)
		}
		if sent, continued := send(msg, 8, context.Background()); sent || !bytes.Equal(continued, header) {
			t.Errorf("with another mark: %v, %q", sent, continued)
		}
		other := slices.Clone(*msg) // another message, with the headers of the first
		if sent, _ := send(&other, 8, context.Background()); sent {
			t.Error("another message is known")
		}
	}
}

// What lies behind other headers is no stamp, whatever it is.
func TestNoStamp(t *testing.T) {
	for _, header := range [][]byte{nil, []byte("x"), make([]byte, 36, 200), append(make([]byte, 20, 200), bytes.Repeat([]byte{0xff}, 100)...)[:20]} {
		if _, _, ok := stampOf(header); ok {
			t.Errorf("%q", header)
		}
	}
	out := make([]byte, 10, message.HeaderMax+stampBytes)
	origin{address: 1}.stamp(out, datastreams.Pathway{})
	from, continued, ok := stampOf(out)
	if !ok || from.address != 1 || len(continued) != 0 {
		t.Error(from, continued, ok)
	}
	out[:cap(out)][10+stampBytes-1] = 200 // more than there is
	if _, _, ok := stampOf(out); ok {
		t.Error("a stamp with more behind it than there is room for")
	}
}
