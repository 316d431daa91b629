module github.com/datastreams/datastreams/bindings/go/internal/agenttest

go 1.24.0

replace github.com/datastreams/datastreams/bindings/go => ../..

require (
	github.com/DataDog/sketches-go v1.4.8
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/vmihailenco/msgpack/v5 v5.4.1
	google.golang.org/protobuf v1.36.12
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
