// Package integrations tells what the integrations below it could not record. Each is a module of its own:
//
//	kafka, kafka/v2     github.com/confluentinc/confluent-kafka-go
//	sarama, ibmsarama   github.com/Shopify/sarama, github.com/IBM/sarama
//	segmentio           github.com/segmentio/kafka-go
//	franz               github.com/twmb/franz-go
//	messaging           clients of Kafka of your own
//	amqp091             github.com/rabbitmq/amqp091-go
//	nats                github.com/nats-io/nats.go
//	aws                 github.com/aws/aws-sdk-go-v2: SQS, SNS, Kinesis, EventBridge
//	pubsub              cloud.google.com/go/pubsub/v2
package integrations

import "github.com/datastreams/datastreams/bindings/go/internal/notice"

// Counts returns how many messages travelled without a pathway since the program began, or what else kept an integration from
// recording, by cause: "sqs_too_large" and the like. What never happened is not in it. The causes are those of the Python
// binding's integrations.stats(). What the library itself dropped is in datastreams.Counters.
func Counts() map[string]uint64 { return notice.Counts() }
