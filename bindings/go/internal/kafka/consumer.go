package kafka

import (
	"time"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// Consume sets the checkpoint of a message that was received, and returns its pathway. size is that of its key and value.
// queued is the message's timestamp: a pathway that begins here began then. The zero time, and those before 1970, are
// unknown.
func Consume(cluster, group, topic string, found *Found, size int64, queued time.Time) datastreams.Pathway {
	return In(cluster, group, topic).ConsumeQueued(found.Pathway(), size+found.Bytes, queued)
}
