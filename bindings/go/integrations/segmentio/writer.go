package segmentio

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// anyMessage stands for the address of a message: they are values here, and have none.
const anyMessage = 1

// Writer is the client's writer, measured. Any goroutine may use it.
type Writer struct {
	*kafka.Writer

	producer shared.Producer
	cluster  cluster
}

// NewWriter makes a writer that is measured. The configuration is that of the client's NewWriter, which panics where it is
// wrong.
//
// Deprecated: as in the client. Use [WrapWriter].
func NewWriter(config kafka.WriterConfig, opts ...Option) *Writer {
	return WrapWriter(kafka.NewWriter(config), opts...)
}

// WrapWriter measures a writer, which must be complete, and not in use yet: its Completion is replaced by one that calls it.
func WrapWriter(writer *kafka.Writer, opts ...Option) *Writer {
	s := settingsOf(opts)
	w := &Writer{Writer: writer}
	w.producer.Legacy = s.legacy
	if s.noHeaders {
		w.producer.Headers.Disable()
	}
	w.cluster.init(&w.producer.Cluster, s.clusterID)
	completion := writer.Completion
	writer.Completion = func(msgs []kafka.Message, err error) {
		w.completed(msgs, err)
		if completion != nil {
			completion(msgs, err)
		}
	}
	return w
}

// WriteMessages writes messages, which continue the pathway that ctx carries; without one those in their headers.
func (w *Writer) WriteMessages(ctx context.Context, msgs ...kafka.Message) error {
	for i := range msgs {
		if totalSize(&msgs[i]) > w.limit() {
			return w.Writer.WriteMessages(ctx, msgs...) // which says so, and writes none
		}
	}
	prepared := make([]kafka.Message, len(msgs))
	for i := range msgs {
		prepared[i] = msgs[i]
		w.prepare(ctx, &prepared[i])
	}
	return w.again(ctx, prepared, w.Writer.WriteMessages(ctx, prepared...))
}

// prepare sets the checkpoint of a message, and its headers.
func (w *Writer) prepare(ctx context.Context, msg *kafka.Message) {
	topic := msg.Topic
	if topic == "" {
		topic = w.Topic
	}
	w.cluster.learn(topic, w.client)
	found := shared.Find(msg.Headers)
	if w.Async {
		found.In(anyMessage, 0) // Completion hands out messages with our header: written again, one does not continue itself
	}
	out := w.producer.Produce(ctx, topic, &found, int64(len(msg.Key)+len(msg.Value)), w.limit())
	if out.Replace {
		msg.Headers = shared.Replace(msg.Headers, out.Header, out.Legacy)
	}
}

// again writes once more what was refused because of our header, and returns the errors that remain.
func (w *Writer) again(ctx context.Context, msgs []kafka.Message, err error) error {
	var errs kafka.WriteErrors
	if !errors.As(err, &errs) || len(errs) != len(msgs) {
		return err
	}
	var refused []kafka.Message
	var at []int
	for i := range msgs {
		if isRefusal(errs[i]) && onlyOurs(msgs[i].Headers) {
			msgs[i].Headers = nil // as it would be without us
			refused, at = append(refused, msgs[i]), append(at, i)
		}
	}
	if len(refused) == 0 {
		return err
	}
	err = w.Writer.WriteMessages(ctx, refused...)
	var still kafka.WriteErrors
	known := errors.As(err, &still) && len(still) == len(refused)
	remain := append(kafka.WriteErrors(nil), errs...) // the client may still hold the list
	for n, i := range at {
		remain[i] = err
		if known {
			remain[i] = still[n]
		}
	}
	if remain.Count() == 0 {
		return nil
	}
	return remain
}

// completed looks at the messages of a partition that were written, or were not.
func (w *Writer) completed(msgs []kafka.Message, err error) {
	if len(msgs) == 0 {
		return
	}
	if err == nil {
		// The last has the highest offset.
		if last := &msgs[len(msgs)-1]; w.RequiredAcks != kafka.RequireNone && last.Offset >= 0 {
			datastreams.TrackKafkaProduceOffsetWithCluster(w.producer.Cluster.Get(), last.Topic, int32(last.Partition), last.Offset)
		}
		return
	}
	if !isRefusal(err) {
		return
	}
	for i := range msgs {
		found := shared.Find(msgs[i].Headers)
		w.producer.Failed(msgs[i].Topic, &found, err)
	}
}

// Close writes what is waiting, and ends the writer and what measures it.
func (w *Writer) Close() error {
	w.cluster.close()
	return w.Writer.Close()
}

func (w *Writer) client() (client *kafka.Client, done func()) {
	return &kafka.Client{Addr: w.Addr, Transport: w.Transport, Timeout: askTimeout}, func() {}
}

// limit is the most bytes of a message.
func (w *Writer) limit() int64 {
	if w.BatchBytes > 0 {
		return w.BatchBytes
	}
	return 1048576 // the client's default
}

// totalSize is the size that the client compares with the limit.
func totalSize(msg *kafka.Message) int64 {
	size := 4 + 1 + 1 + 8 + 4 + len(msg.Key) + 4 + len(msg.Value) + varint(len(msg.Headers))
	for _, header := range msg.Headers {
		size += varint(len(header.Key)) + len(header.Key) + varint(len(header.Value)) + len(header.Value)
	}
	return int64(size)
}

// varint returns the bytes of a length in zig-zag encoding.
func varint(n int) int {
	bytes := 1
	for n <<= 1; n >= 0x80; n >>= 7 {
		bytes++
	}
	return bytes
}

func isRefusal(err error) bool {
	return errors.Is(err, kafka.Unknown) || errors.Is(err, kafka.UnsupportedForMessageFormat)
}

// onlyOurs tells whether nothing but our headers is there.
func onlyOurs(headers []kafka.Header) bool {
	found := shared.Find(headers)
	return found.Ours > 0 && found.Ours == found.Count
}
