package pubsub_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	gcp "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations"
	"github.com/datastreams/datastreams/bindings/go/integrations/pubsub"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

const (
	patience = 30 * time.Second
	key      = datastreams.PropagationKeyBase64
)

// service is a client of a server in memory.
type service struct {
	*gcp.Client
	server *pstest.Server
	ctx    context.Context
}

func serve(t *testing.T) *service {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	server := pstest.NewServer()
	t.Cleanup(func() { _ = server.Close() })
	connection, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(t, err)
	client, err := gcp.NewClient(ctx, "p", option.WithGRPCConn(connection))
	check(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return &service{client, server, ctx}
}

// topic makes a topic, and a subscription of the same name.
func (s *service) topic(t *testing.T, name string) (publisher *gcp.Publisher, subscriber *gcp.Subscriber) {
	t.Helper()
	_, err := s.TopicAdminClient.CreateTopic(s.ctx, &pubsubpb.Topic{Name: topic(name)})
	check(t, err)
	_, err = s.SubscriptionAdminClient.CreateSubscription(s.ctx, &pubsubpb.Subscription{Name: subscription(name), Topic: topic(name)})
	check(t, err)
	publisher = s.Publisher(name)
	publisher.PublishSettings.DelayThreshold = time.Millisecond
	t.Cleanup(publisher.Stop)
	return publisher, s.Subscriber(name)
}

func topic(name string) string        { return "projects/p/topics/" + name }
func subscription(name string) string { return "projects/p/subscriptions/" + name }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hop(size float64, direction, name string) agenttest.Hop {
	return agenttest.Hop{Size: size, Tags: []string{"direction:" + direction, "topic:" + name, "type:google-pubsub"}}
}

// publish waits until a message is taken.
func publish(t *testing.T, publisher *pubsub.Publisher, ctx context.Context, msg *gcp.Message) {
	t.Helper()
	if _, err := publisher.Publish(ctx, msg).Get(ctx); err != nil {
		t.Fatal(err)
	}
}

// receive calls a function with n messages.
func receive(t *testing.T, ctx context.Context, subscriber *pubsub.Subscriber, n int, each func(context.Context, *gcp.Message)) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type one struct {
		ctx  context.Context
		msg  *gcp.Message
		done chan struct{}
	}
	got := make(chan one)
	ended := make(chan error)
	go func() {
		ended <- subscriber.Receive(ctx, func(ctx context.Context, msg *gcp.Message) {
			done := make(chan struct{})
			got <- one{ctx, msg, done}
			<-done
			msg.Ack()
		})
	}()
	for range n { // one after the other, on the test's own goroutine
		select {
		case one := <-got:
			each(one.ctx, one.msg)
			close(one.done)
		case err := <-ended:
			t.Fatal(err)
		}
	}
	cancel()
	check(t, <-ended)
}

// A service between two topics: with the context, and with the attributes of what it received.
func TestChain(t *testing.T) {
	agent, s := agenttest.Start(t), serve(t)
	ordersOut, ordersIn := s.topic(t, "orders")
	paymentsOut, paymentsIn := s.topic(t, "payments")
	source, payments := pubsub.WrapPublisher(ordersOut), pubsub.WrapPublisher(paymentsOut)
	source.EnableMessageOrdering = true
	const messages = 6
	attributes := map[string]string{"tenant": "blue"}
	for range messages {
		publish(t, source, s.ctx, &gcp.Message{Data: []byte("12 apples"), Attributes: attributes, OrderingKey: "key"})
	}
	if len(attributes) != 1 {
		t.Errorf("the program's attributes became %v", attributes)
	}
	turn := 0
	receive(t, s.ctx, pubsub.WrapSubscriber(ordersIn), messages, func(ctx context.Context, order *gcp.Message) {
		before := maps.Clone(order.Attributes)
		payment := &gcp.Message{Data: order.Data, Attributes: attributes}
		if turn++; turn%2 == 0 {
			ctx, payment.Attributes = s.ctx, order.Attributes
		}
		publish(t, payments, ctx, payment)
		if !maps.Equal(before, order.Attributes) || len(before) != 2 {
			t.Errorf("publishing made %v of %v", order.Attributes, before)
		}
	})
	receive(t, s.ctx, pubsub.WrapSubscriber(paymentsIn), messages, func(_ context.Context, payment *gcp.Message) {
		if len(payment.Attributes) != 2 || payment.Attributes[key] == "" {
			t.Errorf("the attributes are %v", payment.Attributes)
		}
	})
	for _, msg := range s.server.Messages() {
		if len(msg.Attributes) != 2 || len(msg.Attributes[key]) != 28 {
			t.Errorf("%v arrived", msg.Attributes)
		}
	}
	const payment = 9 + 6 + 4
	agent.Chain(t, messages, hop(payment+3, "out", topic("orders")), hop(payment+3, "in", subscription("orders")),
		hop(payment, "out", topic("payments")), hop(payment, "in", subscription("payments")))
}

