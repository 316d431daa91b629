package ibmsarama

import (
	"slices"
	"sync"

	"github.com/IBM/sarama"
)

// session is a session whose commits are reported.
type session struct {
	sarama.ConsumerGroupSession
	consumer *consumer

	mutex sync.Mutex
	marks map[place]mark // of the claims that began
	early map[place]bool // marked or reset before the claim began, as in Setup; true: and the program has committed since
	ended bool           // Cleanup returned
}

// mark is how far a partition is done.
type mark struct {
	offset int64 // of the next message to read
	told   bool  // as committed
}

// begin takes note of where a claim begins: behind what the group committed, or where Setup had it go, as far as the client
// followed. A negative offset says that neither is the case.
func (s *session) begin(topic string, partition int32, offset int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	at := place{topic: topic, partition: partition}
	offset = max(offset, -1)
	committed, moved := s.early[at]
	delete(s.early, at)
	switch {
	case !moved:
		s.keep(at, mark{offset: offset, told: true})
	case committed:
		s.tell(at, offset)
	default:
		s.set(at, offset)
	}
}

// MarkMessage marks a message as done.
func (s *session) MarkMessage(msg *sarama.ConsumerMessage, metadata string) {
	s.ConsumerGroupSession.MarkMessage(msg, metadata)
	s.move(msg.Topic, msg.Partition, msg.Offset+1, ahead)
}

// MarkOffset marks the offset of the next message to read. Like the client, it never goes back.
func (s *session) MarkOffset(topic string, partition int32, offset int64, metadata string) {
	s.ConsumerGroupSession.MarkOffset(topic, partition, offset, metadata)
	s.move(topic, partition, offset, ahead)
}

// ResetOffset goes back to an offset. Like the client, it never goes ahead.
func (s *session) ResetOffset(topic string, partition int32, offset int64, metadata string) {
	s.ConsumerGroupSession.ResetOffset(topic, partition, offset, metadata)
	s.move(topic, partition, offset, back)
}

// Commit commits the marked offsets. What is marked meanwhile is perhaps not among them.
func (s *session) Commit() {
	marked := s.marked()
	s.ConsumerGroupSession.Commit()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for at, offset := range marked {
		s.consumer.committed(at.topic, at.partition, offset)
		if now := s.marks[at]; now.offset == offset {
			s.keep(at, mark{offset: offset, told: true})
		}
	}
}

// marked returns the offsets that a commit from now on tells. Of the claims that have not begun it is noted that there was one.
func (s *session) marked() map[place]int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for at := range s.early {
		s.early[at] = true
	}
	marked := map[place]int64{}
	for at, mark := range s.marks {
		switch {
		case !s.claims(at):
			delete(s.marks, at)
		case !mark.told:
			marked[at] = mark.offset
		}
	}
	return marked
}

func ahead(to, from int64) bool { return to > from }
func back(to, from int64) bool  { return to <= from }

// move marks another offset, if it lies where the client would go from the one that is marked.
func (s *session) move(topic string, partition int32, offset int64, goes func(to, from int64) bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	at := place{topic: topic, partition: partition}
	switch marked, begun := s.marks[at]; {
	case !s.claims(at):
	case begun && goes(offset, marked.offset):
		s.set(at, offset)
	case !begun:
		if s.early == nil {
			s.early = map[place]bool{}
		}
		s.early[at] = false
	}
}

// claims tells whether the session has a partition: of others, such as those that were taken away, the client takes no marks.
func (s *session) claims(at place) bool {
	return !s.ended && slices.Contains(s.Claims()[at.topic], at.partition)
}

// end takes note that the session is over: marks of workers that are late are not committed.
func (s *session) end() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ended = true
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
