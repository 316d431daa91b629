module github.com/datastreams/datastreams/bindings/go/integrations/amqp091

go 1.24.0

replace (
	github.com/datastreams/datastreams/bindings/go => ../..
	github.com/datastreams/datastreams/bindings/go/internal/agenttest => ../../internal/agenttest
	github.com/datastreams/datastreams/bindings/go/internal/servertest => ../../internal/servertest
)

require (
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/datastreams/datastreams/bindings/go/internal/agenttest v0.0.0-00010101000000-000000000000
	github.com/datastreams/datastreams/bindings/go/internal/servertest v0.0.0-00010101000000-000000000000
	github.com/rabbitmq/amqp091-go v1.16.0
)

require (
	github.com/DataDog/sketches-go v1.4.8 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
