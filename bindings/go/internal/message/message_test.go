package message_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// Each edge is made once, until there are too many: then it is still the right one.
func TestEdges(t *testing.T) {
	made := 0
	edges := message.Edges[int]{Tags: func(n int) []string { made++; return []string{"topic:" + strconv.Itoa(n)} }}
	const most = 4096
	for n := range most {
		if first, second := edges.Of(n), edges.Of(n); first != second {
			t.Fatalf("edge %d is made twice", n)
		}
	}
	if made != most {
		t.Errorf("%d were made, not %d", made, most)
	}
	if first, second := edges.Of(most), edges.Of(most); first == second || !slices.Equal(first.Tags(), []string{"topic:4096"}) {
		t.Errorf("%v is remembered", first.Tags())
	}
}

// pathway is one as a tracer wrote it now: nothing is started here.
func pathway(t *testing.T, hash byte) datastreams.Pathway {
	t.Helper()
	binary := append([]byte{hash}, make([]byte, 7)...)
	for range 2 {
		for ms := uint64(time.Now().UnixMilli()) << 1; ; ms >>= 7 {
			if ms < 0x80 {
				binary = append(binary, byte(ms))
				break
			}
			binary = append(binary, byte(ms)|0x80)
		}
	}
	p, err := datastreams.Decode(binary)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParent(t *testing.T) {
	ofContext, ofMessage, none := pathway(t, 1), pathway(t, 2), context.Background()
	with := datastreams.ContextWithPathway(none, ofContext)
	header := ofMessage.AppendHeader(nil)
	for _, test := range []struct {
		ctx    context.Context
		header []byte
		want   uint64
	}{{none, nil, 0}, {none, header, 2}, {none, []byte("?"), 0}, {with, nil, 1}, {with, header, 1}} {
		if got := message.Parent(test.ctx, test.header).GetHash(); got != test.want {
			t.Errorf("%q: %d, not %d", test.header, got, test.want)
		}
	}
}

func TestReceived(t *testing.T) {
	good, other := string(pathway(t, 1).AppendHeader(nil)), string(pathway(t, 2).Encode())
	for _, test := range []struct{ header, legacy, want string }{
		{"", "", ""}, {good, "", good}, {"", other, other}, {good, other, good}, {"?", other, other}, {"?", "!", "?"}, {"?", "", "?"},
	} {
		if got := message.Received([]byte(test.header), []byte(test.legacy)); string(got) != test.want {
			t.Errorf("%q and %q: %q, not %q", test.header, test.legacy, got, test.want)
		}
	}
}

// What travels without a pathway is counted each time, and told once.
func TestSkipped(t *testing.T) {
	agent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer agent.Close()
	var mutex sync.Mutex
	var lines []string
	datastreams.Start(datastreams.WithAgentAddr(agent.URL), datastreams.WithLogger(func(line string) {
		mutex.Lock()
		defer mutex.Unlock()
		lines = append(lines, line)
	}))
	before := integrations.Counts()["test_too_large"] // of the process
	for range 3 {
		message.Skipped("test_too_large")
	}
	err := datastreams.Err()
	datastreams.Stop()
	told := 0
	for _, line := range lines {
		if strings.Contains(line, "test_too_large") {
			told++
		}
	}
	if told != 1 || err == nil || integrations.Counts()["test_too_large"]-before != 3 {
		t.Errorf("%q, %v, %v", lines, err, integrations.Counts())
	}
}
