package aws_test

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/servertest"
)

// A service with the Python binding between two with this one: from a queue to a queue, from a topic over a queue to a topic
// and a queue, in both ways that topics deliver, and from a stream to a stream.
func TestPython(t *testing.T) {
	servertest.NeedPython(t)
	const messages = 4
	for _, raw := range []string{"", "true", "false"} {
		agent, config, ctx := agenttest.Start(t), measured(t), patient(t)
		client := "sqs"
		from, fromName := queue(t, nil)
		to, toName := queue(t, nil)
		sink := to
		chain := []agenttest.Hop{hop(0, "out", fromName, "sqs"), hop(0, "in", fromName, "sqs"), hop(0, "out", toName, "sqs"), hop(0, "in", toName, "sqs")}
		if raw != "" {
			var source *string
			client = "sns"
			source, from, fromName = subscribed(t, raw)
			sink, to, toName = subscribed(t, raw)
			chain = []agenttest.Hop{hop(0, "out", *source, "sns"), hop(0, "in", fromName, "sqs"), hop(0, "out", *sink, "sns"), hop(0, "in", toName, "sqs")}
			for range messages {
				_, err := sns.NewFromConfig(config).Publish(ctx, &sns.PublishInput{TopicArn: source, Message: sdk.String("12 apples")})
				check(t, err)
			}
		} else {
			for range messages {
				_, err := sqs.NewFromConfig(config).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: from, MessageBody: sdk.String("12 apples")})
				check(t, err)
			}
		}
		servertest.PythonHop(t, agent.URL(), agenttest.Env, client, servertest.AWS(t), *from, *sink, messages)
		receive(t, sqs.NewFromConfig(config), to, messages)
		agent.Flushed()
		for i := range chain {
			chain[i].Size = 9
			if raw == "false" { // bodies are envelopes, of any length
				chain[i].Size = agent.One(t, chain[i].Tags...).Size.Sum / messages
			}
		}
		chain[1].Service, chain[2].Service = servertest.PythonService, servertest.PythonService
		agent.Chain(t, messages, chain...)
		datastreams.Stop()
	}

	agent, client, ctx := agenttest.Start(t), kinesis.NewFromConfig(measured(t)), patient(t)
	orders, _ := stream(t)
	payments, _ := stream(t)
	for range messages {
		_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: orders, Data: []byte(`{"apples": 12}`), PartitionKey: sdk.String("key")})
		check(t, err)
	}
	servertest.PythonHop(t, agent.URL(), agenttest.Env, "kinesis", servertest.AWS(t), *orders, *payments, messages)
	records(t, client, &kinesis.GetShardIteratorInput{StreamName: payments}, messages)
	chain := []agenttest.Hop{
		hop(17, "out", *orders, "kinesis"), hop(17, "in", *orders, "kinesis"), hop(17, "out", *payments, "kinesis"), hop(17, "in", *payments, "kinesis"),
	}
	chain[1].Service, chain[2].Service = servertest.PythonService, servertest.PythonService
	agent.Chain(t, messages, chain...)
}