// One topic, of messages with and without a pathway: none takes that of another, and roots begin when they were published.
func TestEachMessageItsOwnPathway(t *testing.T) {
	agent, s := agenttest.Start(t), serve(t)
	publisher, subscriber := s.topic(t, "mixed")
	before := datastreams.NewPathway("before")
	text := before.EncodeStr()
	for number, attributes := range []map[string]string{{key: text}, {}, {key: "?"}, {key: "?", datastreams.PropagationKey: text}} {
		_, err := publisher.Publish(s.ctx, &gcp.Message{Data: fmt.Append(nil, number), Attributes: attributes}).Get(s.ctx)
		check(t, err)
	}
	receive(t, s.ctx, pubsub.WrapSubscriber(subscriber), 4, func(ctx context.Context, msg *gcp.Message) {
		parent, number := uint64(0), string(msg.Data)
		if number == "0" || number == "3" {
			parent = before.GetHash()
		}
		pathway, _ := datastreams.PathwayFromContext(ctx)
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, parent, hop(0, "in", subscription("mixed")).Tags...); pathway.GetHash() != want {
			t.Errorf("%s has %d, not %d", number, pathway.GetHash(), want)
		}
		if began := pathway.PathwayStart(); parent == 0 && began.Sub(msg.PublishTime).Abs() > time.Millisecond {
			t.Errorf("%s began at %v, and was published at %v", number, began, msg.PublishTime)
		}
	})
	agent.Flushed()
	if edges := agent.Find(hop(0, "in", subscription("mixed")).Tags...); len(edges) != 2 || edges[0].Current+edges[1].Current != 4 {
		t.Errorf("%v", edges)
	}
}

// What Pub/Sub takes without us it takes with us.
func TestLimits(t *testing.T) {
	agent, s := agenttest.Start(t), serve(t)
	plain, _ := s.topic(t, "full")
	publisher := pubsub.WrapPublisher(plain)
	before := integrations.Counts()
	hundred := map[string]string{}
	for i := range 100 {
		hundred[fmt.Sprint("name-", i)] = "v"
	}
	publish(t, publisher, s.ctx, &gcp.Message{Attributes: hundred})
	hundred[key] = "stale"
	publish(t, publisher, s.ctx, &gcp.Message{Attributes: hundred})
	delete(hundred, "name-0")
	publish(t, publisher, s.ctx, &gcp.Message{Attributes: hundred}) // ours in place of the stale one
	carrying := 0
	for _, msg := range s.server.Messages() {
		if len(msg.Attributes) != 100 || msg.Attributes[key] == "stale" {
			t.Errorf("%d attributes, and the pathway %q", len(msg.Attributes), msg.Attributes[key])
		}
		if msg.Attributes[key] != "" {
			carrying++
		}
	}
	if carrying != 1 {
		t.Errorf("%d carry a pathway", carrying)
	}
	// The server in memory takes less than Pub/Sub does.
	for _, more := range []int{0, 1} {
		large := &gcp.Message{Data: make([]byte, 10_000_000-1000-len(topic("full"))+more)}
		pubsub.TraceProduce(s.ctx, topic("full"), large)
		sent := &pubsubpb.PublishRequest{Topic: topic("full"), Messages: []*pubsubpb.PubsubMessage{{Data: large.Data, Attributes: large.Attributes}}}
		if size := proto.Size(sent); size > 10_000_000 || len(large.Attributes) != 1-more {
			t.Errorf("%d bytes, with %v", size, large.Attributes)
		}
	}
	agent.Flushed()
	if out := agent.One(t, hop(0, "out", topic("full")).Tags...); out.Current != 2 {
		t.Errorf("%v", out)
	}
	counts := integrations.Counts()
	if counts["pubsub_attributes"]-before["pubsub_attributes"] != 2 || counts["pubsub_too_large"]-before["pubsub_too_large"] != 1 {
		t.Errorf("%v", counts)
	}
	if lines := agent.Lines(); len(lines) != 2 || !strings.Contains(lines[0], "pubsub_attributes") {
		t.Errorf("the log is %q", lines)
	}
}

