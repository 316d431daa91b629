package kafka

import (
	"context"
	"sync"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// Producer is the client's producer, measured. It has all methods of the client's, which say what the ones here do beside
// measuring. Any goroutine may use it.
type Producer struct {
	*kafka.Producer

	headers   shared.Headers
	legacy    bool
	maxBytes  int  // 0: not known
	noReports bool // go.delivery.reports is false: reports that nobody asked for are not for the program
	whole     bool // go.delivery.report.fields: reports have headers, or may have
	batches   bool // go.batch.producer: what comes over the channel has no headers
	cluster   cluster

	events  chan kafka.Event // what the program reads
	reports chan kafka.Event // of messages with a channel of their own
	idle    chan struct{}    // a token is taken when no event is in hand
	closing chan struct{}
	done    chan struct{} // of the goroutine that moves events
	close   sync.Once

	input       sync.Mutex // of the fields below
	messages    chan *kafka.Message
	sent        chan struct{} // closed when nothing more comes from messages
	transaction transaction
	flushing    chan struct{}  // closed when the client's Flush returns; nil: it is not running
	flushers    sync.WaitGroup // who is in Flush
}

// NewProducer makes a producer that is measured. The configuration is that of the client's NewProducer.
func NewProducer(config *kafka.ConfigMap, opts ...Option) (*Producer, error) {
	producer, err := kafka.NewProducer(config)
	if err != nil {
		return nil, err
	}
	return WrapProducer(producer, append([]Option{WithConfig(config)}, opts...)...), nil
}

// WrapProducer measures a producer. Only what it returns is to be used from then on.
func WrapProducer(producer *kafka.Producer, opts ...Option) *Producer {
	s := settingsOf(opts)
	p := &Producer{
		Producer:  producer,
		legacy:    s.legacy,
		maxBytes:  s.maxBytes(),
		noReports: !s.enabled("go.delivery.reports", true),
		whole:     s.reportsHeaders(),
		batches:   s.enabled("go.batch.producer", false),
		events:    make(chan kafka.Event, min(cap(producer.Events()), mostBuffered)),
		reports:   make(chan kafka.Event, mostBuffered),
		idle:      make(chan struct{}),
		closing:   make(chan struct{}),
		done:      make(chan struct{}),
	}
	if s.noHeaders {
		p.headers.Disable()
	} else if why := s.tooOld(); why != "" {
		p.headers.Off(why)
	}
	admin, err := kafka.NewAdminClientFromProducer(producer)
	p.cluster.learn(s.clusterID, p.closing, admin, err)
	go p.moveEvents()
	return p
}

// ClusterID returns the id of the cluster, or "" as long as it is not known.
func (p *Producer) ClusterID() string { return p.cluster.Get() }

// Produce sends a message. The pathway in the message's headers is continued; without one a pathway starts. The message itself
// is left as it is.
func (p *Producer) Produce(msg *kafka.Message, deliveryChan chan kafka.Event) error {
	return p.ProduceContext(context.Background(), msg, deliveryChan)
}

// ProduceContext is Produce on the pathway that ctx carries: see [ContextWithMessage]. Nothing else of ctx is looked at.
// Without a pathway in ctx the one in the message's headers is continued.
func (p *Producer) ProduceContext(ctx context.Context, msg *kafka.Message, deliveryChan chan kafka.Event) error {
	if msg == nil || topic(msg) == "" {
		return p.Producer.Produce(msg, deliveryChan) // which says what is wrong
	}
	sent := *msg
	ours, parent := p.prepare(ctx, &sent)
	to := deliveryChan
	if deliveryChan != nil || p.noReports {
		to = p.reports
	}
	sent.Opaque = p.asked(msg, deliveryChan, to != nil, ours, parent)
	err := p.Producer.Produce(&sent, to)
	if ours && codeOf(err) == kafka.ErrMsgSizeTooLarge {
		// Not in the way of a message that fits by itself: how large it may be was not known.
		shared.NoRoom(topic(msg))
		sent.Headers = shared.Replace(msg.Headers, nil, nil)
		sent.Opaque = p.asked(msg, deliveryChan, to != nil, false, parent)
		err = p.Producer.Produce(&sent, to)
	}
	return err
}

// prepare sets the checkpoint of a message that is the producer's own copy, and tells whether it carries our header now. Where
// reports have headers it also returns that of the pathway which the message continues, nil for none.
func (p *Producer) prepare(ctx context.Context, msg *kafka.Message) (ours bool, continued []byte) {
	found := shared.Find(msg.Headers)
	size := int64(len(msg.Key)+len(msg.Value)) + found.Others
	if on := p.headers.On(); !on || !shared.Fits(size, len(msg.Headers)-found.Ours, int64(p.maxBytes)) {
		if on {
			shared.NoRoom(topic(msg))
		}
		// What a consumer left there belongs to another edge.
		if found.Ours > 0 {
			msg.Headers = shared.Replace(msg.Headers, nil, nil)
		}
		return false, nil
	}
	parent := message.Parent(ctx, found.Pathway)
	pathway, header := shared.Out(p.cluster.Get(), topic(msg)).Produce(parent, size, nil)
	if pathway.IsZero() {
		return false, nil
	}
	var legacy []byte
	if p.legacy {
		legacy = pathway.Encode()
	}
	msg.Headers = shared.Replace(msg.Headers, header, legacy)
	if p.whole {
		continued = parent.AppendHeader(nil)
	}
	return true, continued
}

// Close ends the producer and what measures it. As ever, what is not delivered by then is lost: Flush before.
func (p *Producer) Close() {
	p.close.Do(func() {
		p.input.Lock() // from then on nobody enters Flush
		close(p.closing)
		p.input.Unlock()
		p.cluster.wait()
		p.endChannel()
		p.endFlush()
		p.Producer.Close()
		<-p.done
	})
}

// codeOf returns the code of an error of the client, 0 for any other.
func codeOf(err error) kafka.ErrorCode {
	if known, ok := err.(kafka.Error); ok {
		return known.Code()
	}
	return kafka.ErrNoError
}
