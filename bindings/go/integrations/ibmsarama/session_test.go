package ibmsarama

import (
	"testing"

	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// The client's own part of a session.
type noSession struct{ sarama.ConsumerGroupSession }

func (noSession) MarkOffset(string, int32, int64, string)  {}
func (noSession) ResetOffset(string, int32, int64, string) {}
func (noSession) Commit()                                  {}

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
			{"marked", func() { s.MarkOffset("orders", 0, 8, "") }, 8},
			{"marked below", func() { s.MarkOffset("orders", 0, 5, "") }, nothing},
			{"marked above", func() { s.MarkOffset("orders", 0, 9, "") }, 9},
			{"reset above", func() { s.ResetOffset("orders", 0, 12, "") }, nothing},
			{"reset", func() { s.ResetOffset("orders", 0, 3, "") }, 3},
			{"marked again", func() { s.MarkOffset("orders", 0, 4, "") }, 4},
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
