package datastreams

import "time"

// TrackTransaction reports that the transaction with this id passes the named checkpoint now: a single message that is
// followed by an id of its own. Both take 1 to 255 bytes.
func TrackTransaction(id, checkpoint string) {
	TrackTransactionAt(id, checkpoint, time.Time{})
}

// TrackTransactionAt is [TrackTransaction] at a time. The zero time is now; one before 1970, or beyond
// what 64 bits of nanoseconds hold (the year 2262), is refused and counted.
func TrackTransactionAt(id, checkpoint string, when time.Time) {
	c := current.Load()
	if c == nil {
		return
	}
	var ns int64
	if !when.IsZero() {
		ns = since1970(when)
	}
	c.native.TrackTransaction(id, checkpoint, ns)
}
