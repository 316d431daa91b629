module github.com/datastreams/datastreams/bindings/go/integrations/segmentio

go 1.24.0

replace github.com/datastreams/datastreams/bindings/go => ../..

require (
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/segmentio/kafka-go v0.4.51
)

require (
	github.com/klauspost/compress v1.15.9 // indirect
	github.com/pierrec/lz4/v4 v4.1.15 // indirect
)
