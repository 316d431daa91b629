package ibmsarama_test

import (
	"context"
	"fmt"
	"os"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/ibmsarama"
)

func Example() {
	// A broker in this process; yours is elsewhere.
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "payments"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer broker.Close()

	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	producer, err := ibmsarama.NewSyncProducer(broker.ListenAddrs(), config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer producer.Close()
	group, err := ibmsarama.NewConsumerGroup(broker.ListenAddrs(), "billing", config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer group.Close()

	order := &sarama.ProducerMessage{Topic: "orders", Value: sarama.StringEncoder("7 apples")}
	if _, _, err := producer.SendMessage(order); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := group.Consume(ctx, []string{"orders"}, biller{producer, cancel}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	// Output: paid: 7 apples, offset 0
}

// biller makes a payment of each order.
type biller struct {
	producer *ibmsarama.SyncProducer
	done     context.CancelFunc
}

func (biller) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (biller) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (b biller) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for order := range claim.Messages() {
		// The context of the message that causes the next one.
		ctx := ibmsarama.ContextWithMessage(session.Context(), order)
		payment := &sarama.ProducerMessage{Topic: "payments", Value: sarama.StringEncoder("paid: " + string(order.Value))}
		_, offset, err := b.producer.SendMessageContext(ctx, payment)
		if err != nil {
			return err
		}
		session.MarkMessage(order, "")
		fmt.Printf("paid: %s, offset %d\n", order.Value, offset)
		b.done()
	}
	return nil
}
