package datastreams

import (
	"context"
	"time"
)

// The names that dd-trace-go has for the same things, so that services move by changing imports. MIGRATION.md has the
// list.

// SetDataStreamsCheckpoint is [SetCheckpoint] as dd-trace-go's tracer has it: ok tells whether anything is measured.
func SetDataStreamsCheckpoint(ctx context.Context, edgeTags ...string) (outCtx context.Context, ok bool) {
	return SetDataStreamsCheckpointWithParams(ctx, CheckpointParams{}, edgeTags...)
}

// SetDataStreamsCheckpointWithParams is [SetCheckpointWithParams] as dd-trace-go's tracer has it: ok tells whether anything
// is measured.
func SetDataStreamsCheckpointWithParams(ctx context.Context, params CheckpointParams, edgeTags ...string) (outCtx context.Context, ok bool) {
	c := current.Load()
	if c == nil {
		return ctx, false
	}
	_, outCtx = SetCheckpointWithParams(ctx, params, edgeTags...)
	return outCtx, c.off == nil && !c.stopped.Load()
}

// TrackKafkaProduceOffset is [TrackKafkaProduce].
func TrackKafkaProduceOffset(topic string, partition int32, offset int64) {
	TrackKafkaProduce(topic, partition, offset)
}

// TrackDataStreamsTransaction is [TrackTransaction]. The context is not used.
func TrackDataStreamsTransaction(_ context.Context, transactionID, checkpointName string) {
	TrackTransaction(transactionID, checkpointName)
}

// TrackDataStreamsTransactionAt is [TrackTransactionAt]. The context is not used.
func TrackDataStreamsTransactionAt(_ context.Context, transactionID, checkpointName string, t time.Time) {
	TrackTransactionAt(transactionID, checkpointName, t)
}
