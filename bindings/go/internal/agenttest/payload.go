package agenttest

// payload is what is posted, as far as tests look at it: docs/protocol.md says what else there is.
type payload struct {
	Service, Env, Lang, TracerVersion string
	Stats                             []bucket
}

type bucket struct {
	Start, Duration uint64
	Stats           []point
	Backlogs        []backlog
}

type point struct {
	Service          string
	EdgeTags         []string
	Hash, ParentHash uint64
	PathwayLatency   []byte
	EdgeLatency      []byte
	PayloadSize      []byte
	TimestampType    string
}

type backlog struct {
	Tags  []string
	Value int64
}
