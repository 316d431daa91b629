package datastreams

// What is reported, as data-streams-go declares it: for programs that name these types. This package neither fills nor
// encodes them; the C library does, see docs/protocol.md.

// TimestampType says which time a bucket goes by.
type TimestampType string

const (
	// TimestampTypeCurrent is the time of the checkpoint.
	TimestampTypeCurrent TimestampType = "current"
	// TimestampTypeOrigin is the time of the pathway's start.
	TimestampTypeOrigin TimestampType = "origin"
)

// StatsPayload is what a service posts.
type StatsPayload struct {
	Env           string
	Service       string
	PrimaryTag    string
	Stats         []StatsBucket
	TracerVersion string
	Lang          string
}

// StatsBucket is ten seconds of statistics.
type StatsBucket struct {
	Start    uint64 // nanoseconds since 1970
	Duration uint64 // nanoseconds
	Stats    []StatsPoint
	Backlogs []Backlog
}

// StatsPoint is the statistics of one pathway in a bucket. Latencies are in seconds, sizes in bytes; all three are
// sketches in protobuf.
type StatsPoint struct {
	Service        string // deprecated, empty
	EdgeTags       []string
	Hash           uint64
	ParentHash     uint64
	PathwayLatency []byte
	EdgeLatency    []byte
	PayloadSize    []byte
	TimestampType  TimestampType
}

// Backlog is an offset, such as the one that a group committed.
type Backlog struct {
	Tags  []string
	Value int64
}

// ProduceOffset is the offset of a message that was written.
type ProduceOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}

// CommitOffset is the offset that a consumer group committed.
type CommitOffset struct {
	ConsumerGroup string
	Topic         string
	Partition     int32
	Offset        int64
}
