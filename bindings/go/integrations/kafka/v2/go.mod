module github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2

go 1.24.0

replace (
	github.com/datastreams/datastreams/bindings/go => ../../..
	github.com/datastreams/datastreams/bindings/go/internal/agenttest => ../../../internal/agenttest
)

require (
	github.com/confluentinc/confluent-kafka-go/v2 v2.11.1
	github.com/datastreams/datastreams/bindings/go v0.0.0
)

require (
	github.com/DataDog/sketches-go v1.4.8 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
)

require (
	github.com/datastreams/datastreams/bindings/go/internal/agenttest v0.0.0
	google.golang.org/protobuf v1.36.12 // indirect
)
