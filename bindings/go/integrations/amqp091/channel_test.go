package amqp091_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations"
	"github.com/datastreams/datastreams/bindings/go/integrations/amqp091"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/servertest"
)

const (
	patience = 30 * time.Second
	key      = datastreams.PropagationKeyBase64
)

func TestMain(m *testing.M) { servertest.Main(m) }

// broker is a connection, and a plain channel on it.
type broker struct {
	connection *amqp.Connection
	plain      *amqp.Channel
}

func connect(t *testing.T, config amqp.Config) *broker {
	t.Helper()
	connection, err := amqp.DialConfig(servertest.RabbitMQ(t), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	plain, err := connection.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return &broker{connection, plain}
}

func (b *broker) channel(t *testing.T, opts ...amqp091.Option) *amqp091.Channel {
	t.Helper()
	channel, err := amqp091.NewChannel(b.connection, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// queue makes a queue that is new.
func (b *broker) queue(t *testing.T, name string) string {
	t.Helper()
	declared, err := b.plain.QueueDeclare(unique(name), false, true, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return declared.Name
}

// exchange makes an exchange that is new, and queues that are bound to it by their keys.
func (b *broker) exchange(t *testing.T, kind string, keys ...string) (name string, queues []string) {
	t.Helper()
	name = unique(kind)
	if err := b.plain.ExchangeDeclare(name, kind, false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		queue := b.queue(t, kind+"-queue")
		if err := b.plain.QueueBind(queue, key, name, false, nil); err != nil {
			t.Fatal(err)
		}
		queues = append(queues, queue)
	}
	return name, queues
}

func unique(name string) string { return fmt.Sprintf("%s-%08x", name, rand.Uint32()) }

func publish(t *testing.T, channel *amqp091.Channel, ctx context.Context, exchange, key string, msg amqp.Publishing) {
	t.Helper()
	if err := channel.PublishWithContext(ctx, exchange, key, false, false, msg); err != nil {
		t.Fatal(err)
	}
}

// getter is a channel of either kind.
type getter interface {
	Get(queue string, autoAck bool) (amqp.Delivery, bool, error)
}

func get(t *testing.T, channel getter, queue string) *amqp.Delivery {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		delivery, ok, err := channel.Get(queue, true)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			return &delivery
		}
	}
	t.Fatalf("%s stays empty", queue)
	return nil
}

func next(t *testing.T, deliveries <-chan amqp.Delivery) *amqp.Delivery {
	t.Helper()
	select {
	case delivery, ok := <-deliveries:
		if !ok {
			t.Fatal("the deliveries ended")
		}
		return &delivery
	case <-time.After(patience):
		t.Fatal("nothing is delivered")
		return nil
	}
}

func produced(queue string) []string {
	return []string{"direction:out", "topic:" + queue, "type:rabbitmq"}
}

func consumed(queue string) []string {
	return []string{"direction:in", "topic:" + queue, "type:rabbitmq"}
}

// hops are edges that messages of a size pass.
func hops(size float64, edges ...[]string) (all []agenttest.Hop) {
	for _, tags := range edges {
		all = append(all, agenttest.Hop{Size: size, Tags: tags})
	}
	return all
}

// A service between two queues: with the context, and with the headers of what it consumed.
func TestChain(t *testing.T) {
	agent, b := agenttest.Start(t), connect(t, amqp.Config{})
	orders, payments := b.queue(t, "orders"), b.queue(t, "payments")
	source, between, sink := b.channel(t), b.channel(t), b.channel(t)
	const messages = 6
	headers := amqp.Table{"tenant": "ä", "attempt": int32(3)}
	for range messages {
		publish(t, source, context.Background(), "", orders, amqp.Publishing{Body: []byte("12 apples"), Headers: headers})
	}
	if len(headers) != 2 {
		t.Errorf("the program's headers became %v", headers)
	}
	deliveries, err := between.Consume(orders, "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		order := next(t, deliveries)
		if order.Headers["tenant"] != "ä" || order.Headers["attempt"] != int32(3) || len(order.Headers) != 3 {
			t.Errorf("the headers arrive as %v", order.Headers)
		}
		before := maps.Clone(order.Headers)
		payment, ctx := amqp.Publishing{Body: order.Body, Headers: headers}, amqp091.ContextWithDelivery(context.Background(), order)
		if i%2 == 0 {
			payment.Headers, ctx = order.Headers, context.Background()
		}
		publish(t, between, ctx, "", payments, payment)
		if !maps.Equal(before, order.Headers) {
			t.Errorf("publishing made %v of %v", order.Headers, before)
		}
		if err := order.Ack(false); err != nil {
			t.Fatal(err)
		}
	}
	for range messages {
		payment := get(t, sink, payments)
		if _, ok := payment.Headers[key].(string); !ok || len(payment.Headers) != 3 {
			t.Errorf("the headers are %v", payment.Headers)
		}
	}
	if _, ok, err := sink.Get(payments, true); ok || err != nil {
		t.Error(ok, err)
	}
	agent.Chain(t, messages, hops(9+6+2+7+8, produced(orders), consumed(orders), produced(payments), consumed(payments))...)
}

// Exchanges of all kinds: with a routing key and without, to one queue and to several.
func TestExchanges(t *testing.T) {
	for kind, bound := range map[string]struct {
		key    string
		queues []string // their binding keys
		keyed  string
	}{
		"direct": {"eu", []string{"eu"}, "true"},
		"topic":  {"orders.eu", []string{"orders.*", "#"}, "true"},
		"fanout": {"", []string{"", ""}, "false"},
	} {
		agent, b := agenttest.Start(t), connect(t, amqp.Config{})
		channel := b.channel(t)
		exchange, queues := b.exchange(t, kind, bound.queues...)
		if _, err := channel.PublishWithDeferredConfirm(exchange, bound.key, false, false, amqp.Publishing{Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		for _, queue := range queues {
			get(t, channel, queue)
		}
		agent.Flushed()
		out := agent.One(t, "direction:out", "exchange:"+exchange, "has_routing_key:"+bound.keyed, "type:rabbitmq")
		if out.Current != 1 || out.Parent != 0 {
			t.Errorf("%s: %v", kind, out)
		}
		for _, queue := range queues {
			if in := agent.One(t, consumed(queue)...); in.Parent != out.Hash || in.Current != 1 {
				t.Errorf("%s: %v, not from %v", kind, in, out)
			}
		}
		datastreams.Stop()
	}
}

// The published constants of the tracers' tests: service weblog, environment system-tests.
func TestHashesOfOtherTracers(t *testing.T) {
	agent := agenttest.Start(t, datastreams.WithService("weblog"), datastreams.WithEnv("system-tests"))
	msg := &amqp.Publishing{}
	amqp091.TraceProduce(context.Background(), "dsm-system-tests-exchange", "key", msg)
	ctx := amqp091.TraceConsume(context.Background(), "dsm-system-tests-queue", &amqp.Delivery{Headers: msg.Headers})
	if pathway, _ := datastreams.PathwayFromContext(ctx); pathway.GetHash() != 247866491670975357 {
		t.Errorf("the hash is %d", pathway.GetHash())
	}
	agent.Flushed()
	out := agent.One(t, "direction:out", "exchange:dsm-system-tests-exchange", "has_routing_key:true", "type:rabbitmq")
	if out.Hash != 8945717757344503539 {
		t.Errorf("%v", out)
	}
}

// One queue, of messages with and without a pathway, as any client writes it: none takes that of another.
func TestEachDeliveryItsOwnPathway(t *testing.T) {
	agent, b := agenttest.Start(t), connect(t, amqp.Config{})
	queue := b.queue(t, "mixed")
	before, hourAgo := datastreams.NewPathway("before"), time.Now().Add(-time.Hour)
	text := before.EncodeStr()
	headers := []amqp.Table{
		{key: text}, nil, {key: []byte(text)}, {key: "?"}, {key: "?", datastreams.PropagationKey: before.Encode()}, {key: int32(17)},
		{key: amqp.Table{"a": "b"}}, {key: nil}, {datastreams.PropagationKey: before.Encode()},
	}
	for _, table := range headers {
		if err := b.plain.PublishWithContext(context.Background(), "", queue, false, false, amqp.Publishing{Headers: table, Timestamp: hourAgo}); err != nil {
			t.Fatal(err)
		}
	}
	deliveries, err := b.channel(t).ConsumeWithContext(context.Background(), queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	carrying := map[int]bool{0: true, 2: true, 4: true, 8: true}
	for i := range headers {
		delivery := next(t, deliveries)
		parent := uint64(0)
		if carrying[i] {
			parent = before.GetHash()
		}
		pathway, ok := datastreams.PathwayFromContext(amqp091.ContextWithDelivery(context.Background(), delivery))
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, parent, consumed(queue)...); !ok || pathway.GetHash() != want {
			t.Errorf("%d (%v) has %d, not %d", i, headers[i], pathway.GetHash(), want)
		}
		if began := pathway.PathwayStart(); parent == 0 && began.Sub(hourAgo).Abs() > 2*time.Second {
			t.Errorf("%d began at %v", i, began)
		}
	}
	agent.Flushed()
	counts := map[uint64]float64{}
	for _, edge := range agent.Find(consumed(queue)...) {
		counts[edge.Parent] = edge.Current
	}
	if len(counts) != 2 || counts[0] != 5 || counts[before.GetHash()] != 4 {
		t.Errorf("deliveries by parent: %v", counts)
	}
	if unreadable := datastreams.Counters()["header_unreadable"]; unreadable != 3 {
		t.Errorf("%d headers could not be read", unreadable)
	}
}

// Every size of headers around the largest: the broker closes the connection of who sends more than a frame holds, so all that
// fit without us must still be taken, and a checkpoint be set for exactly those that carry the header.
func TestNoRoomForTheHeader(t *testing.T) {
	const frame = 4096
	agent, b := agenttest.Start(t), connect(t, amqp.Config{FrameSize: frame})
	queue, channel := b.queue(t, "full"), b.channel(t)
	if b.connection.Config.FrameSize != frame {
		t.Fatalf("the largest frame is %d", b.connection.Config.FrameSize)
	}
	skipped := integrations.Counts()["rabbitmq_too_large"]
	sent := 0
	for size := frame - 400; size < frame-80; size += 4 {
		stale := amqp.Table{"h": strings.Repeat("x", size-(len(key)+40)), key: "stale header, as long as one that is not"[:36]}
		publish(t, channel, context.Background(), "", queue, amqp.Publishing{Headers: stale, ContentType: "text/plain"})
		sent++
	}
	carrying := 0.0
	for range sent {
		if _, ok := get(t, b.plain, queue).Headers[key]; ok {
			carrying++
		}
	}
	agent.Flushed()
	if edge := agent.One(t, produced(queue)...); edge.Current != carrying || carrying == 0 || carrying == float64(sent) {
		t.Errorf("%g of %d carry the header: %v", carrying, sent, edge)
	}
	if n := integrations.Counts()["rabbitmq_too_large"] - skipped; float64(n) != float64(sent)-carrying {
		t.Errorf("%d were counted, of %d", n, sent)
	}
	if lines := agent.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "rabbitmq_too_large") {
		t.Errorf("the log is %q", lines)
	}
	// That is how it is: more than a frame, without us.
	closed := b.connection.NotifyClose(make(chan *amqp.Error, 1))
	_ = b.plain.PublishWithContext(context.Background(), "", queue, false, false, amqp.Publishing{Headers: amqp.Table{"h": strings.Repeat("x", frame)}})
	select {
	case err := <-closed:
		if err == nil {
			t.Error("closed without an error")
		}
	case <-time.After(patience):
		t.Error("the broker took more than a frame")
	}
}

func TestRefusedBeforeItIsSent(t *testing.T) {
	agent, b := agenttest.Start(t), connect(t, amqp.Config{})
	queue, channel := b.queue(t, "refused"), b.channel(t)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := channel.PublishWithContext(ended, "", queue, false, false, amqp.Publishing{}); err == nil {
		t.Error("published after the end")
	}
	if err := channel.PublishWithContext(context.Background(), "", queue, false, false, amqp.Publishing{Headers: amqp.Table{"a": struct{}{}}}); err == nil {
		t.Error("a value that is none was taken")
	}
	if err := channel.Close(); err != nil {
		t.Fatal(err)
	}
	if err := channel.PublishWithContext(context.Background(), "", queue, false, false, amqp.Publishing{}); err == nil {
		t.Error("a closed channel took a message")
	}
	if _, err := channel.Consume(queue, "", true, false, false, false, nil); err == nil {
		t.Error("a closed channel consumes")
	}
	if _, _, err := channel.Get(queue, true); err == nil {
		t.Error("a closed channel gets")
	}
	if edges := agent.Flushed(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
}

func TestWithoutHeaders(t *testing.T) {
	agent, b := agenttest.Start(t), connect(t, amqp.Config{})
	queue := b.queue(t, "bare")
	channel := b.channel(t, amqp091.WithoutHeaders(), nil)
	publish(t, channel, context.Background(), "", queue, amqp.Publishing{Headers: amqp.Table{key: "stale", "own": "1"}})
	if delivery := get(t, channel, queue); len(delivery.Headers) != 1 || delivery.Headers["own"] != "1" {
		t.Errorf("the headers are %v", delivery.Headers)
	}
	agent.Chain(t, 1, hops(4, consumed(queue))...)
}

// Queues that the broker named are one edge, on both sides.
func TestQueuesThatTheBrokerNamed(t *testing.T) {
	agent, b := agenttest.Start(t), connect(t, amqp.Config{})
	channel := b.channel(t)
	declared, err := channel.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, channel, context.Background(), "", declared.Name, amqp.Publishing{Body: []byte("x")})
	get(t, channel, "") // the last that was declared
	agent.Chain(t, 1, hops(1, produced("amq.gen"), consumed("amq.gen"))...)
}

// Deliveries end with the consumer, and nothing outlives the channel, though nobody takes what was delivered.
func TestNoGoroutineOutlivesTheChannel(t *testing.T) {
	agenttest.Start(t)
	b := connect(t, amqp.Config{})
	queue, channel := b.queue(t, "ends"), b.channel(t)
	cancelled, err := channel.Consume(queue, "first", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := channel.Cancel("first", false); err != nil {
		t.Fatal(err)
	}
	if _, ok := <-cancelled; ok {
		t.Error("a cancelled consumer delivers")
	}
	queue = b.queue(t, "ends")
	untaken, err := channel.Consume(queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		publish(t, channel, context.Background(), "", queue, amqp.Publishing{})
	}
	next(t, untaken) // the others are on their way
	if ours() == "" {
		t.Fatal("the test does not see goroutines")
	}
	if err := channel.Close(); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(patience); ours() != ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("left: %s", ours())
		}
	}
	if _, ok := <-untaken; ok {
		t.Error("a closed channel delivers")
	}
}

// ours returns the stacks of the package's goroutines.
func ours() string {
	all := make([]byte, 1<<20)
	stacks := strings.Split(string(all[:runtime.Stack(all, true)]), "\n\n")
	return strings.Join(slices.DeleteFunc(stacks, func(stack string) bool {
		return !strings.Contains(stack, "amqp091.(*Channel).m") // measured, move
	}), "\n\n")
}

func TestNothingStartedChangesNothing(t *testing.T) {
	msg := &amqp.Publishing{Headers: amqp.Table{"own": "1"}}
	ctx := context.Background()
	if amqp091.TraceProduce(ctx, "", "orders", msg) != ctx || len(msg.Headers) != 1 {
		t.Errorf("%v", msg.Headers)
	}
	for _, delivery := range []*amqp.Delivery{nil, {}, {Headers: amqp.Table{key: "?"}}} {
		if amqp091.ContextWithDelivery(ctx, delivery) != ctx {
			t.Errorf("%v has a pathway", delivery)
		}
	}
	if amqp091.TraceProduce(ctx, "", "orders", nil) != ctx || amqp091.TraceConsume(ctx, "orders", nil) != ctx {
		t.Error("nothing has a pathway")
	}
}
