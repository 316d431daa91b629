package segmentio

import (
	"context"
	"net"

	"github.com/segmentio/kafka-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// Reader is the client's reader, measured. Any goroutine may use it.
type Reader struct {
	*kafka.Reader

	id        shared.ClusterID
	cluster   cluster
	config    kafka.ReaderConfig
	noHeaders bool
}

// NewReader makes a reader that is measured. The configuration is that of the client's NewReader, which panics where it is
// wrong.
func NewReader(config kafka.ReaderConfig, opts ...Option) *Reader {
	return WrapReader(kafka.NewReader(config), opts...)
}

// WrapReader measures a reader.
func WrapReader(reader *kafka.Reader, opts ...Option) *Reader {
	s := settingsOf(opts)
	r := &Reader{Reader: reader, config: reader.Config(), noHeaders: s.noHeaders}
	r.cluster.init(&r.id, s.clusterID)
	return r
}

// ReadMessage returns the next message. In a group it also commits it.
func (r *Reader) ReadMessage(ctx context.Context) (kafka.Message, error) {
	msg, err := r.Reader.ReadMessage(ctx)
	if err != nil {
		return msg, err
	}
	r.consumed(&msg)
	r.committed(&msg)
	return msg, nil
}

// FetchMessage returns the next message, and does not commit it.
func (r *Reader) FetchMessage(ctx context.Context) (kafka.Message, error) {
	msg, err := r.Reader.FetchMessage(ctx)
	if err != nil {
		return msg, err
	}
	r.consumed(&msg)
	return msg, nil
}

// CommitMessages commits the offsets behind messages.
func (r *Reader) CommitMessages(ctx context.Context, msgs ...kafka.Message) error {
	err := r.Reader.CommitMessages(ctx, msgs...)
	if err == nil {
		for i := range msgs {
			r.committed(&msgs[i])
		}
	}
	return err
}

// Close leaves the group, and ends the reader and what measures it.
func (r *Reader) Close() error {
	r.cluster.close()
	return r.Reader.Close()
}

// consumed sets the checkpoint of a message, and puts the pathway after it into its headers.
func (r *Reader) consumed(msg *kafka.Message) {
	r.cluster.learn(msg.Topic, r.client)
	found := shared.Find(msg.Headers)
	edge := shared.In(r.id.Get(), r.config.GroupID, msg.Topic)
	pathway := edge.ConsumeQueued(found.Pathway, int64(len(msg.Key)+len(msg.Value))+found.Others, msg.Time)
	if !pathway.IsZero() && !r.noHeaders {
		var legacy []byte
		if found.Legacy {
			legacy = pathway.Encode()
		}
		msg.Headers = shared.Replace(msg.Headers, pathway.AppendHeader(nil), legacy)
	}
	// It is that of the fetch that brought the message: beyond the message, if it is known.
	if msg.HighWaterMark > msg.Offset {
		datastreams.TrackKafkaHighWatermarkOffset(r.id.Get(), msg.Topic, int32(msg.Partition), msg.HighWaterMark)
	}
}

// committed reports the offset of the next message to read.
func (r *Reader) committed(msg *kafka.Message) {
	if r.config.GroupID != "" {
		datastreams.TrackKafkaCommitOffsetWithCluster(r.id.Get(), r.config.GroupID, msg.Topic, int32(msg.Partition), msg.Offset+1)
	}
}

// client returns one that reaches the brokers as the reader does.
func (r *Reader) client() (client *kafka.Client, done func()) {
	transport := &kafka.Transport{DialTimeout: askTimeout}
	if dialer := r.config.Dialer; dialer != nil {
		transport.ClientID, transport.TLS, transport.SASL = dialer.ClientID, dialer.TLS, dialer.SASLMechanism
		transport.Dial = dialer.DialFunc
		if transport.Dial == nil {
			transport.Dial = (&net.Dialer{Timeout: askTimeout, LocalAddr: dialer.LocalAddr, KeepAlive: dialer.KeepAlive, FallbackDelay: dialer.FallbackDelay}).DialContext
		}
	}
	return &kafka.Client{Addr: kafka.TCP(r.config.Brokers...), Transport: transport, Timeout: askTimeout}, transport.CloseIdleConnections
}
