module github.com/datastreams/datastreams/bindings/go/integrations/kafka

go 1.24.0

replace (
	github.com/datastreams/datastreams/bindings/go => ../..
	github.com/datastreams/datastreams/bindings/go/internal/agenttest => ../../internal/agenttest
)

require (
	github.com/confluentinc/confluent-kafka-go v1.9.2
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/datastreams/datastreams/bindings/go/internal/agenttest v0.0.0
)

require (
	github.com/DataDog/sketches-go v1.4.8 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
