package aws_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

func arnOf(t *testing.T, url *string) *string {
	t.Helper()
	got, err := sqs.NewFromConfig(plain(t)).GetQueueAttributes(patient(t), &sqs.GetQueueAttributesInput{
		QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"},
	})
	check(t, err)
	return sdk.String(got.Attributes["QueueArn"])
}

// subscribed makes a topic with a queue that is subscribed to it.
func subscribed(t *testing.T, raw string) (arn, url *string, name string) {
	t.Helper()
	client := sns.NewFromConfig(plain(t))
	made, err := client.CreateTopic(patient(t), &sns.CreateTopicInput{Name: sdk.String(unique("topic"))})
	check(t, err)
	url, name = queue(t, nil)
	_, err = client.Subscribe(patient(t), &sns.SubscribeInput{
		TopicArn: made.TopicArn, Protocol: sdk.String("sqs"), Endpoint: arnOf(t, url), Attributes: map[string]string{"RawMessageDelivery": raw},
	})
	check(t, err)
	return made.TopicArn, url, name
}

func TestTopicToQueue(t *testing.T) {
	for _, raw := range []string{"true", "false"} {
		agent, config, ctx := agenttest.Start(t), measured(t), patient(t)
		topics := sns.NewFromConfig(config)
		arn, url, name := subscribed(t, raw)
		attributes := map[string]snstypes.MessageAttributeValue{"tenant": {DataType: sdk.String("String"), StringValue: sdk.String("blue")}}
		_, err := topics.Publish(ctx, &sns.PublishInput{TopicArn: arn, Message: sdk.String("12 apples"), MessageAttributes: attributes})
		check(t, err)
		_, err = topics.Publish(ctx, &sns.PublishInput{TargetArn: arn, Message: sdk.String("12 apples"), MessageAttributes: attributes})
		check(t, err)
		batch := &sns.PublishBatchInput{TopicArn: arn}
		for _, id := range []string{"a", "b", "c"} {
			batch.PublishBatchRequestEntries = append(batch.PublishBatchRequestEntries, snstypes.PublishBatchRequestEntry{Id: sdk.String(id), Message: sdk.String("12 apples"), MessageAttributes: attributes})
		}
		_, err = topics.PublishBatch(ctx, batch)
		check(t, err)
		if len(attributes) != 1 {
			t.Errorf("the program's attributes became %v", attributes)
		}
		messages, _ := receive(t, sqs.NewFromConfig(config), url, 5, "All")
		for _, msg := range messages {
			if raw == "true" {
				own := msg.MessageAttributes["_datadog"]
				if sdk.ToString(own.DataType) != "Binary" || !strings.HasPrefix(string(own.BinaryValue), `{"`+key+`":"`) {
					t.Errorf("the carrier is %v", own)
				}
				continue
			}
			var envelope struct {
				Message           string
				MessageAttributes map[string]struct{ Type, Value string }
			}
			check(t, json.Unmarshal([]byte(*msg.Body), &envelope))
			if envelope.Message != "12 apples" || envelope.MessageAttributes["_datadog"].Type != "Binary" {
				t.Errorf("%q", *msg.Body)
			}
		}
		agent.Flushed()
		out := agent.One(t, "direction:out", "topic:"+*arn, "type:sns")
		in := agent.One(t, "direction:in", "topic:"+name, "type:sqs")
		if out.Parent != 0 || in.Parent != out.Hash || out.Current != 5 || in.Current != 5 || out.Hash != agenttest.Hash(agenttest.Service, agenttest.Env, 0, "direction:out", "topic:"+*arn, "type:sns") {
			t.Errorf("%v, %v", out, in)
		}
		if len(agent.Edges()) != 2 {
			t.Errorf("%v", agent.Edges())
		}
		if size := out.Size.Sum / 5; size < 25*0.98 || size > 25*1.02 {
			t.Errorf("%v", out)
		}
		datastreams.Stop()
	}
}

func TestLimitsOfTopics(t *testing.T) {
	agent, config, ctx := agenttest.Start(t), measured(t), patient(t)
	topics := sns.NewFromConfig(config)
	arn, url, name := subscribed(t, "true")
	counted := counted()
	attributes := map[string]snstypes.MessageAttributeValue{}
	for _, name := range strings.Split("abcdefghij", "") {
		attributes[name] = snstypes.MessageAttributeValue{DataType: sdk.String("String"), StringValue: sdk.String("v")}
	}
	_, err := topics.Publish(ctx, &sns.PublishInput{TopicArn: arn, Message: sdk.String("x"), MessageAttributes: attributes})
	check(t, err)
	_, err = topics.Publish(ctx, &sns.PublishInput{TopicArn: arn, Message: sdk.String(strings.Repeat("x", 262100))})
	check(t, err)
	_, err = topics.Publish(ctx, &sns.PublishInput{PhoneNumber: sdk.String("+4912345678"), Message: sdk.String("a telephone is no queue")})
	check(t, err)
	receive(t, sqs.NewFromConfig(config), url, 2)
	if counts := counted(); counts["sns_attributes"] != 1 || counts["sns_too_large"] != 1 || len(counts) != 2 {
		t.Errorf("%v", counts)
	}
	agent.Flushed()
	if edges := agent.Edges(); len(edges) != 1 || edges[0].Tags != agenttest.Tags("direction:in", "topic:"+name, "type:sqs") || edges[0].Current != 2 {
		t.Errorf("%v", edges)
	}
}

