package kafka

import (
	"sync"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// Consumer is the client's consumer, measured. It has all methods of the client's, which say what the ones here do beside
// measuring. Any goroutine may use it.
type Consumer struct {
	*kafka.Consumer

	group    string
	headers  shared.Headers
	cluster  cluster
	finished watermarks

	events  chan kafka.Event // nil unless the client's channel is on
	closing chan struct{}
	done    chan struct{} // of the goroutine that moves events
	close   sync.Once
}

// NewConsumer makes a consumer that is measured. The configuration is that of the client's NewConsumer.
func NewConsumer(config *kafka.ConfigMap, opts ...Option) (*Consumer, error) {
	consumer, err := kafka.NewConsumer(config)
	if err != nil {
		return nil, err
	}
	return WrapConsumer(consumer, append([]Option{WithConfig(config)}, opts...)...), nil
}

// WrapConsumer measures a consumer. Only what it returns is to be used from then on. Name the group: [WithConfig] or
// [WithGroup].
func WrapConsumer(consumer *kafka.Consumer, opts ...Option) *Consumer {
	s := settingsOf(opts)
	c := &Consumer{
		Consumer: consumer,
		group:    s.group,
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
	}
	if s.noHeaders {
		c.headers.Disable()
	}
	admin, err := kafka.NewAdminClientFromConsumer(consumer)
	c.cluster.learn(s.clusterID, c.closing, admin, err)
	//lint:ignore SA1019 programs use it as long as the client has it
	if from := consumer.Events(); from == nil {
		close(c.done)
	} else {
		c.events = make(chan kafka.Event)
		go c.moveEvents(from)
	}
	return c
}

// ClusterID returns the id of the cluster, or "" as long as it is not known.
func (c *Consumer) ClusterID() string { return c.cluster.Get() }

// Poll returns the next message or event, or nil after timeoutMs milliseconds.
func (c *Consumer) Poll(timeoutMs int) kafka.Event {
	event := c.Consumer.Poll(timeoutMs)
	c.saw(event)
	return event
}

// ReadMessage returns the next message or error. A negative timeout waits without end.
func (c *Consumer) ReadMessage(timeout time.Duration) (*kafka.Message, error) {
	if c.IsClosed() {
		return c.Consumer.ReadMessage(timeout) // which says so
	}
	// Not the client's own: it drops the events that tell about commits.
	end := time.Now().Add(timeout)
	wait := int(timeout)
	for {
		if timeout > 0 {
			wait = int(max(time.Until(end).Milliseconds(), 0))
		}
		switch event := c.Poll(wait).(type) {
		case *kafka.Message:
			return event, event.TopicPartition.Error
		case kafka.Error:
			return nil, event
		case nil:
			if wait == 0 {
				return nil, kafka.NewError(kafka.ErrTimedOut, "", false)
			}
		}
	}
}

// Events returns the channel of messages and events: nil unless go.events.channel.enable is set.
//
// Deprecated: as in the client. Use Poll.
func (c *Consumer) Events() chan kafka.Event { return c.events }

// moveEvents looks at what comes over the client's channel and hands it on, until the client is closed.
func (c *Consumer) moveEvents(from chan kafka.Event) {
	defer close(c.done)
	defer close(c.events)
	for event := range from {
		select {
		case <-c.closing:
			continue // nobody gets it
		default:
		}
		c.saw(event)
		select {
		case c.events <- event:
		case <-c.closing:
		}
	}
}

// Commit commits the offsets of all that was consumed. Like the others it blocks, and returns what was committed.
func (c *Consumer) Commit() ([]kafka.TopicPartition, error) {
	return c.committed(c.Consumer.Commit())
}

// CommitMessage commits the offset behind a message.
func (c *Consumer) CommitMessage(msg *kafka.Message) ([]kafka.TopicPartition, error) {
	return c.committed(c.Consumer.CommitMessage(msg))
}

// CommitOffsets commits offsets: those of the next messages to read.
func (c *Consumer) CommitOffsets(offsets []kafka.TopicPartition) ([]kafka.TopicPartition, error) {
	return c.committed(c.Consumer.CommitOffsets(offsets))
}

// Close leaves the group and ends the consumer and what measures it.
func (c *Consumer) Close() error {
	c.close.Do(func() {
		close(c.closing)
		c.cluster.wait()
	})
	err := c.Consumer.Close()
	if err == nil {
		<-c.done
	}
	return err
}

// saw looks at what the program gets.
func (c *Consumer) saw(event kafka.Event) {
	switch event := event.(type) {
	case *kafka.Message:
		c.consumed(event)
	case kafka.OffsetsCommitted:
		_, _ = c.committed(event.Offsets, event.Error)
	case kafka.RevokedPartitions:
		c.finished.forget()
	}
}

// consumed sets the checkpoint of a message, and puts the pathway after it into its headers.
func (c *Consumer) consumed(msg *kafka.Message) {
	if msg.TopicPartition.Error != nil {
		return
	}
	found := shared.Find(msg.Headers)
	size := int64(len(msg.Key)+len(msg.Value)) + found.Others
	pathway := shared.In(c.cluster.Get(), c.group, topic(msg)).ConsumeQueued(found.Pathway, size, queued(msg))
	if !pathway.IsZero() && c.headers.On() {
		var legacy []byte
		if found.Legacy {
			legacy = pathway.Encode()
		}
		msg.Headers = shared.Replace(msg.Headers, pathway.AppendHeader(nil), legacy)
	}
	if c.finished.due(msg.TopicPartition, time.Now()) {
		c.trackWatermark(msg.TopicPartition)
	}
}
