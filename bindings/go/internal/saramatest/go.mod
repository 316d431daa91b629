module github.com/datastreams/datastreams/bindings/go/internal/saramatest

go 1.26.0

replace (
	github.com/datastreams/datastreams/bindings/go => ../..
	github.com/datastreams/datastreams/bindings/go/integrations/sarama => ../../integrations/sarama
	github.com/datastreams/datastreams/bindings/go/internal/agenttest => ../agenttest
	github.com/datastreams/datastreams/bindings/go/internal/brokertest => ../brokertest
)

require (
	github.com/Shopify/sarama v1.38.1
	github.com/datastreams/datastreams/bindings/go v0.0.0
	github.com/datastreams/datastreams/bindings/go/integrations/sarama v0.0.0
	github.com/datastreams/datastreams/bindings/go/internal/agenttest v0.0.0
	github.com/datastreams/datastreams/bindings/go/internal/brokertest v0.0.0
)

require (
	github.com/DataDog/sketches-go v1.4.8 // indirect
	github.com/davecgh/go-spew v1.1.1 // indirect
	github.com/eapache/go-resiliency v1.3.0 // indirect
	github.com/eapache/go-xerial-snappy v0.0.0-20230111030713-bf00bc1b83b6 // indirect
	github.com/eapache/queue v1.1.0 // indirect
	github.com/golang/snappy v0.0.4 // indirect
	github.com/hashicorp/errwrap v1.0.0 // indirect
	github.com/hashicorp/go-multierror v1.1.1 // indirect
	github.com/hashicorp/go-uuid v1.0.3 // indirect
	github.com/jcmturner/aescts/v2 v2.0.0 // indirect
	github.com/jcmturner/dnsutils/v2 v2.0.0 // indirect
	github.com/jcmturner/gofork v1.7.6 // indirect
	github.com/jcmturner/gokrb5/v8 v8.4.3 // indirect
	github.com/jcmturner/rpc/v2 v2.0.3 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/rcrowley/go-metrics v0.0.0-20201227073835-cf1acfcdf475 // indirect
	github.com/twmb/franz-go v1.22.3 // indirect
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.1 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/crypto v0.51.0 // indirect
	golang.org/x/net v0.53.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
