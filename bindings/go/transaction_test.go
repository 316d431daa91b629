//go:build cgo

package datastreams

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"
)

// A record holds its time as eight bytes, highest first, and then the length of its id and the id.
func TestTransactionsHaveTheirTime(t *testing.T) {
	a := start(t)
	when := time.Now().Add(-time.Minute)
	before := time.Now().UnixNano()
	TrackTransactionAt("order-1", "ingested", when)
	TrackDataStreamsTransactionAt(context.Background(), "order-2", "booked", when.Add(time.Second))
	TrackTransaction("order-3", "booked")
	after := time.Now().UnixNano()
	Stop()
	if len(a.payloads()) != 1 {
		t.Fatalf("%d payloads", len(a.payloads()))
	}
	record := func(ns int64, id string) []byte {
		return append(binary.BigEndian.AppendUint64(nil, uint64(ns)), append([]byte{byte(len(id))}, id...)...)
	}
	for id, at := range map[string]time.Time{"order-1": when, "order-2": when.Add(time.Second)} {
		if !bytes.Contains(a.payloads()[0], record(at.UnixNano(), id)) {
			t.Errorf("no record of %s at %v", id, at)
		}
	}
	_, rest, ok := bytes.Cut(a.payloads()[0], record(when.Add(time.Second).UnixNano(), "order-2"))
	if !ok || len(rest) < 9 {
		t.Fatal("no record of order-3")
	}
	if ns := int64(binary.BigEndian.Uint64(rest[1:9])); ns < before || ns > after {
		t.Errorf("order-3 is at %d, not now", ns)
	}
}
