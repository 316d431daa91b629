// The real trace-agent's HTTP receiver, for tests: `agent -intake URL [-socket PATH]`.
//
// It is the code of the released trace-agent, imported, with nothing behind it but the proxy for pipeline statistics,
// which posts to the intake. It prints the address it listens on and runs until its standard input ends, so that it
// cannot outlive the test that started it.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/DataDog/datadog-agent/pkg/trace/api"
	"github.com/DataDog/datadog-agent/pkg/trace/config"
	"github.com/DataDog/datadog-agent/pkg/trace/sampler"
	"github.com/DataDog/datadog-agent/pkg/trace/telemetry"
	"github.com/DataDog/datadog-agent/pkg/trace/timing"
	"github.com/DataDog/datadog-go/v5/statsd"
)

func main() {
	intake := flag.String("intake", "", "the intake behind the agent, such as http://127.0.0.1:8080")
	socket := flag.String("socket", "", "a unix socket to listen on as well")
	key := flag.String("key", "test-key", "the API key that the agent adds")
	flag.Parse()
	if err := run(*intake, *socket, *key); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func run(intake, socket, key string) error {
	if intake == "" {
		return fmt.Errorf("say where the intake is, with -intake")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	conf := config.New()
	conf.Hostname = "agent-host"
	conf.DefaultEnv = "agent-env"
	conf.AgentVersion = "7.85.2"
	conf.Endpoints = []*config.Endpoint{{Host: intake, APIKey: key}}
	conf.TelemetryConfig.Enabled = false
	conf.ReceiverHost = "127.0.0.1"
	conf.ReceiverPort = listener.Addr().(*net.TCPAddr).Port
	conf.ReceiverSocket = socket
	// The agent's own proxy settings are of no use between two local addresses.
	conf.Proxy = nil

	receiver := api.NewHTTPReceiver(
		conf, sampler.NewDynamicConfig(),
		make(chan *api.Payload, 1), make(chan *api.PayloadV1, 1),
		nil, telemetry.NewNoopCollector(), &statsd.NoOpClient{}, &timing.NoopReporter{},
	)
	receiver.SetTCPListener(listener)
	receiver.Start()
	fmt.Printf("listening on http://%s\n", receiver.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return receiver.Stop()
}
