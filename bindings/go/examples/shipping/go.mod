module github.com/datastreams/datastreams/bindings/go/examples/shipping

go 1.26.0

replace (
	github.com/datastreams/datastreams/bindings/go => ../..
	github.com/datastreams/datastreams/bindings/go/integrations/franz => ../../integrations/franz
	github.com/datastreams/datastreams/bindings/go/internal/agenttest => ../../internal/agenttest
	github.com/datastreams/datastreams/bindings/go/internal/brokertest => ../../internal/brokertest
)

require (
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/datastreams/datastreams/bindings/go/integrations/franz v0.0.0
	github.com/twmb/franz-go v1.22.3
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.1 // indirect
)
