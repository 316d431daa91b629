package franz_test

import (
	"context"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/franz"
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

	hooks := franz.NewHooks()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(broker.ListenAddrs()...),
		kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"),
		kgo.WithHooks(hooks),
		kgo.AutoCommitCallback(hooks.Committed(nil)),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer client.Close()

	ctx := context.Background()
	client.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("7 apples")})

	fetches := client.PollFetches(ctx)
	hooks.TrackFetches(fetches)
	fetches.EachRecord(func(order *kgo.Record) {
		payment := &kgo.Record{Topic: "payments", Value: []byte("paid: " + string(order.Value))}
		// The context of the message that caused this one.
		client.ProduceSync(order.Context, payment)
		fmt.Println(string(payment.Value), "with", payment.Headers[0].Key)
	})
	// Output: paid: 7 apples with dd-pathway-ctx-base64
}
