package ibmsarama

import (
	"sync"

	"github.com/IBM/sarama"
)

// session is a session whose commits are reported.
type session struct {
	sarama.ConsumerGroupSession
	consumer *consumer

	mutex sync.Mutex
	marks map[place]mark
}

// mark is how far a partition is done.
type mark struct {
	offset int64 // of the next message to read
	told   bool  // as committed
}

// MarkMessage marks a message as done.
func (s *session) MarkMessage(msg *sarama.ConsumerMessage, metadata string) {
	s.ConsumerGroupSession.MarkMessage(msg, metadata)
	s.mark(msg.Topic, msg.Partition, msg.Offset+1)
}

// MarkOffset marks the offset of the next message to read. Like the client, it never goes back.
func (s *session) MarkOffset(topic string, partition int32, offset int64, metadata string) {
	s.ConsumerGroupSession.MarkOffset(topic, partition, offset, metadata)
	s.mark(topic, partition, offset)
}

// ResetOffset goes back to an offset.
func (s *session) ResetOffset(topic string, partition int32, offset int64, metadata string) {
	s.ConsumerGroupSession.ResetOffset(topic, partition, offset, metadata)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	at := place{topic: topic, partition: partition}
	if before, ok := s.marks[at]; ok && offset < before.offset {
		s.set(at, offset)
	}
}

// Commit commits the marked offsets.
func (s *session) Commit() {
	s.ConsumerGroupSession.Commit()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for at, mark := range s.marks {
		if !mark.told {
			s.tell(at, mark.offset)
		}
	}
}

func (s *session) mark(topic string, partition int32, offset int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	at := place{topic: topic, partition: partition}
	if before, ok := s.marks[at]; !ok || offset > before.offset {
		s.set(at, offset)
	}
}

// set keeps an offset: until the program commits, or where the client does that by itself, no longer than now.
func (s *session) set(at place, offset int64) {
	if s.consumer.commits {
		s.tell(at, offset)
		return
	}
	s.keep(at, mark{offset: offset})
}

func (s *session) tell(at place, offset int64) {
	s.consumer.committed(at.topic, at.partition, offset)
	s.keep(at, mark{offset: offset, told: true})
}

func (s *session) keep(at place, now mark) {
	if s.marks == nil {
		s.marks = map[place]mark{}
	}
	s.marks[at] = now
}
