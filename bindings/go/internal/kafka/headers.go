package kafka

import (
	"fmt"
	"sync/atomic"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// HeaderBytes is the most that our headers add to a message: two keys and their values, with the lengths in front.
const HeaderBytes = len(datastreams.PropagationKey) + len(datastreams.PropagationKeyBase64) + 36 + 26 + 4*5

// Headers says whether a producer's messages carry headers. The zero value says yes. Any goroutine may use it.
type Headers struct {
	off atomic.Bool
}

// On tells whether headers are sent.
func (h *Headers) On() bool { return !h.off.Load() }

// Disable switches headers off, as the program asked for.
func (h *Headers) Disable() { h.off.Store(true) }

// Off switches headers off for a reason that the program does not know of, and tells it, once.
func (h *Headers) Off(why string) {
	if !h.off.Swap(true) {
		notice.Say("datastreams: headers are off for a producer, so pathways end there: " + why)
	}
}

// Refused switches headers off because the broker refuses messages that have any: those of topics in a format from before
// Kafka 0.11, which answer with an unknown error. That is told to the program, once.
func (h *Headers) Refused(topic string, cause error) {
	if h.On() {
		h.Off(fmt.Sprintf("the broker refused a message to %q with them (%v)", topic, cause))
	}
}

// NoRoom tells the program that messages to a topic travel without a pathway: with its header they would be larger than what
// the producer is configured to send.
func NoRoom(topic string) {
	notice.Count("kafka_too_large")
	notice.Say(fmt.Sprintf("datastreams: messages to %q that are as large as the producer sends have no room for the header, and no pathway", topic))
}
