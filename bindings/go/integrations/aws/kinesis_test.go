package aws_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/aws"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// stream makes a stream that is new: its name, and its ARN.
func stream(t *testing.T) (name, arn *string) {
	t.Helper()
	client, name := kinesis.NewFromConfig(plain(t)), sdk.String(unique("stream"))
	_, err := client.CreateStream(patient(t), &kinesis.CreateStreamInput{StreamName: name, ShardCount: sdk.Int32(1)})
	check(t, err)
	for {
		described, err := client.DescribeStreamSummary(patient(t), &kinesis.DescribeStreamSummaryInput{StreamName: name})
		check(t, err)
		if described.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive {
			return name, described.StreamDescriptionSummary.StreamARN
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// records reads n records, two calls at least, each with a context that carries its pathway.
func records(t *testing.T, client *kinesis.Client, asked *kinesis.GetShardIteratorInput, n int) (all []types.Record, contexts []context.Context) {
	t.Helper()
	ctx := patient(t)
	asked.ShardId, asked.ShardIteratorType = sdk.String("shardId-000000000000"), types.ShardIteratorTypeTrimHorizon
	at, err := client.GetShardIterator(ctx, asked)
	check(t, err)
	for iterator := at.ShardIterator; len(all) < n; {
		answer, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator, Limit: sdk.Int32(int32(max(1, n-1)))})
		check(t, err)
		for i := range answer.Records {
			all = append(all, answer.Records[i])
			contexts = append(contexts, aws.ContextWithRecord(context.Background(), answer, &answer.Records[i]))
		}
		iterator = answer.NextShardIterator
	}
	return all, contexts
}

// A service between two streams, one record and many; streams are named by name and by ARN.
func TestStreams(t *testing.T) {
	agent, client, ctx := agenttest.Start(t), kinesis.NewFromConfig(measured(t)), patient(t)
	orders, ordersARN := stream(t)
	payments, paymentsARN := stream(t)
	data := []byte(`{"apples": 12}`)
	_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: orders, Data: data, PartitionKey: sdk.String("key")})
	check(t, err)
	entry := types.PutRecordsRequestEntry{Data: data, PartitionKey: sdk.String("key")}
	given := &kinesis.PutRecordsInput{StreamARN: ordersARN, Records: []types.PutRecordsRequestEntry{entry, entry}}
	_, err = client.PutRecords(ctx, given)
	check(t, err)
	if !bytes.Equal(given.Records[0].Data, data) {
		t.Errorf("the program's record became %q", given.Records[0].Data)
	}
	got, contexts := records(t, client, &kinesis.GetShardIteratorInput{StreamName: orders}, 3)
	for i := range got {
		if text := string(got[i].Data); !strings.HasPrefix(text, `{"apples": 12,"_datadog":{"`+key+`":"`) || !strings.HasSuffix(text, `"}}`) {
			t.Errorf("%q arrived", text)
		}
		// Once with the context, once with what is in the record.
		sent, ctx := data, contexts[i]
		if i == 1 {
			continue
		} else if i == 2 {
			sent, ctx = got[1].Data, context.Background()
		}
		_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamARN: paymentsARN, Data: sent, PartitionKey: sdk.String("key")})
		check(t, err)
	}
	records(t, client, &kinesis.GetShardIteratorInput{StreamName: payments}, 2)
	agent.Flushed()
	outOrders, inOrders := agent.One(t, hop(0, "out", *orders, "kinesis").Tags...), agent.One(t, hop(0, "in", *orders, "kinesis").Tags...)
	if outOrders.Current != 3 || inOrders.Current != 3 || inOrders.Parent != outOrders.Hash {
		t.Errorf("%v, %v", outOrders, inOrders)
	}
	for _, edge := range []agenttest.Edge{outOrders, inOrders} {
		if size := edge.Size.Sum / 3; size < 17*0.98 || size > 17*1.02 {
			t.Errorf("%v: not 17 bytes each", edge)
		}
	}
	parents := map[uint64]float64{}
	for _, edge := range agent.Find(hop(0, "out", *payments, "kinesis").Tags...) {
		parents[edge.Parent] = edge.Current
	}
	// The second went on with the pathway in the record, which is that before the edge of who consumed it.
	if len(parents) != 2 || parents[inOrders.Hash] != 1 || parents[outOrders.Hash] != 1 {
		t.Errorf("parents are %v, not %d and %d", parents, inOrders.Hash, outOrders.Hash)
	}
}

