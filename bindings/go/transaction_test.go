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
	TrackDataStreamsTransaction(context.Background(), "order-3", "booked")
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

// Nanoseconds wrap: the year 2600 would be 2015, and 1970 would be now.
func TestTransactionsOutOfTime(t *testing.T) {
	a := start(t)
	for i, year := range []int{-5000, 1, 1400, 1677, 1969, 1970, 2263, 2600, 3000, 99999} {
		when := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		TrackTransactionAt("order", "booked", when.Add(time.Duration(year%2))) // the first of the year 1 is the zero time
		if got := Counters()["invalid_arguments"]; got != uint64(i+1) {
			t.Fatalf("%d: %d were counted, not %d", year, got, i+1)
		}
	}
	Stop()
	if n := len(a.payloads()); n != 0 {
		t.Errorf("%d payloads", n)
	}
}
