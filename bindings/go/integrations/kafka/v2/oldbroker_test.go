package kafka_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// oldBroker stands before a mocked broker and answers UNKNOWN_SERVER_ERROR to messages that carry our header, as brokers do
// for topics in a format from before 0.11. (The mock stores the message all the same; its producer cannot know.) Or it is
// Apache Kafka with such topics, at DATASTREAMS_KAFKA_OLD.
type oldBroker struct {
	broker
	listener net.Listener
	behind   string
	refused  sync.Map // correlation id -> version, of a connection's requests: there is one producer
}

func newOldBroker(t *testing.T) *oldBroker {
	t.Helper()
	if address := os.Getenv("DATASTREAMS_KAFKA_OLD"); address != "" {
		return &oldBroker{broker: broker{address: address}}
	}
	mock, err := kafka.NewMockCluster(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mock.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	old := &oldBroker{broker: broker{address: listener.Addr().String(), mock: mock}, listener: listener, behind: mock.BootstrapServers()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go old.serve(client)
		}
	}()
	return old
}

func (o *oldBroker) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", o.behind)
	if err != nil {
		return
	}
	defer server.Close()
	go frames(client, server, o.request)
	frames(server, client, o.response)
}

// frames copies length-prefixed frames, each looked at first.
func frames(from, to net.Conn, look func(frame []byte) []byte) {
	defer to.Close()
	for {
		var size [4]byte
		if _, err := io.ReadFull(from, size[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(from, frame); err != nil {
			return
		}
		frame = look(frame)
		if _, err := to.Write(append(size[:], frame...)); err != nil {
			return
		}
	}
}

func (o *oldBroker) request(frame []byte) []byte {
	const produce = 0
	if binary.BigEndian.Uint16(frame) == produce && bytes.Contains(frame, []byte(datastreams.PropagationKeyBase64)) {
		o.refused.Store(binary.BigEndian.Uint32(frame[4:]), binary.BigEndian.Uint16(frame[2:]))
	}
	return frame
}

// response sends the client back here instead of to the broker behind, and refuses.
func (o *oldBroker) response(frame []byte) []byte {
	frame = bytes.ReplaceAll(frame, advertised(o.behind), advertised(o.address))
	version, ok := o.refused.LoadAndDelete(binary.BigEndian.Uint32(frame))
	if !ok {
		return frame
	}
	// One topic of one partition: correlation id, topics, name, partitions, number, error code.
	at := 4
	if version.(uint16) >= 9 {
		at += 1 + 1 // no tags, a topic
		at += int(frame[at])
		at++ // a partition
	} else {
		at += 4
		at += 2 + int(binary.BigEndian.Uint16(frame[at:]))
		at += 4
	}
	binary.BigEndian.PutUint16(frame[at+4:], 0xffff)
	return frame
}

// advertised is an address as metadata has it: behind the length of the host, the host and the port.
func advertised(address string) []byte {
	host, text, _ := net.SplitHostPort(address)
	port, _ := strconv.Atoi(text)
	return binary.BigEndian.AppendUint32([]byte(host), uint32(port))
}
