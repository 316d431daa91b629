package aws

// limits are how many bytes a service takes at once, attributes and keys included: by default, and at most, where a queue, a
// topic or a stream is set to take more.
type limits struct{ usual, most int64 }

var (
	// messageBytes are those of SQS and SNS: of a message, and of a request with several. SQS takes a mebibyte since August 2025,
	// in queues that are not set to less (aws.amazon.com/about-aws/whats-new/2025/08/amazon-sqs-max-payload-size-1mib); older
	// ones often are. SNS loses what a queue behind a topic does not take.
	messageBytes = limits{256 << 10, 1 << 20}
	// eventBytes are those of EventBridge: of a request with one or several.
	eventBytes = limits{256 << 10, 1_000_000}
	// recordBytes and requestBytes are those of Kinesis: of a record, and of a request with several.
	recordBytes  = limits{1 << 20, 10 << 20}
	requestBytes = limits{5 << 20, 10 << 20}
)

// room returns the bytes that something may grow by: what is within the usual limit stays within it.
func (l limits) room(size int64) int64 {
	if size <= l.usual {
		return l.usual - size
	}
	return l.most - size
}
