module github.com/datastreams/datastreams/bindings/go/test

go 1.26.0

require golang.org/x/tools v0.51.0

require (
	github.com/DataDog/sketches-go v1.4.8 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

require (
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/datastreams/datastreams/bindings/go/internal/agenttest v0.0.0
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
)

replace (
	github.com/datastreams/datastreams/bindings/go => ../
	github.com/datastreams/datastreams/bindings/go/integrations/kafka => ../integrations/kafka
	github.com/datastreams/datastreams/bindings/go/integrations/sarama => ../integrations/sarama
	github.com/datastreams/datastreams/bindings/go/internal/agenttest => ../internal/agenttest
)
