package ibmsarama

import (
	"sync"

	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// claim is a claim whose messages are measured.
type claim struct {
	sarama.ConsumerGroupClaim
	consumer *consumer

	start    sync.Once
	messages chan *sarama.ConsumerMessage
	ended    chan struct{}  // closed: the handler returned
	moving   sync.WaitGroup // the goroutine
}

// Messages returns the messages of the claim. The channel closes when the claim is released.
func (c *claim) Messages() <-chan *sarama.ConsumerMessage {
	c.start.Do(func() {
		c.messages = make(chan *sarama.ConsumerMessage)
		c.moving.Add(1)
		go c.move()
	})
	return c.messages
}

// move sets the checkpoint of each message, and hands it to the handler.
func (c *claim) move() {
	defer c.moving.Done()
	defer close(c.messages)
	end := int64(-1)
	for {
		select {
		case msg, ok := <-c.ConsumerGroupClaim.Messages():
			if !ok {
				return
			}
			c.consumer.consumed(msg)
			if now := c.HighWaterMarkOffset(); now != end {
				end = now
				datastreams.TrackKafkaHighWatermarkOffset(c.consumer.id.Get(), c.Topic(), c.Partition(), end)
			}
			select {
			case c.messages <- msg:
			case <-c.ended:
				return
			}
		case <-c.ended:
			return
		}
	}
}

func (c *claim) end() {
	close(c.ended)
	c.moving.Wait()
}
