module github.com/datastreams/datastreams/bindings/go/integrations/aws

go 1.24.0

replace (
	github.com/datastreams/datastreams/bindings/go => ../..
	github.com/datastreams/datastreams/bindings/go/internal/agenttest => ../../internal/agenttest
	github.com/datastreams/datastreams/bindings/go/internal/servertest => ../../internal/servertest
)

require (
	github.com/aws/aws-sdk-go-v2 v1.48.0
	github.com/aws/aws-sdk-go-v2/service/eventbridge v1.55.10
	github.com/aws/aws-sdk-go-v2/service/kinesis v1.56.12
	github.com/aws/aws-sdk-go-v2/service/sns v1.47.10
	github.com/aws/aws-sdk-go-v2/service/sqs v1.52.11
	github.com/aws/smithy-go v1.28.9
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/datastreams/datastreams/bindings/go/internal/agenttest v0.0.0-00010101000000-000000000000
	github.com/datastreams/datastreams/bindings/go/internal/servertest v0.0.0-00010101000000-000000000000
)

require (
	github.com/DataDog/sketches-go v1.4.8 // indirect
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.7.26 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.11 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.11 // indirect
	github.com/aws/aws-sdk-go-v2/internal/v4a v1.5.11 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
