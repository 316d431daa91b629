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
	"runtime/debug"
	"strings"

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
	conf.AgentVersion = version()
	conf.Endpoints = []*config.Endpoint{{Host: intake, APIKey: key}}
	conf.TelemetryConfig.Enabled = false
	conf.ReceiverHost = "127.0.0.1"
	conf.ReceiverPort = listener.Addr().(*net.TCPAddr).Port
	conf.ReceiverSocket = socket
	// The agent's default, which its configuration file sets and not this struct.
	conf.MaxConnections = 1000
	// The agent's own proxy settings are of no use between two local addresses.
	conf.Proxy = nil

	// Traces that tracers send as well are of no interest.
	traces, tracesV1 := make(chan *api.Payload), make(chan *api.PayloadV1)
	go drain(traces)
	go drain(tracesV1)
	receiver := api.NewHTTPReceiver(
		conf, sampler.NewDynamicConfig(), traces, tracesV1, nil,
		telemetry.NewNoopCollector(), &statsd.NoOpClient{}, &timing.NoopReporter{},
	)
	receiver.SetTCPListener(listener)
	receiver.Start()
	fmt.Printf("listening on http://%s\n", receiver.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return receiver.Stop()
}

// The version of the agent that the imported code is released with: 7.85.2 for v0.85.2.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/DataDog/datadog-agent/pkg/trace" {
			return strings.Replace(module.Version, "v0.", "7.", 1)
		}
	}
	return "unknown"
}

func drain[T any](values <-chan T) {
	for range values {
	}
}
