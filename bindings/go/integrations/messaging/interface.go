// Package messaging sets the checkpoints of Kafka messages for clients that have no integration of their own: describe a
// message by an interface, and call [TraceKafkaProduce] before it is sent, [TraceKafkaConsume] after it was received.
//
// Names, signatures and meaning are those of data-streams-go's package of this name. Where a message can do more than these
// interfaces ask for, more comes of it: see [HeaderSetter], [HeaderGetter] and [Timestamper].
package messaging

import "time"

// PartitionAny is the partition of a message for which none is chosen.
const PartitionAny int32 = -1

// Header is a message header. A nil Value is a header without one.
type Header struct {
	Key   string
	Value []byte
}

// ProducerMessage is a message that will be sent.
type ProducerMessage interface {
	// GetTopic returns the topic, or nil.
	GetTopic() *string
	// GetPartition returns the partition, or [PartitionAny].
	GetPartition() int32
	// AppendToHeaders adds headers.
	AppendToHeaders(...Header)
	// GetSize returns the bytes of key, value and headers; below zero when that is not known.
	GetSize() int64
}

// ConsumerMessage is a message that was received.
type ConsumerMessage interface {
	// GetTopic returns the topic, or nil.
	GetTopic() *string
	// GetPartition returns the partition.
	GetPartition() int32
	// GetHeaders returns the headers.
	GetHeaders() []Header
	// GetSize returns the bytes of key, value and headers; below zero when that is not known.
	GetSize() int64
}

// HeaderSetter is what a [ProducerMessage] may implement as well. Without it a pathway that the message already carries, as
// when a received message is sent on, stays in front of the new one: readers take the last, data-streams-go takes the first.
type HeaderSetter interface {
	// SetHeader sets the value of a header, in place of all values it has.
	SetHeader(Header)
}

// HeaderGetter is what a [ProducerMessage] may implement as well, so that the pathway that it already carries is not part of
// its size.
type HeaderGetter interface {
	GetHeaders() []Header
}

// Timestamper is what a [ConsumerMessage] may implement as well, so that the time in the queue is known even where the
// producer does not take part.
type Timestamper interface {
	// GetTimestamp returns when the message was sent, or the zero time.
	GetTimestamp() time.Time
}
