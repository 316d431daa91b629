package ibmsarama

import (
	"context"
	"testing"

	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

// The client's own part of a session.
type noSession struct{ sarama.ConsumerGroupSession }

func (noSession) MarkOffset(string, int32, int64, string)  {}
func (noSession) ResetOffset(string, int32, int64, string) {}
func (noSession) Commit()                                  {}
func (noSession) Claims() map[string][]int32               { return map[string][]int32{"orders": {0}} }

// Marks do not go back, whichever way they are committed: only a reset does.
func TestMarksDoNotGoBack(t *testing.T) {
	const nothing = -1
	for _, automatic := range []bool{true, false} {
		c := consumerOf([]Option{WithGroup("billing"), WithClusterID("c")})
		c.commits = automatic
		s := &session{ConsumerGroupSession: noSession{}, consumer: c}
		steps := []struct {
			name string
			step func()
			want int64
		}{
			{"marked early", func() { s.MarkOffset("orders", 0, 1, "") }, nothing},
			{"reset early", func() { s.ResetOffset("orders", 0, 1, "") }, nothing},
			{"begun", func() { s.begin("orders", 0, 5) }, 5}, // is what the client made of it
			{"reset to where it is", func() { s.ResetOffset("orders", 0, 5, "") }, 5},
			{"marked where it is", func() { s.MarkOffset("orders", 0, 5, "") }, nothing},
			{"of another member", func() { s.MarkOffset("orders", 1, 5, ""); s.ResetOffset("orders", 1, 5, "") }, nothing},
			{"marked", func() { s.MarkOffset("orders", 0, 8, "") }, 8},
			{"marked below", func() { s.MarkOffset("orders", 0, 5, "") }, nothing},
			{"marked above", func() { s.MarkOffset("orders", 0, 9, "") }, 9},
			{"reset above", func() { s.ResetOffset("orders", 0, 12, "") }, nothing},
			{"reset", func() { s.ResetOffset("orders", 0, 3, "") }, 3},
			{"marked again", func() { s.MarkOffset("orders", 0, 4, "") }, 4},
			{"begun again", func() { s.begin("orders", 0, 20) }, nothing}, // as cooperative members do
			{"marked below the new begin", func() { s.MarkOffset("orders", 0, 12, "") }, nothing},
			{"reset without a mark", func() { s.ResetOffset("orders", 0, 12, "") }, 12},
			{"begun without a commit", func() { s.begin("orders", 0, sarama.OffsetOldest) }, nothing},
			{"reset without a commit", func() { s.ResetOffset("orders", 0, 0, "") }, nothing},
		}
		for _, one := range steps {
			agent := agenttest.Start(t)
			one.step()
			s.Commit()
			agent.Flushed()
			if at := agent.Backlog("type:kafka_commit", "consumer_group:billing", "topic:orders", "partition:0", "kafka_cluster_id:c"); at != one.want {
				t.Errorf("automatic %t, %s: told is %d, not %d", automatic, one.name, at, one.want)
			}
			datastreams.Stop()
		}
	}
}

// meanwhile is a client's session in which something happens while it commits.
type meanwhile struct {
	noSession
	happens func()
}

func (m *meanwhile) Commit() { m.happens() }

// What is marked while a commit is under way was perhaps not in it: the claims of a session commit independently.
func TestMarkedDuringACommit(t *testing.T) {
	agent := agenttest.Start(t)
	c := consumerOf([]Option{WithGroup("billing"), WithClusterID("c")})
	c.commits = false
	client := &meanwhile{}
	s := &session{ConsumerGroupSession: client, consumer: c}
	told := func() int64 {
		agent.Flushed()
		return agent.Backlog("type:kafka_commit", "consumer_group:billing", "topic:orders", "partition:0", "kafka_cluster_id:c")
	}
	s.begin("orders", 0, 0)
	s.MarkOffset("orders", 0, 5, "")
	client.happens = func() { s.MarkOffset("orders", 0, 9, "") }
	s.Commit()
	if at := told(); at != 5 {
		t.Errorf("after a commit of 5 %d is told", at)
	}
	client.happens = func() {}
	s.Commit()
	if at := told(); at != 9 {
		t.Errorf("after a commit of 9 %d is told", at)
	}
}

// assigned is a client's session whose partitions change, as those of cooperative members do.
type assigned struct {
	noSession
	claims map[string][]int32
}

func (a *assigned) Claims() map[string][]int32 { return a.claims }
func (*assigned) Context() context.Context     { return context.Background() }

// A worker that is late marks what the client does not commit any more: a partition that was taken away, a session that ended.
func TestMarkedTooLate(t *testing.T) {
	both := map[string][]int32{"orders": {0, 1}}
	for _, automatic := range []bool{true, false} {
		agent := agenttest.Start(t)
		told := func(partition string) int64 {
			agent.Flushed()
			return agent.Backlog("type:kafka_commit", "consumer_group:billing", "topic:orders", partition, "kafka_cluster_id:c")
		}
		c := consumerOf([]Option{WithGroup("billing"), WithClusterID("c")})
		c.commits = automatic
		client := &assigned{claims: both}
		h := &handler{wrapped: setup(func(sarama.ConsumerGroupSession) {}), consumer: c}
		if err := h.Setup(client); err != nil {
			t.Fatal(err)
		}
		s := h.session(client)
		s.begin("orders", 0, 0)
		s.begin("orders", 1, 0)
		s.MarkOffset("orders", 0, 1, "")
		s.Commit()
		s.MarkOffset("orders", 0, 2, "") // automatic commits have it when the partition goes
		client.claims = map[string][]int32{"orders": {1}}
		s.MarkOffset("orders", 0, 3, "")
		s.Commit()
		want := int64(1)
		if automatic {
			want = 2
		}
		if at := told("partition:0"); at != want {
			t.Errorf("automatic %t: of a partition that was taken away %d is told, not %d", automatic, at, want)
		}
		client.claims = both
		s.begin("orders", 0, 1)
		s.MarkOffset("orders", 0, 4, "")
		s.Commit()
		if at := told("partition:0"); at != 4 {
			t.Errorf("automatic %t: of a partition that is back %d is told", automatic, at)
		}
		if err := h.Cleanup(client); err != nil {
			t.Fatal(err)
		}
		s.MarkOffset("orders", 1, 5, "")
		s.Commit()
		if at := told("partition:1"); at != -1 {
			t.Errorf("automatic %t: after the session %d is told", automatic, at)
		}
		datastreams.Stop()
	}
}

// A group that goes back before it reads, as programs do that start anew: what we tell is what the broker has.
func TestResetInSetup(t *testing.T) {
	broker := brokertest.New(t)
	topic, group := broker.Topic(t, "orders", 1), broker.Group("billing")
	agenttest.Start(t)
	producer := syncProducer(t, broker, config())
	for range 6 {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic}); err != nil {
			t.Fatal(err)
		}
	}
	read(t, broker, group, config(), topic, 6, func(session sarama.ConsumerGroupSession, msg *sarama.ConsumerMessage) {
		session.MarkMessage(msg, "")
	})
	if at := broker.Committed(t, group, topic, 0); at != 6 {
		t.Fatalf("%d is committed", at)
	}
	byHand := config()
	byHand.Consumer.Offsets.AutoCommit.Enable = false
	for _, one := range []struct {
		name   string
		config *sarama.Config
		setup  func(sarama.ConsumerGroupSession)
		want   int64 // at the broker
		told   int64
	}{
		{"reset above", config(), func(s sarama.ConsumerGroupSession) { s.MarkOffset(topic, 0, 5, ""); s.ResetOffset(topic, 0, 9, "") }, 6, 6},
		{"marked below", config(), func(s sarama.ConsumerGroupSession) { s.MarkOffset(topic, 0, 5, "") }, 6, 6},
		{"reset", config(), func(s sarama.ConsumerGroupSession) { s.ResetOffset(topic, 0, 4, "") }, 4, 4},
		{"reset by hand", byHand, func(s sarama.ConsumerGroupSession) { s.ResetOffset(topic, 0, 3, ""); s.Commit() }, 3, 3},
		{"not committed", byHand, func(s sarama.ConsumerGroupSession) { s.ResetOffset(topic, 0, 2, "") }, 3, -1},
		{"nothing", config(), func(sarama.ConsumerGroupSession) {}, 3, -1},
	} {
		agent := agenttest.Start(t)
		members, err := NewConsumerGroup([]string{broker.Addr}, group, one.config, WithClusterID("c"))
		if err != nil {
			t.Fatal(err)
		}
		if err := members.Consume(context.Background(), []string{topic}, setup(one.setup)); err != nil {
			t.Fatal(err)
		}
		if err := members.Close(); err != nil {
			t.Error(err)
		}
		agent.Flushed()
		at := agent.Backlog("type:kafka_commit", "consumer_group:"+group, "topic:"+topic, "partition:0", "kafka_cluster_id:c")
		if there := broker.Committed(t, group, topic, 0); at != one.told || there != one.want {
			t.Errorf("%s: told is %d, not %d; committed is %d, not %d", one.name, at, one.told, there, one.want)
		}
		datastreams.Stop()
	}
}

// setup is a handler that takes no message.
type setup func(sarama.ConsumerGroupSession)

func (s setup) Setup(session sarama.ConsumerGroupSession) error { s(session); return nil }
func (setup) Cleanup(sarama.ConsumerGroupSession) error         { return nil }
func (setup) ConsumeClaim(sarama.ConsumerGroupSession, sarama.ConsumerGroupClaim) error {
	return nil
}
