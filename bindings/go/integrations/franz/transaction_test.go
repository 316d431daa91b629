package franz

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

// The offsets of a transaction are committed when it ends, however long that takes, and not when it takes them.
func TestTransaction(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.Fake(t)
	orders, payments, billing := broker.Topic(t, "orders", 1), broker.Topic(t, "payments", 1), broker.Group("billing")
	send(t, broker.Client(t), &kgo.Record{Topic: orders}, &kgo.Record{Topic: orders})
	const slow = 3 * readLater
	broker.Fake.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.Fake.KeepControl()
		broker.Fake.SleepControl(func() { time.Sleep(slow) })
		return nil, nil, false
	})
	hooks := NewHooks(WithClusterID(broker.ClusterID))
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(broker.Addr), kgo.WithHooks(hooks), kgo.TransactionalID("billing"),
		kgo.ConsumerGroup(billing), kgo.ConsumeTopics(orders), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	told := func() int64 {
		agent.Flushed()
		return agent.Backlog("type:kafka_commit", "consumer_group:"+billing, "topic:"+orders, "partition:0", "kafka_cluster_id:"+broker.ClusterID)
	}
	for _, commit := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		for read := 0; read < 2; {
			fetches := session.PollFetches(timeout(t))
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			read += fetches.NumRecords()
		}
		if err := session.Begin(); err != nil {
			t.Fatal(err)
		}
		if err := session.ProduceSync(timeout(t), &kgo.Record{Topic: payments}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if at := told(); at != -1 {
			t.Fatalf("before its end %d is told", at)
		}
		if done, err := session.End(timeout(t), commit); done != bool(commit) || err != nil {
			t.Fatal(done, err)
		}
		if !commit {
			time.Sleep(2 * readLater)
			if at := told(); at != -1 {
				t.Errorf("of an aborted one %d is told", at)
			}
		}
	}
	brokertest.Eventually(t, "what a transaction committed is reported", func() bool { return told() == 2 })
	if at := broker.Committed(t, billing, orders, 0); at != 2 {
		t.Errorf("%d is committed", at)
	}
}
