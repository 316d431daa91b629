package ibmsarama

import (
	"sync"

	"github.com/IBM/sarama"
)

// session is a session whose commits are reported.
type session struct {
	sarama.ConsumerGroupSession
	consumer *consumer

	mutex  sync.Mutex
	marked map[place]int64 // and not committed yet; only where the program commits
}

// MarkMessage marks a message as done.
func (s *session) MarkMessage(msg *sarama.ConsumerMessage, metadata string) {
	s.ConsumerGroupSession.MarkMessage(msg, metadata)
	s.mark(msg.Topic, msg.Partition, msg.Offset+1)
}

// MarkOffset marks the offset of the next message to read.
func (s *session) MarkOffset(topic string, partition int32, offset int64, metadata string) {
	s.ConsumerGroupSession.MarkOffset(topic, partition, offset, metadata)
	s.mark(topic, partition, offset)
}

// ResetOffset goes back to an offset.
func (s *session) ResetOffset(topic string, partition int32, offset int64, metadata string) {
	s.ConsumerGroupSession.ResetOffset(topic, partition, offset, metadata)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if at := (place{topic: topic, partition: partition}); s.marked[at] > offset {
		s.marked[at] = offset
	}
}

// Commit commits the marked offsets.
func (s *session) Commit() {
	s.ConsumerGroupSession.Commit()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for at, offset := range s.marked {
		s.consumer.committed(at.topic, at.partition, offset)
	}
	clear(s.marked)
}

func (s *session) mark(topic string, partition int32, offset int64) {
	if s.consumer.commits {
		s.consumer.committed(topic, partition, offset)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.marked == nil {
		s.marked = map[place]int64{}
	}
	at := place{topic: topic, partition: partition}
	s.marked[at] = max(s.marked[at], offset)
}
