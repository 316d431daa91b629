// Shipping is a service in the middle of a pipeline: it consumes payments, works on each for -work, and produces a
// shipment.
//
//	shipping -brokers 127.0.0.1:9092 -agent http://127.0.0.1:8126 -work 40ms
//
// At its edge "direction:in,group:shipping,topic:payments,type:kafka" the edge latency is the time in the queue; at
// "direction:out,topic:shipments,type:kafka" it is -work.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/franz"
)

var (
	brokers = flag.String("brokers", "127.0.0.1:9092", "Kafka, host:port,...")
	service = flag.String("service", "shipping", "name on the map")
	agent   = flag.String("agent", "", "where statistics go; empty: the library looks for an agent")
	group   = flag.String("group", "shipping", "consumer group")
	topic   = flag.String("topic", "payments", "topic to consume")
	to      = flag.String("to", "shipments", "where shipments go")
	work    = flag.Duration("work", 0, "how long it works on a payment")
	flush   = flag.Duration("flush-every", 0, "between statistics; 0: every 10 s, as the library does by itself")
	stdin   = flag.String("stdin", "ignore", "watch: also stop when standard input ends (a parent that died)")
)

func main() {
	flag.Parse()
	shipped, err := run()
	if err != nil {
		log.Fatalf("%s: %v", *service, err)
	}
	fmt.Println("shipped", shipped)
}

func run() (shipped int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *stdin == "watch" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}

	options := []datastreams.StartOption{datastreams.WithService(*service)}
	if *agent != "" {
		options = append(options, datastreams.WithAgentAddr(*agent))
	}
	datastreams.Start(options...)
	defer datastreams.Stop()
	if err := datastreams.Err(); err != nil {
		log.Printf("%s: not measured: %v", *service, err) // and all else works as ever
	}
	if *flush > 0 {
		defer flushEvery(*flush)()
	}

	// All that measuring adds to the client. There is one cluster, so that its id tells nothing.
	hooks := franz.NewHooks(franz.WithClusterID(""))
	var ready sync.Once
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(*brokers, ",")...),
		kgo.ConsumerGroup(*group), kgo.ConsumeTopics(*topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitInterval(time.Second),
		// For librdkafka's mock cluster: it knows no newer requests, and answers a fetch only when its time is over.
		kgo.MaxVersions(kversion.V2_3_0()), kgo.FetchMaxWait(10*time.Millisecond),
		kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			ready.Do(func() { fmt.Println("ready") }) // whoever started it may begin to produce
		}),
		kgo.WithHooks(hooks),
		kgo.AutoCommitCallback(hooks.Committed(nil)),
	)
	if err != nil {
		return 0, err
	}
	defer client.Close()

	for {
		fetches := client.PollRecords(ctx, 1) // one: the next is taken when this one is done
		if ctx.Err() != nil {
			return shipped, nil
		}
		if err := fetches.Err0(); errors.Is(err, kgo.ErrClientClosed) {
			return shipped, err
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			log.Printf("%s/%d: %v", topic, partition, err)
		})
		hooks.TrackFetches(fetches) // where partitions end: the lag
		fetches.EachRecord(func(payment *kgo.Record) {
			time.Sleep(*work)
			shipment := &kgo.Record{Topic: *to, Key: payment.Key, Value: fmt.Appendf(nil, `{"ship":%s}`, payment.Value)}
			// The payment's context: its pathway goes on.
			if err := client.ProduceSync(payment.Context, shipment).FirstErr(); err != nil {
				log.Printf("not shipped: %v", err)
				return
			}
			shipped++
		})
	}
}

// flushEvery sends statistics more often than the library would, until the function that it returns is called. Only for
// demonstrations: every 10 seconds is what agents expect.
func flushEvery(interval time.Duration) (end func()) {
	ticker, done := time.NewTicker(interval), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				datastreams.Flush()
			case <-done:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
	}
}
