package nats_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations"
	"github.com/datastreams/datastreams/bindings/go/integrations/nats"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/servertest"
)

const (
	patience = 30 * time.Second
	key      = datastreams.PropagationKeyBase64
)

func TestMain(m *testing.M) { servertest.Main(m) }

func connect(t *testing.T, opts ...natsgo.Option) *natsgo.Conn {
	t.Helper()
	conn, err := natsgo.Connect(servertest.NATS(t), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func unique(name string) string { return fmt.Sprintf("%s-%08x", name, rand.Uint32()) }

func out(subject string) []string { return []string{"direction:out", "topic:" + subject, "type:nats"} }

func in(subject, group string) []string {
	tags := []string{"direction:in", "topic:" + subject, "type:nats"}
	if group != "" {
		tags = append(tags, "group:"+group)
	}
	return tags
}

func hop(size float64, tags []string) agenttest.Hop { return agenttest.Hop{Size: size, Tags: tags} }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func next(t *testing.T, subscription interface {
	NextMsg(time.Duration) (*natsgo.Msg, error)
}) *natsgo.Msg {
	t.Helper()
	msg, err := subscription.NextMsg(patience)
	check(t, err)
	return msg
}

// A queue group that passes on what it gets, with the context and with the headers; and a subscription that is asked.
func TestChain(t *testing.T) {
	agent, conn := agenttest.Start(t), nats.Wrap(connect(t))
	orders, payments := unique("orders"), unique("payments")
	const messages = 6
	sink, err := conn.SubscribeSync(payments)
	check(t, err)
	_, err = conn.QueueSubscribe(orders, "billing", func(order *natsgo.Msg) {
		before := order.Header.Get(key)
		payment, ctx := &natsgo.Msg{Subject: payments, Data: order.Data, Header: order.Header}, context.Background()
		if order.Header.Get("turn") == "0" {
			payment.Header, ctx = natsgo.Header{"turn": {"0"}}, nats.ContextWithMessage(ctx, order)
		}
		if err := conn.PublishMsgContext(ctx, payment); err != nil {
			t.Error(err)
		}
		if order.Header.Get(key) != before || before == "" {
			t.Errorf("publishing made the header %q of %q", order.Header.Get(key), before)
		}
	})
	check(t, err)
	for i := range messages {
		msg := &natsgo.Msg{Subject: orders, Data: []byte("12 apples"), Header: natsgo.Header{"turn": {fmt.Sprint(i % 2)}}}
		check(t, conn.PublishMsg(msg))
		if len(msg.Header) != 1 {
			t.Errorf("the program's headers became %v", msg.Header)
		}
	}
	for range messages {
		if payment := next(t, sink); len(payment.Header) != 2 || len(payment.Header[key]) != 1 {
			t.Errorf("the headers are %v", payment.Header)
		}
	}
	if _, err := sink.NextMsg(time.Millisecond); err == nil {
		t.Error("a message too many")
	}
	const size = 9 + 4 + 1
	agent.Chain(t, messages, hop(size, out(orders)), hop(size, in(orders, "billing")), hop(size, out(payments)), hop(size, in(payments, "")))
}

// Requests are messages, answers are not; nor is what is said on subjects that begin with $.
func TestRequests(t *testing.T) {
	agent := agenttest.Start(t)
	for _, inbox := range []string{"", "ANSWERS.here"} {
		var opts []natsgo.Option
		if inbox != "" {
			opts = append(opts, natsgo.CustomInboxPrefix(inbox))
		}
		conn := nats.Wrap(connect(t, opts...))
		subject := unique("questions")
		_, err := conn.Subscribe(subject, func(question *natsgo.Msg) {
			if err := question.Respond([]byte("yes")); err != nil {
				t.Error(err)
			}
			if question.Header.Get(key) == "" {
				t.Error("a question without a pathway")
			}
		})
		check(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		msg := &natsgo.Msg{Subject: subject}
		for _, ask := range []func() (*natsgo.Msg, error){
			func() (*natsgo.Msg, error) { return conn.Request(subject, nil, patience) },
			func() (*natsgo.Msg, error) { return conn.RequestMsg(msg, patience) },
			func() (*natsgo.Msg, error) { return conn.RequestWithContext(ctx, subject, nil) },
			func() (*natsgo.Msg, error) { return conn.RequestMsgWithContext(ctx, msg) },
		} {
			answer, err := ask()
			check(t, err)
			if string(answer.Data) != "yes" || len(answer.Header) != 0 {
				t.Errorf("%q %v", answer.Data, answer.Header)
			}
		}
		// By hand, as a service does that answers later.
		answers, err := conn.SubscribeSync(conn.NewInbox())
		check(t, err)
		check(t, conn.PublishRequest(subject, answers.Subject, nil))
		next(t, answers)
		check(t, conn.PublishRequest("$SYS.nobody", "x", nil))
		agent.Flushed()
		if question := agent.One(t, out(subject)...); question.Current != 5 {
			t.Errorf("%v", question)
		}
		if received := agent.One(t, in(subject, "")...); received.Current != 5 {
			t.Errorf("%v", received)
		}
	}
	if edges := agent.Edges(); len(edges) != 4 {
		t.Errorf("%v", edges)
	}
}

// Answers by hand, to a connection with inboxes of its own: those of a connection that was passed here are known.
func TestAnswersByHand(t *testing.T) {
	agent, conn := agenttest.Start(t), connect(t, natsgo.CustomInboxPrefix("BY.HAND"))
	subject, ctx := unique("questions"), context.Background()
	_, err := conn.Subscribe(subject, func(question *natsgo.Msg) {
		answer := &natsgo.Msg{Subject: question.Reply, Data: []byte("yes")}
		if nats.TraceProduce(ctx, conn, answer) != ctx || len(answer.Header) != 0 {
			t.Errorf("an answer has a pathway: %v", answer.Header)
		}
		check(t, conn.PublishMsg(answer))
	})
	check(t, err)
	question := &natsgo.Msg{Subject: subject}
	nats.TraceProduce(ctx, conn, question)
	answer, err := conn.RequestMsg(question, patience)
	check(t, err)
	if nats.TraceConsume(ctx, answer, "") != ctx || !strings.HasPrefix(answer.Subject, "BY.HAND.") {
		t.Errorf("%q is measured", answer.Subject)
	}
	agent.Chain(t, 1, hop(0, out(subject)))
}

// One subject, of messages with and without a pathway: none takes that of another.
func TestEachMessageItsOwnPathway(t *testing.T) {
	agent, plain := agenttest.Start(t), connect(t)
	subject, before := unique("mixed"), datastreams.NewPathway("before")
	subscription, err := nats.Wrap(plain).QueueSubscribeSync(subject, "g")
	check(t, err)
	text := before.EncodeStr()
	headers := []natsgo.Header{{key: {text}}, nil, {key: {"?"}}, {key: {"?", text}}, {}, {key: {}}, {key: {"?"}, datastreams.PropagationKey: {text}}}
	for _, header := range headers {
		check(t, plain.PublishMsg(&natsgo.Msg{Subject: subject, Header: header}))
	}
	carrying := map[int]bool{0: true, 3: true, 6: true}
	for i := range headers {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		msg, err := subscription.NextMsgWithContext(ctx)
		cancel()
		check(t, err)
		parent := uint64(0)
		if carrying[i] {
			parent = before.GetHash()
		}
		pathway, ok := datastreams.PathwayFromContext(nats.ContextWithMessage(context.Background(), msg))
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, parent, in(subject, "g")...); !ok || pathway.GetHash() != want {
			t.Errorf("%d (%v) has %d, not %d", i, headers[i], pathway.GetHash(), want)
		}
	}
	agent.Flushed()
	if edges := agent.Find(in(subject, "g")...); len(edges) != 2 {
		t.Errorf("%v", edges)
	}
}

// Every size around the largest: what the client takes by itself it takes when it is measured, and a checkpoint is set for
// exactly those that carry the header.
func TestNoRoomForTheHeader(t *testing.T) {
	agent, plain := agenttest.Start(t), connect(t)
	conn, subject := nats.Wrap(plain), unique("full")
	skipped := integrations.Counts()["nats_too_large"]
	subscription, err := plain.SubscribeSync(subject)
	check(t, err)
	check(t, subscription.SetPendingLimits(-1, -1))
	most := int(plain.MaxPayload())
	data := make([]byte, most+10)
	taken, refused, carrying := 0, 0, 0.0
	for size := most - 130; size <= most+10; size += 2 {
		headers := natsgo.Header{"own": {"1"}}
		if size%4 == 0 {
			headers = natsgo.Header{key: {"stale"}}
		}
		msg := &natsgo.Msg{Subject: subject, Data: data[:size], Header: headers}
		alone := &natsgo.Msg{Subject: unique("nobody"), Data: data[:size]}
		if size%4 != 0 {
			alone.Header = headers
		}
		if err, plain := conn.PublishMsg(msg), plain.PublishMsg(alone); (err == nil) != (plain == nil) {
			t.Fatalf("%d bytes: %v, and without us %v", size, err, plain)
		} else if err != nil {
			refused++
			continue
		}
		taken++
	}
	for range taken {
		if msg := next(t, subscription); slices.Equal(msg.Header[key], []string{"stale"}) {
			t.Error("a message was sent on with a header that belongs to another")
		} else if len(msg.Header[key]) == 1 {
			carrying++
		}
	}
	agent.Flushed()
	if edge := agent.One(t, out(subject)...); edge.Current != carrying || carrying == 0 || carrying == float64(taken) || refused == 0 {
		t.Errorf("%g of %d carry the header, %d were refused: %v", carrying, taken, refused, edge)
	}
	if n := integrations.Counts()["nats_too_large"] - skipped; float64(n) < float64(taken)-carrying {
		t.Errorf("%d were counted, of %d", n, taken)
	}
	if lines := agent.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "nats_too_large") {
		t.Errorf("the log is %q", lines)
	}
}

// A server without headers gets what it takes, and no checkpoint is set for what it cannot carry.
func TestServerWithoutHeaders(t *testing.T) {
	agent := agenttest.Start(t)
	plain, err := natsgo.Connect(servertest.NATSWithoutHeaders(t))
	check(t, err)
	defer plain.Close()
	conn, subject := nats.Wrap(plain), unique("old")
	subscription, err := conn.SubscribeSync(subject)
	check(t, err)
	before := integrations.Counts()["nats_no_headers"]
	check(t, conn.Publish(subject, []byte("x")))
	next(t, subscription)
	if n := integrations.Counts()["nats_no_headers"] - before; n != 1 || plain.HeadersSupported() {
		t.Errorf("%d were counted; headers are supported: %v", n, plain.HeadersSupported())
	}
	agent.Chain(t, 1, hop(1, in(subject, "")))
}

func TestRefusedBeforeItIsSent(t *testing.T) {
	agent, conn := agenttest.Start(t), nats.Wrap(connect(t))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := conn.RequestWithContext(ended, "questions", nil); err == nil {
		t.Error("asked after the end")
	}
	if err := conn.PublishRequest("subject", "", nil); err == nil {
		t.Error("no reply was taken")
	}
	if err := conn.PublishMsg(nil); err == nil {
		t.Error("nil was taken")
	}
	if _, err := conn.Subscribe("subject", nil); err == nil {
		t.Error("no handler was taken")
	}
	if _, err := conn.SubscribeSync(""); err == nil {
		t.Error("no subject was taken")
	}
	conn.Close()
	if err := conn.Publish("subject", nil); err == nil {
		t.Error("a closed connection took a message")
	}
	if edges := agent.Flushed(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
}

func TestWithoutHeaders(t *testing.T) {
	agent, conn := agenttest.Start(t), nats.Wrap(connect(t), nats.WithoutHeaders(), nil)
	subject := unique("bare")
	subscription, err := conn.SubscribeSync(subject)
	check(t, err)
	check(t, conn.PublishMsg(&natsgo.Msg{Subject: subject, Header: natsgo.Header{key: {"stale"}, "own": {"1"}}}))
	if msg := next(t, subscription); len(msg.Header) != 1 || msg.Header.Get("own") != "1" {
		t.Errorf("the headers are %v", msg.Header)
	}
	agent.Chain(t, 1, hop(4, in(subject, "")))
}

// By hand, and the same tags as through a wrapper.
func TestByHand(t *testing.T) {
	agent, plain := agenttest.Start(t), connect(t)
	shared := natsgo.Header{"own": {"1"}}
	msg := &natsgo.Msg{Subject: "orders", Data: []byte("x"), Header: shared}
	ctx := nats.TraceProduce(context.Background(), plain, msg)
	sent, _ := datastreams.PathwayFromContext(ctx)
	if len(shared) != 1 || msg.Header.Get(key) != sent.EncodeStr() {
		t.Errorf("%v, %v", shared, msg.Header)
	}
	nats.TraceConsume(context.Background(), msg, "billing")
	answer := &natsgo.Msg{Subject: "_INBOX.x"}
	if ctx := context.Background(); nats.TraceProduce(ctx, plain, answer) != ctx || nats.TraceConsume(ctx, answer, "") != ctx || nats.TraceConsume(ctx, nil, "") != ctx || nats.ContextWithMessage(ctx, nil) != ctx {
		t.Error("what is not followed has a pathway")
	}
	agent.Chain(t, 1, hop(5, out("orders")), hop(5, in("orders", "billing")))
}

// When nothing is measured any more, a context does not go from one message to another either.
func TestNoPathwayButItsOwnAfterStop(t *testing.T) {
	agenttest.Start(t)
	_, another := datastreams.SetCheckpoint(context.Background(), "type:kafka")
	datastreams.Stop()
	if p, ok := datastreams.PathwayFromContext(nats.TraceConsume(another, &natsgo.Msg{Subject: "orders"}, "")); ok {
		t.Errorf("the message has another's pathway: %v", p)
	}
}
