module github.com/datastreams/datastreams/bindings/go/internal/segmentiotest

go 1.26.0

replace (
	github.com/datastreams/datastreams/bindings/go => ../..
	github.com/datastreams/datastreams/bindings/go/integrations/segmentio => ../../integrations/segmentio
	github.com/datastreams/datastreams/bindings/go/internal/agenttest => ../agenttest
	github.com/datastreams/datastreams/bindings/go/internal/brokertest => ../brokertest
)

require (
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/datastreams/datastreams/bindings/go/integrations/segmentio v0.0.0
	github.com/datastreams/datastreams/bindings/go/internal/agenttest v0.0.0
	github.com/datastreams/datastreams/bindings/go/internal/brokertest v0.0.0
	github.com/segmentio/kafka-go v0.4.51
	github.com/twmb/franz-go v1.22.3
)

require (
	github.com/DataDog/sketches-go v1.4.8 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.1 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
