package jetstream_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations"
	"github.com/datastreams/datastreams/bindings/go/integrations/nats/jetstream"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/servertest"
)

const (
	patience = 30 * time.Second
	key      = datastreams.PropagationKeyBase64
)

func TestMain(m *testing.M) { servertest.Main(m) }

// streams is the client's interface, and a stream of two subjects.
type streams struct {
	*jetstream.JetStream
	ctx                      context.Context
	plain                    js.JetStream
	stream, orders, payments string
}

func connect(t *testing.T, config js.StreamConfig, opts ...jetstream.Option) *streams {
	t.Helper()
	conn, err := natsgo.Connect(servertest.NATS(t))
	check(t, err)
	t.Cleanup(conn.Close)
	plain, err := js.New(conn)
	check(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	s := &streams{jetstream.Wrap(plain, opts...), ctx, plain, unique("stream"), unique("orders"), unique("payments")}
	config.Name, config.Subjects, config.Storage = s.stream, []string{s.orders, s.payments}, js.MemoryStorage
	_, err = plain.CreateStream(ctx, config)
	check(t, err)
	return s
}

func unique(name string) string { return fmt.Sprintf("%s-%08x", name, rand.Uint32()) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hop(size float64, tags ...string) agenttest.Hop { return agenttest.Hop{Size: size, Tags: tags} }

// All ways to publish, and all ways to consume, on one pathway after the other: each ends at the same two edges.
func TestChain(t *testing.T) {
	agent, s := agenttest.Start(t), connect(t, js.StreamConfig{})
	billing, err := s.CreateConsumer(s.ctx, s.stream, js.ConsumerConfig{Durable: "billing", FilterSubject: s.orders})
	check(t, err)
	publish := []func(data []byte) error{
		func(data []byte) error { _, err := s.Publish(s.ctx, s.orders, data, js.WithMsgID("1")); return err },
		func(data []byte) error {
			_, err := s.PublishMsg(s.ctx, &natsgo.Msg{Subject: s.orders, Data: data})
			return err
		},
		func(data []byte) error { _, err := s.PublishAsync(s.orders, data); return err },
		func(data []byte) error {
			_, err := s.PublishMsgAsync(&natsgo.Msg{Subject: s.orders, Data: data})
			return err
		},
	}
	for _, send := range publish {
		check(t, send([]byte("12 apples")))
	}
	<-s.PublishAsyncComplete()

	passOn := func(order js.Msg) {
		t.Helper()
		if order.Headers().Get(key) == "" {
			t.Errorf("the headers are %v", order.Headers())
		}
		_, err := s.Publish(jetstream.ContextWithMessage(s.ctx, order), s.payments, order.Data())
		check(t, err)
		check(t, order.Ack())
	}
	order, err := billing.Next()
	check(t, err)
	passOn(order)
	batch, err := billing.Fetch(1)
	check(t, err)
	for order := range batch.Messages() {
		passOn(order)
	}
	check(t, batch.Error())
	one, err := billing.Messages(js.PullMaxMessages(1))
	check(t, err)
	order, err = one.Next()
	check(t, err)
	passOn(order)
	one.Stop()
	again, err := s.Consumer(s.ctx, s.stream, "billing")
	check(t, err)
	last := make(chan js.Msg)
	consuming, err := again.Consume(func(order js.Msg) { last <- order })
	check(t, err)
	passOn(<-last)
	consuming.Stop()

	ledger, err := s.CreateOrUpdatePushConsumer(s.ctx, s.stream, js.ConsumerConfig{DeliverSubject: unique("deliver"), DeliverGroup: "ledger", FilterSubject: s.payments})
	check(t, err)
	payments := make(chan js.Msg)
	consumingPushed, err := ledger.Consume(func(payment js.Msg) { payments <- payment })
	check(t, err)
	for range publish {
		<-payments
	}
	consumingPushed.Stop()
	agent.Flushed()
	hash := uint64(0)
	for _, tags := range [][]string{
		{"direction:out", "topic:" + s.orders, "type:nats"}, {"direction:in", "group:billing", "topic:" + s.orders, "type:nats"},
		{"direction:out", "topic:" + s.payments, "type:nats"}, {"direction:in", "group:ledger", "topic:" + s.payments, "type:nats"},
	} {
		edge := agent.One(t, tags...)
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, hash, tags...); edge.Parent != hash || edge.Hash != want || edge.Current != 4 {
			t.Errorf("%v: want 4 messages, %d -> %d", edge, hash, want)
		}
		hash = edge.Hash
	}
	if edges := agent.Edges(); len(edges) != 4 {
		t.Errorf("%v", edges)
	}
}

// Messages that came without headers, from a consumer that is not durable and one that is ordered: in every batch each has its
// own pathway, which began when the stream took it.
func TestRoots(t *testing.T) {
	agent, s := agenttest.Start(t), connect(t, js.StreamConfig{})
	const messages = 3
	for range messages {
		_, err := s.plain.Publish(s.ctx, s.orders, []byte("12"))
		check(t, err)
		time.Sleep(2 * time.Millisecond)
	}
	ephemeral, err := s.CreateOrUpdateConsumer(s.ctx, s.stream, js.ConsumerConfig{})
	check(t, err)
	ordered, err := s.OrderedConsumer(s.ctx, s.stream, js.OrderedConsumerConfig{})
	check(t, err)
	stream, err := s.plain.Stream(s.ctx, s.stream)
	check(t, err)
	byHand, err := stream.CreateConsumer(s.ctx, js.ConsumerConfig{})
	check(t, err)
	for _, fetch := range []func() (js.MessageBatch, error){
		func() (js.MessageBatch, error) { return ephemeral.FetchNoWait(messages) },
		func() (js.MessageBatch, error) { return ordered.Fetch(messages) },
		func() (js.MessageBatch, error) {
			return jetstream.WrapConsumer(byHand).FetchBytes(1<<20, js.FetchMaxWait(time.Second))
		},
	} {
		batch, err := fetch()
		check(t, err)
		got := 0
		for msg := range batch.Messages() {
			got++
			pathway, _ := datastreams.PathwayFromContext(jetstream.ContextWithMessage(s.ctx, msg))
			metadata, err := msg.Metadata()
			check(t, err)
			if began := pathway.PathwayStart(); began.UnixMilli() != metadata.Timestamp.UnixMilli() {
				t.Errorf("it began at %v, and was stored at %v", began, metadata.Timestamp)
			}
			check(t, msg.Ack())
		}
		if got != messages || batch.Error() != nil {
			t.Errorf("%d messages, %v", got, batch.Error())
		}
	}
	agent.Chain(t, 3*messages, hop(2, "direction:in", "topic:"+s.orders, "type:nats"))
}

// What a stream takes without us it takes with us, and it is counted.
func TestStreamThatTakesLess(t *testing.T) {
	agenttest.Start(t)
	s := connect(t, js.StreamConfig{MaxMsgSize: 100})
	before := integrations.Counts()["nats_too_large"]
	_, err := s.Publish(s.ctx, s.orders, make([]byte, 100))
	check(t, err)
	if _, err := s.Publish(s.ctx, s.orders, make([]byte, 101)); err == nil {
		t.Error("more than the stream takes was taken")
	}
	if n := integrations.Counts()["nats_too_large"] - before; n != 2 {
		t.Errorf("%d were counted", n)
	}
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.Publish(ended, s.orders, nil); err == nil {
		t.Error("published after the end")
	}
}

// What nobody acknowledged may be published again: it continues what it continued first, and not itself.
func TestPublishedAgain(t *testing.T) {
	agent, s := agenttest.Start(t), connect(t, js.StreamConfig{})
	subject := unique("nobody")
	before, ctx := datastreams.SetCheckpoint(s.ctx, "before")
	msg := &natsgo.Msg{Subject: subject, Data: []byte("x"), Header: natsgo.Header{"own": {"1"}}}
	for range 3 {
		future, err := s.PublishMsgAsyncContext(ctx, msg, js.WithMsgID("1"), js.WithRetryAttempts(0))
		check(t, err)
		select {
		case <-future.Err():
		case <-time.After(patience):
			t.Fatal("no error")
		}
		if msg = future.Msg(); msg != future.Msg() || msg.Header.Get("own") != "1" || msg.Header.Get(js.MsgIDHeader) != "1" {
			t.Errorf("%v", msg)
		}
		ctx = context.Background()
	}
	agent.Flushed()
	if edge := agent.One(t, "direction:out", "topic:"+subject, "type:nats"); edge.Parent != before.GetHash() || edge.Current != 3 {
		t.Errorf("%v", edge)
	}
}

func TestWithoutHeaders(t *testing.T) {
	agent, s := agenttest.Start(t), connect(t, js.StreamConfig{}, jetstream.WithoutHeaders(), nil)
	_, err := s.PublishMsg(s.ctx, &natsgo.Msg{Subject: s.orders, Header: natsgo.Header{key: {"stale"}, "own": {"1"}}})
	check(t, err)
	consumer, err := s.CreateOrUpdateConsumer(s.ctx, s.stream, js.ConsumerConfig{Durable: "g"})
	check(t, err)
	msg, err := consumer.Next()
	check(t, err)
	if len(msg.Headers()) != 1 {
		t.Errorf("the headers are %v", msg.Headers())
	}
	pathway, _ := datastreams.PathwayFromContext(jetstream.TraceConsume(s.ctx, msg, "h"))
	if pathway.IsZero() || jetstream.ContextWithMessage(s.ctx, nil) != s.ctx || jetstream.TraceConsume(s.ctx, nil, "") != s.ctx {
		t.Error("by hand there is no pathway, or one of nothing")
	}
	agent.Flushed()
	if edges := agent.Edges(); len(edges) != 2 || len(agent.Find("direction:in", "group:g", "topic:"+s.orders, "type:nats")) != 1 {
		t.Errorf("%v", edges)
	}
}
