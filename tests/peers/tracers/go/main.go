// Command service is a service under the released dd-trace-go, driven by its standard input; see ../../tracers.py.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/DataDog/dd-trace-go/v2/datastreams"
	"github.com/DataDog/dd-trace-go/v2/datastreams/options"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"
)

const key = "dd-pathway-ctx-base64"

type carrier map[string]string

func (c carrier) Set(name, value string) { c[name] = value }

func (c carrier) ForeachKey(handle func(name, value string) error) error {
	for name, value := range c {
		if err := handle(name, value); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if err := tracer.Start(); err != nil {
		return err
	}
	defer tracer.Stop()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		kind, from, to, rest := words[0], words[1], words[2], words[3:]
		if from == "-" {
			count, err := strconv.Atoi(rest[0])
			if err != nil {
				return err
			}
			rest = make([]string, count)
		}
		var headers []string
		for _, header := range rest {
			ctx := context.Background()
			if from != "-" {
				ctx = datastreams.ExtractFromBase64Carrier(ctx, carrier{key: header})
				ctx = checkpoint(ctx, "direction:in", "topic:"+from, "type:"+kind)
			}
			if to != "-" {
				ctx = checkpoint(ctx, "direction:out", "topic:"+to, "type:"+kind)
				out := carrier{}
				datastreams.InjectToBase64Carrier(ctx, out)
				headers = append(headers, out[key])
			}
		}
		fmt.Println(strings.Join(headers, " "))
	}
	return lines.Err()
}

func checkpoint(ctx context.Context, tags ...string) context.Context {
	ctx, _ = tracer.SetDataStreamsCheckpointWithParams(ctx, options.CheckpointParams{PayloadSize: 100}, tags...)
	return ctx
}