// Records that are no JSON objects stay as they are; a pathway begins when they arrived.
func TestOtherRecords(t *testing.T) {
	agent, client, ctx := agenttest.Start(t), kinesis.NewFromConfig(measured(t)), patient(t)
	name, _ := stream(t)
	counted := counted()
	data := []string{"text", "[1]", "\xff{}", "{} {}", "", `{"a":1`}
	for _, text := range data[:4] {
		_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: name, Data: []byte(text), PartitionKey: sdk.String("k")})
		check(t, err)
	}
	got, contexts := records(t, client, &kinesis.GetShardIteratorInput{StreamName: name}, 4)
	for i := range got {
		pathway, _ := datastreams.PathwayFromContext(contexts[i])
		if string(got[i].Data) != data[i] || pathway.PathwayStart().Sub(*got[i].ApproximateArrivalTimestamp).Abs() > time.Millisecond {
			t.Errorf("%q arrived at %v, and began at %v", got[i].Data, got[i].ApproximateArrivalTimestamp, pathway.PathwayStart())
		}
	}
	if counts := counted(); counts["kinesis_not_json"] != 4 || len(counts) != 1 {
		t.Errorf("%v", counts)
	}
	agent.Flushed()
	if edges := agent.Edges(); len(edges) != 1 || edges[0].Current != 4 {
		t.Errorf("%v", edges)
	}
}

// A record grows to no more than a mebibyte; one that is larger, in a stream that takes such, to no more than ten.
func TestLargeRecords(t *testing.T) {
	agent, client, ctx := agenttest.Start(t), kinesis.NewFromConfig(measured(t)), patient(t)
	name, _ := stream(t)
	counted := counted()
	own := len(`,"_datadog":{"`+key+`":""}`) + 36
	for _, length := range []int{1<<20 - own, 1<<20 - own + 1, 1<<20 + 1, 10<<20 - own, 10<<20 - own + 1} {
		text := `{"a":"` + strings.Repeat("x", length-len(`{"a":""}`)-len("k")) + `"}`
		// moto takes no more than a mebibyte.
		_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: name, Data: []byte(text), PartitionKey: sdk.String("k")})
		if length <= 1<<20 {
			check(t, err)
		}
	}
	if counts := counted(); counts["kinesis_too_large"] != 2 {
		t.Errorf("%v", counts)
	}
	agent.Flushed()
	if out := agent.One(t, hop(0, "out", *name, "kinesis").Tags...); out.Current != 3 {
		t.Errorf("%v", out)
	}
}

// dd-trace-dotnet writes a list with base64 of base64.
func TestWhatDotnetWrites(t *testing.T) {
	agent := agenttest.Start(t)
	before := datastreams.NewPathway("before")
	twice := base64.StdEncoding.EncodeToString([]byte(before.EncodeStr()))
	record := &types.Record{Data: []byte(`{"a":1,"_datadog":{"` + key + `":["` + twice + `"]}}`), PartitionKey: sdk.String("k")}
	ctx := aws.TraceConsumeRecord(context.Background(), "arn:aws:kinesis:us-east-1:1:stream/orders", record)
	if pathway, _ := datastreams.PathwayFromContext(ctx); pathway.IsZero() || aws.TraceConsumeRecord(ctx, "", nil) != ctx || aws.ContextWithRecord(ctx, nil, nil) != ctx {
		t.Error("no pathway, or one of nothing")
	}
	agent.Flushed()
	if in := agent.One(t, hop(0, "in", "orders", "kinesis").Tags...); in.Parent != before.GetHash() || in.Size.Sum < 8*0.98 || in.Size.Sum > 8*1.02 {
		t.Errorf("%v", in)
	}
}
