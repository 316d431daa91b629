package brokertest

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const produceKey = 0

// RefuseHeaders makes a fake broker answer as Kafka does where topics are in a format from before 0.11: a request with a
// message that has headers, and only such a one, fails with an unknown error.
func (b *Broker) RefuseHeaders() {
	b.Fake.ControlKey(produceKey, func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		produce := request.(*kmsg.ProduceRequest)
		if !anyHeaders(produce) {
			return nil, nil, false
		}
		refusal := produce.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range produce.Topics {
			of := kmsg.NewProduceResponseTopic()
			of.Topic, of.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				one := kmsg.NewProduceResponseTopicPartition()
				one.Partition, one.ErrorCode = p.Partition, kerr.UnknownServerError.Code
				of.Partitions = append(of.Partitions, one)
			}
			refusal.Topics = append(refusal.Topics, of)
		}
		return refusal, nil, true
	})
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
