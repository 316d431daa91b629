package amqp091

import (
	"regexp"
	"strconv"
	"strings"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// place is where messages go, or come from: an exchange, or a queue.
type place struct {
	exchange, queue string
	keyed           bool // to an exchange, with a routing key
	in              bool
}

var edges = message.Edges[place]{Tags: place.tags}

func (p place) tags() []string {
	tags := []string{"direction:out", "type:rabbitmq"}
	if p.in {
		tags[0] = "direction:in"
	}
	if p.exchange != "" {
		return append(tags, "exchange:"+p.exchange, "has_routing_key:"+strconv.FormatBool(p.keyed))
	}
	return append(tags, "topic:"+p.queue)
}

// out returns the edge of messages to an exchange. The default exchange hands a message to the queue that the key names.
func out(exchange, key string) *datastreams.Edge {
	if exchange != "" {
		return edges.Of(place{exchange: exchange, keyed: key != ""})
	}
	return edges.Of(place{queue: named(key)})
}

// in returns the edge of messages from a queue.
func in(queue string) *datastreams.Edge { return edges.Of(place{queue: named(queue), in: true}) }

// What a broker calls queues by itself: each name is another one, and would be an edge of its own.
const (
	generated = "amq.gen"
	directly  = "amq.rabbitmq.reply-to"
)

// uuid is what clients make up: celery for results, aio-pika for queues without a name.
var uuid = regexp.MustCompile(`^(?i:(amq_)?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12})$`)

// named returns a queue as a topic. Those with a name that was made up are one of their kind.
func named(queue string) string {
	switch {
	case queue == "" || strings.HasPrefix(queue, generated):
		return generated
	case strings.HasPrefix(queue, directly):
		return directly
	// A regular expression takes a microsecond: most names are too short for it.
	case len(queue) >= 32 && uuid.MatchString(queue):
		return "uuid"
	}
	return queue
}
