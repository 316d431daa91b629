package kafka

import (
	"context"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// askTimeout bounds one question for the cluster's id, and with it what Close may have to wait.
const askTimeout = 10 * time.Millisecond

// cluster is the id of a client's cluster, and the goroutine that asks for it.
type cluster struct {
	shared.ClusterID
	done chan struct{}
}

// learn asks in the background, through the client whose admin is given, until the id is known or stop is closed. The client
// must not be closed before wait returns.
func (c *cluster) learn(known string, stop <-chan struct{}, admin *kafka.AdminClient, err error) {
	c.done = make(chan struct{})
	c.Set(known)
	if known != "" || err != nil {
		close(c.done)
		return
	}
	go func() {
		defer close(c.done)
		c.Learn(stop, func() string {
			ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
			defer cancel()
			id, _ := admin.ClusterID(ctx)
			return id
		})
	}()
}

func (c *cluster) wait() { <-c.done }
