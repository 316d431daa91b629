package ibmsarama

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

const (
	// askTimeout bounds each step of one question for the cluster's id.
	askTimeout = 5 * time.Second
	// askFor is how long those ask who do not know when their client ends. The next message has them ask again.
	askFor = time.Minute
)

// cluster asks for a cluster's id.
type cluster struct {
	id      *shared.ClusterID
	client  sarama.Client  // may be nil
	brokers []string       // may be none
	config  *sarama.Config // of the questions
	asking  atomic.Bool
}

func clusterOf(s *settings, id *shared.ClusterID) *cluster {
	id.Set(s.clusterID)
	c := &cluster{id: id, client: s.client, brokers: s.brokers}
	if len(c.brokers) > 0 {
		config := sarama.Config{}
		if s.config != nil {
			config = *s.config
		} else {
			config = *sarama.NewConfig()
		}
		config.Net.DialTimeout, config.Net.ReadTimeout, config.Net.WriteTimeout = askTimeout, askTimeout, askTimeout
		c.config = &config
	}
	return c
}

// learn has the id asked for, with a topic that is known to exist, in a goroutine that ends when it is known or stop is
// closed. A nil stop is one in a minute.
func (c *cluster) learn(topic string, stop <-chan struct{}) {
	if c.id.Get() != "" || c.client == nil && len(c.brokers) == 0 || c.asking.Load() || c.asking.Swap(true) {
		return
	}
	go func() {
		defer c.asking.Store(false)
		if stop == nil {
			ctx, cancel := context.WithTimeout(context.Background(), askFor)
			defer cancel()
			stop = ctx.Done()
		}
		c.id.Learn(stop, func() string { return c.ask(topic) })
	}()
}

func (c *cluster) ask(topic string) string {
	if c.client != nil {
		if c.client.Closed() {
			return ""
		}
		return askBroker(c.client.LeastLoadedBroker(), c.client.Config().Version, topic)
	}
	for _, address := range c.brokers {
		broker := sarama.NewBroker(address)
		if broker.Open(c.config) != nil {
			continue
		}
		id := askBroker(broker, c.config.Version, topic)
		_ = broker.Close()
		if id != "" {
			return id
		}
	}
	return ""
}

// askBroker asks for one topic: not naming any would have the broker describe all of them.
func askBroker(broker *sarama.Broker, version sarama.KafkaVersion, topic string) string {
	if broker == nil {
		return ""
	}
	answer, err := broker.GetMetadata(sarama.NewMetadataRequest(version, []string{topic}))
	if err != nil || answer.ClusterID == nil {
		return ""
	}
	return *answer.ClusterID
}