// A topic that takes less gets those messages of a batch without a pathway that it refused with one.
func TestTopicThatTakesLess(t *testing.T) {
	agenttest.Start(t)
	config, ctx := measured(t), patient(t)
	arn, url, _ := subscribed(t, "true")
	config.HTTPClient = &refuser{func(_ *http.Request, body []byte) (int, http.Header, any) {
		if !bytes.Contains(body, []byte("_datadog")) {
			return 0, nil, nil
		}
		return 200, http.Header{"Content-Type": {"text/xml"}}, `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>
			<Successful><member><Id>b</Id><MessageId>1</MessageId></member></Successful>
			<Failed><member><Id>a</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member>
			<member><Id>c</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member></Failed>
			</PublishBatchResult></PublishBatchResponse>`
	}}
	counted := counted()
	batch := &sns.PublishBatchInput{TopicArn: arn}
	for _, id := range []string{"a", "b", "c"} {
		batch.PublishBatchRequestEntries = append(batch.PublishBatchRequestEntries, snstypes.PublishBatchRequestEntry{Id: sdk.String(id), Message: sdk.String("x")})
	}
	result, err := sns.NewFromConfig(config).PublishBatch(ctx, batch)
	check(t, err)
	if len(result.Failed) != 1 || sdk.ToString(result.Failed[0].Id) != "c" || len(result.Successful) != 2 || sdk.ToString(result.Successful[1].Id) != "a" {
		t.Errorf("failed are %v, not c alone: %v", result.Failed, result.Successful)
	}
	if messages, _ := receive(t, sqs.NewFromConfig(plain(t)), url, 1, "All"); len(messages[0].MessageAttributes) != 0 {
		t.Errorf("%v", messages[0].MessageAttributes)
	}
	if counts := counted(); counts["sns_refused"] != 1 || len(counts) != 1 {
		t.Errorf("%v", counts)
	}
}

func TestEventsToQueue(t *testing.T) {
	agent, config, ctx := agenttest.Start(t), measured(t), patient(t)
	events, bus := eventbridge.NewFromConfig(config), unique("bus")
	_, err := events.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: &bus})
	check(t, err)
	url, name := queue(t, nil)
	_, err = events.PutRule(ctx, &eventbridge.PutRuleInput{Name: &bus, EventBusName: &bus, EventPattern: sdk.String(`{"source":["shop"]}`)})
	check(t, err)
	_, err = events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &bus, EventBusName: &bus, Targets: []eventtypes.Target{{Id: sdk.String("queue"), Arn: arnOf(t, url)}}})
	check(t, err)
	counted := counted()
	details := []string{`{"n": 1}`, `{}`, `{"_datadog": {"x": 1}, "n":2}`, `[1]`}
	given := &eventbridge.PutEventsInput{}
	for _, detail := range details {
		given.Entries = append(given.Entries, eventtypes.PutEventsRequestEntry{
			EventBusName: &bus, Source: sdk.String("shop"), DetailType: sdk.String("order"), Detail: sdk.String(detail),
		})
	}
	_, err = events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: given.Entries[:3]})
	check(t, err)
	_, _ = events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: given.Entries[3:]}) // refused perhaps, as it is no object
	large := given.Entries[0]
	large.Detail = sdk.String(`{"n":"` + strings.Repeat("x", 262144-60) + `"}`)
	_, _ = events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{large}})
	if *given.Entries[0].Detail != details[0] {
		t.Errorf("the program's event became %q", *given.Entries[0].Detail)
	}
	agent.Flushed()
	tags := []string{"direction:out", "exchange:" + bus, "topic:order", "type:eventbridge"}
	out := agent.One(t, tags...)
	if out.Current != 3 || out.Hash != agenttest.Hash(agenttest.Service, agenttest.Env, 0, tags...) {
		t.Errorf("%v", out)
	}
	if counts := counted(); counts["eventbridge_not_json"] != 1 || counts["eventbridge_too_large"] != 1 {
		t.Errorf("%v", counts)
	}
	// moto takes what is no object, and what is too large.
	receive(t, sqs.NewFromConfig(config), url, 5)
	agent.Flushed()
	counts := map[uint64]float64{}
	for _, in := range agent.Find("direction:in", "topic:"+name, "type:sqs") {
		counts[in.Parent] = in.Current
	}
	if len(counts) != 2 || counts[out.Hash] != 3 || counts[0] != 2 {
		t.Errorf("messages by parent: %v", counts)
	}
}
