// With the librdkafka that the bindings bring along, linked into the program: what go build does by itself.
module relay

go 1.24

require github.com/confluentinc/confluent-kafka-go/v2 v2.11.1
