package brokertest

import (
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const produceKey = 0

// Old returns a broker whose topics are in a format from before 0.11: the one that the environment variable
// DATASTREAMS_KAFKA_OLD names as host:port, else a fake one that refuses headers.
func Old(t testing.TB) *Broker {
	t.Helper()
	if addr := os.Getenv("DATASTREAMS_KAFKA_OLD"); addr != "" {
		return connect(t, &Broker{Addr: addr})
	}
	b := Fake(t)
	b.RefuseHeaders()
	return b
}

// RefuseHeaders makes a fake broker answer as Kafka does where topics are in a format from before 0.11: a request with a
// message that has headers, and only such a one, fails with an unknown error.
func (b *Broker) RefuseHeaders() {
	b.Fake.ControlKey(produceKey, func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		produce := request.(*kmsg.ProduceRequest)
		if !anyHeaders(produce) {
			return nil, nil, false
		}
		return failed(produce, kerr.UnknownServerError), nil, true
	})
}

// failed answers that nothing of a request was written.
func failed(request *kmsg.ProduceRequest, with *kerr.Error) *kmsg.ProduceResponse {
	answer := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range request.Topics {
		of := kmsg.NewProduceResponseTopic()
		of.Topic, of.TopicID = topic.Topic, topic.TopicID
		for _, p := range topic.Partitions {
			one := kmsg.NewProduceResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, with.Code
			of.Partitions = append(of.Partitions, one)
		}
		answer.Topics = append(answer.Topics, of)
	}
	return answer
}

func anyHeaders(request *kmsg.ProduceRequest) bool {
	for _, topic := range request.Topics {
		for _, p := range topic.Partitions {
			var batch kmsg.RecordBatch
			if batch.ReadFrom(p.Records) != nil {
				continue
			}
			records, err := kfake.BatchRecords(batch)
			if err != nil {
				continue
			}
			for _, record := range records {
				if len(record.Headers) > 0 {
					return true
				}
			}
		}
	}
	return false
}

// FailProduce makes a fake broker fail the next n produce requests with an error, which clients that may try again do.
func (b *Broker) FailProduce(n int, with *kerr.Error) {
	for range n {
		b.Fake.ControlKey(produceKey, func(request kmsg.Request) (kmsg.Response, error, bool) {
			return failed(request.(*kmsg.ProduceRequest), with), nil, true
		})
	}
}