func TestRefusedBeforeItIsSent(t *testing.T) {
	agent, s := agenttest.Start(t), serve(t)
	plain, _ := s.topic(t, "refused")
	publisher := pubsub.WrapPublisher(plain)
	if _, err := publisher.Publish(s.ctx, &gcp.Message{OrderingKey: "k"}).Get(s.ctx); err == nil {
		t.Error("an ordering key was taken")
	}
	publisher.Stop()
	if _, err := publisher.Publish(s.ctx, &gcp.Message{}).Get(s.ctx); err == nil {
		t.Error("a publisher that was stopped took a message")
	}
	if edges := agent.Flushed(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
}

func TestWithoutHeaders(t *testing.T) {
	agent, s := agenttest.Start(t), serve(t)
	plain, subscriber := s.topic(t, "bare")
	publish(t, pubsub.WrapPublisher(plain, pubsub.WithoutHeaders(), nil), s.ctx, &gcp.Message{Attributes: map[string]string{key: "stale", "own": "1"}})
	receive(t, s.ctx, pubsub.WrapSubscriber(subscriber, pubsub.WithoutHeaders()), 1, func(ctx context.Context, msg *gcp.Message) {
		if _, ok := datastreams.PathwayFromContext(ctx); !ok || len(msg.Attributes) != 1 {
			t.Errorf("%v: the attributes are %v", ok, msg.Attributes)
		}
	})
	agent.Chain(t, 1, hop(4, "in", subscription("bare")))
}

// By hand, and the same tags as through a wrapper.
func TestByHand(t *testing.T) {
	agent := agenttest.Start(t)
	shared := map[string]string{"own": "1"}
	msg := &gcp.Message{Data: []byte("x"), Attributes: shared}
	ctx := pubsub.TraceProduce(context.Background(), topic("orders"), msg)
	sent, _ := datastreams.PathwayFromContext(ctx)
	if len(shared) != 1 || msg.Attributes[key] != sent.EncodeStr() {
		t.Errorf("%v, %v", shared, msg.Attributes)
	}
	pubsub.TraceConsume(context.Background(), subscription("orders"), msg)
	if pubsub.TraceProduce(ctx, "", nil) != ctx || pubsub.TraceConsume(ctx, "", nil) != ctx {
		t.Error("nothing has a pathway")
	}
	agent.Chain(t, 1, hop(5, "out", topic("orders")), hop(5, "in", subscription("orders")))
}

// The client sends what is published with a context that has ended, as at the end of a request.
func TestPublishedAfterTheContextEnded(t *testing.T) {
	agent, s := agenttest.Start(t), serve(t)
	plain, subscriber := s.topic(t, "late")
	ended, end := context.WithCancel(s.ctx)
	end()
	result := pubsub.WrapPublisher(plain).Publish(ended, &gcp.Message{Attributes: map[string]string{key: "stale"}})
	if _, err := result.Get(s.ctx); err != nil {
		t.Fatal(err)
	}
	receive(t, s.ctx, pubsub.WrapSubscriber(subscriber), 1, func(context.Context, *gcp.Message) {})
	agent.Chain(t, 1, hop(0, "out", topic("late")), hop(0, "in", subscription("late")))
}

// Nor does a message have the pathway of the context that Receive was called with, when nothing is measured any more.
func TestNoPathwayButItsOwnAfterStop(t *testing.T) {
	agenttest.Start(t)
	s := serve(t)
	plain, subscriber := s.topic(t, "stopped")
	_, another := datastreams.SetCheckpoint(s.ctx, "type:kafka")
	datastreams.Stop()
	publish(t, pubsub.WrapPublisher(plain), s.ctx, &gcp.Message{Data: []byte("x")})
	receive(t, another, pubsub.WrapSubscriber(subscriber), 1, func(ctx context.Context, _ *gcp.Message) {
		if p, ok := datastreams.PathwayFromContext(ctx); ok {
			t.Errorf("the message has another's pathway: %v", p)
		}
	})
}
