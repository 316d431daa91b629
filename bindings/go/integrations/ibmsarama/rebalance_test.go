package ibmsarama

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

// A member that keeps its session while partitions go to another one, and comes late with what it read from those: what is told
// is what the broker has.
func TestMarkedAfterARebalance(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.Fake(t)
	const partitions, each = 4, 3
	topic, group := broker.Topic(t, "orders", partitions), broker.Group("billing")
	manual := config()
	manual.Producer.Partitioner = sarama.NewManualPartitioner
	producer := syncProducer(t, broker, manual)
	for i := range partitions * each {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Partition: int32(i % partitions)}); err != nil {
			t.Fatal(err)
		}
	}
	cooperative := config()
	cooperative.Version = sarama.V2_4_0_0
	cooperative.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	cooperative.Consumer.Group.Heartbeat.Interval = 100 * time.Millisecond
	first, second := &keeping{}, &keeping{}
	endFirst := first.join(t, broker, group, topic, cooperative, func() bool { return len(first.all()) == partitions*each })
	endSecond := second.join(t, broker, group, topic, cooperative, func() bool {
		return len(second.claims()) == partitions/2 && len(first.claims()) == partitions/2
	})
	for _, msg := range first.all() {
		first.session.MarkMessage(msg, "")
	}
	endSecond()
	endFirst()
	agent.Flushed()
	for p := range int32(partitions) {
		told := agent.Backlog("type:kafka_commit", "consumer_group:"+group, "topic:"+topic, fmt.Sprintf("partition:%d", p), "kafka_cluster_id:"+id)
		if at := broker.Committed(t, group, topic, p); at != told {
			t.Errorf("of partition %d %d is told, and %d is committed", p, told, at)
		}
	}
}

// keeping is a handler that keeps what it reads, and marks nothing.
type keeping struct {
	mutex   sync.Mutex
	session sarama.ConsumerGroupSession
	read    []*sarama.ConsumerMessage
}

func (k *keeping) Setup(session sarama.ConsumerGroupSession) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.session = session
	return nil
}

func (*keeping) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (k *keeping) ConsumeClaim(_ sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for msg := range claim.Messages() {
		k.mutex.Lock()
		k.read = append(k.read, msg)
		k.mutex.Unlock()
	}
	return nil
}

func (k *keeping) all() []*sarama.ConsumerMessage {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.read
}

func (k *keeping) claims() []int32 {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.session == nil {
		return nil
	}
	for _, partitions := range k.session.Claims() {
		return partitions
	}
	return nil
}

// join has a member with this handler join a group, waits until that has come to something, and returns what ends it.
func (k *keeping) join(t *testing.T, broker *brokertest.Broker, group, topic string, config *sarama.Config, until func() bool) (end func()) {
	t.Helper()
	members, err := NewConsumerGroup([]string{broker.Addr}, group, config, WithClusterID(id))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := members.Consume(ctx, []string{topic}, k); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}()
	end = sync.OnceFunc(func() {
		cancel()
		<-done
		if err := members.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	brokertest.Eventually(t, "a member has its part", until)
	return end
}
