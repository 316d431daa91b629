package aws_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/aws"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// A service between two queues: with the context, and with the attributes of what it received; single messages and batches.
func TestChain(t *testing.T) {
	agent, client, ctx := agenttest.Start(t), sqs.NewFromConfig(measured(t)), patient(t)
	orders, ordersName := queue(t, nil)
	payments, paymentsName := queue(t, nil)
	attributes := map[string]sqstypes.MessageAttributeValue{"tenant": text("blue")}
	given := &sqs.SendMessageInput{QueueUrl: orders, MessageBody: sdk.String("12 apples"), MessageAttributes: attributes}
	_, err := client.SendMessage(ctx, given)
	check(t, err)
	batch := &sqs.SendMessageBatchInput{QueueUrl: orders}
	for _, id := range []string{"a", "b", "c"} {
		batch.Entries = append(batch.Entries, sqstypes.SendMessageBatchRequestEntry{Id: sdk.String(id), MessageBody: given.MessageBody, MessageAttributes: attributes})
	}
	_, err = client.SendMessageBatch(ctx, batch)
	check(t, err)
	if len(attributes) != 1 || len(batch.Entries[0].MessageAttributes) != 1 {
		t.Errorf("the program's attributes became %v", attributes)
	}

	messages, contexts := receive(t, client, orders, 2, "tenant")
	for i := range messages {
		if len(messages[i].MessageAttributes) != 1 {
			t.Errorf("the program asked for one attribute, and got %v", messages[i].MessageAttributes)
		}
		_, err := client.SendMessage(contexts[i], &sqs.SendMessageInput{QueueUrl: payments, MessageBody: messages[i].Body, MessageAttributes: attributes})
		check(t, err)
	}
	for len(messages) < 4 {
		more, _ := receive(t, client, orders, 1, "All")
		messages = append(messages, more...)
		for _, msg := range more {
			if len(msg.MessageAttributes) != 2 {
				t.Errorf("the program asked for all attributes, and got %v", msg.MessageAttributes)
			}
			_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: payments, MessageBody: msg.Body, MessageAttributes: msg.MessageAttributes})
			check(t, err)
		}
	}
	received, _ := receive(t, client, payments, 4)
	for _, msg := range received {
		if msg.MessageAttributes != nil || msg.MD5OfMessageAttributes != nil {
			t.Errorf("the program asked for no attributes, and got %v, %q", msg.MessageAttributes, sdk.ToString(msg.MD5OfMessageAttributes))
		}
	}
	const size = 9 + 6 + 6 + 4
	// What was received without the attribute is smaller by it; the last two asked for none.
	agent.Flushed()
	hash := uint64(0)
	for _, hop := range []agenttest.Hop{
		hop(size, "out", ordersName, "sqs"), hop(size, "in", ordersName, "sqs"), hop(size, "out", paymentsName, "sqs"), hop(9, "in", paymentsName, "sqs"),
	} {
		edge := agent.One(t, hop.Tags...)
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, hash, hop.Tags...); edge.Parent != hash || edge.Hash != want || edge.Current != 4 {
			t.Errorf("%v: want 4 messages, %d -> %d", edge, hash, want)
		}
		if edge.Size.Sum < 4*hop.Size*0.98 || edge.Size.Sum > 4*hop.Size*1.02 {
			t.Errorf("%v: want %g bytes each", edge, hop.Size)
		}
		hash = edge.Hash
	}
	if edges := agent.Edges(); len(edges) != 4 {
		t.Errorf("%v", edges)
	}
}

// The bytes that travel: an attribute String, with the header in a JSON object, beside what was in it.
func TestCarrier(t *testing.T) {
	agenttest.Start(t)
	client, plain, ctx := sqs.NewFromConfig(measured(t)), sqs.NewFromConfig(plain(t)), patient(t)
	for held, want := range map[string]string{
		"": `{"` + key + `":"HEADER"}`,
		`{"x-datadog-trace-id":"1","` + key + `":"old","` + datastreams.PropagationKey + `":"old"}`: `{"x-datadog-trace-id":"1","` + key + `":"HEADER"}`,
		`no object`: `{"` + key + `":"HEADER"}`,
	} {
		url, _ := queue(t, nil)
		attributes := map[string]sqstypes.MessageAttributeValue{}
		if held != "" {
			attributes["_datadog"] = text(held)
		}
		parent := datastreams.NewPathway("before")
		ctx := datastreams.ContextWithPathway(ctx, parent)
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: sdk.String("x"), MessageAttributes: attributes})
		check(t, err)
		messages, _ := receive(t, plain, url, 1, "All")
		own := messages[0].MessageAttributes["_datadog"]
		before, rest, _ := strings.Cut(want, "HEADER")
		got := sdk.ToString(own.StringValue)
		header, ok := strings.CutPrefix(strings.TrimSuffix(got, rest), before)
		pathway, err := datastreams.DecodeStr(header)
		if !ok || err != nil || sdk.ToString(own.DataType) != "String" || len(messages[0].MessageAttributes) != 1 || len(header) != 28 {
			t.Errorf("%q became %q (%v)", held, got, err)
		}
		if raw, err := base64.StdEncoding.DecodeString(header); err != nil || len(raw) != 20 || pathway.PathwayStart().UnixMilli() != parent.PathwayStart().UnixMilli() {
			t.Errorf("%q: %v", header, err)
		}
	}
}

// What tracers write is read, each message by itself; what nobody can read starts a pathway.
func TestWhatOthersWrite(t *testing.T) {
	agent, client, plain, ctx := agenttest.Start(t), sqs.NewFromConfig(measured(t)), sqs.NewFromConfig(plain(t)), patient(t)
	url, name := queue(t, nil)
	before := datastreams.NewPathway("before")
	header := before.EncodeStr()
	twice := base64.StdEncoding.EncodeToString([]byte(header)) // as dd-trace-dotnet writes it
	raw := base64.StdEncoding.EncodeToString(before.Encode())
	send := func(attributes map[string]sqstypes.MessageAttributeValue) {
		t.Helper()
		_, err := plain.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: sdk.String("x"), MessageAttributes: attributes})
		check(t, err)
	}
	good := []sqstypes.MessageAttributeValue{
		carrier(header), carrier(twice), {DataType: sdk.String("Binary"), BinaryValue: []byte(`{"` + key + `":"` + header + `"}`)},
		text(`{"` + key + `":["old","` + twice + `"]}`), text(`{"` + datastreams.PropagationKey + `":"` + raw + `"}`),
		text(` {"x":{}, "dd-pathway-ctx\u002dbase64" : "` + header + `"}`), text(`{"` + key + `":"?","` + datastreams.PropagationKey + `":"` + raw + `"}`),
	}
	bad := []sqstypes.MessageAttributeValue{
		text("no json"), text("[1]"), text("{}"), text(`{"` + key + `":17}`), text(`{"` + key + `":[]}`), text(`{"` + key + `":null}`),
		text(strings.Repeat("[", 60000)), carrier("?!"), text(`{"` + key + `":"` + header + `"} x`),
	}
	for _, one := range append(good, bad...) {
		send(map[string]sqstypes.MessageAttributeValue{"_datadog": one})
	}
	send(nil)
	receive(t, client, url, len(good)+len(bad)+1)
	agent.Flushed()
	counts := map[uint64]float64{}
	for _, edge := range agent.Find("direction:in", "topic:"+name, "type:sqs") {
		counts[edge.Parent] = edge.Current
	}
	if len(counts) != 2 || counts[before.GetHash()] != float64(len(good)) || counts[0] != float64(len(bad)+1) {
		t.Errorf("messages by parent: %v, not %d and %d", counts, len(good), len(bad)+1)
	}
	if unreadable := datastreams.Counters()["header_unreadable"]; unreadable != 2 {
		t.Errorf("%d headers could not be read", unreadable)
	}
}

// SQS takes ten attributes: an eleventh is never sent, the tenth is, and one that is there is replaced.
func TestTenAttributes(t *testing.T) {
	agent, client, ctx := agenttest.Start(t), sqs.NewFromConfig(measured(t)), patient(t)
	url, name := queue(t, nil)
	counted := counted()
	for _, test := range []struct {
		others            int
		carrying, stamped bool
	}{{9, false, true}, {9, true, true}, {10, false, false}} {
		attributes := map[string]sqstypes.MessageAttributeValue{}
		for i := range test.others {
			attributes["name-"+string(rune('a'+i))] = text("v")
		}
		if test.carrying {
			attributes["_datadog"] = carrier("stale")
		}
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: sdk.String("x"), MessageAttributes: attributes})
		check(t, err)
		messages, _ := receive(t, client, url, 1, "All")
		own, there := messages[0].MessageAttributes["_datadog"]
		if len(messages[0].MessageAttributes) != 10 || there != test.stamped || strings.Contains(sdk.ToString(own.StringValue), "stale") {
			t.Errorf("%+v: %v", test, messages[0].MessageAttributes)
		}
	}
	if counts := counted(); counts["sqs_attributes"] != 1 || len(counts) != 1 {
		t.Errorf("%v", counts)
	}
	agent.Flushed()
	if out := agent.One(t, hop(0, "out", name, "sqs").Tags...); out.Current != 2 {
		t.Errorf("%v", out)
	}
}

// total is the bytes of a message as SQS counts them.
func total(msg *sqstypes.Message) (bytes int) {
	for name, value := range msg.MessageAttributes {
		bytes += len(name) + len(sdk.ToString(value.DataType)) + len(sdk.ToString(value.StringValue)) + len(value.BinaryValue)
	}
	return bytes + len(sdk.ToString(msg.Body))
}

// What SQS takes by default, and at most, is never passed because of us, neither by a message nor by a batch, and everything up
// to that is stamped.
func TestLargeMessages(t *testing.T) {
	agent, client, ctx := agenttest.Start(t), sqs.NewFromConfig(measured(t)), patient(t)
	url, name := queue(t, map[string]string{"MaximumMessageSize": "1048576"})
	counted := counted()
	const usual, most = 262144, 1048576
	own := len("_datadog"+"String"+`{"`+key+`":""}`) + 36
	for _, test := range []struct {
		length  int
		carried string
		stamped bool
	}{
		{usual - own, "", true}, {usual - own + 1, "", false}, {usual - own, "stale", true}, {usual - own + 1, "stale", false},
		{usual, "", false}, {usual + 1, "", true}, {most - own, "", true}, {most - own + 1, "", false},
	} {
		given := &sqs.SendMessageInput{QueueUrl: url, MessageBody: sdk.String(strings.Repeat("x", test.length))}
		if test.carried != "" {
			given.MessageAttributes = map[string]sqstypes.MessageAttributeValue{"_datadog": carrier(test.carried)}
		}
		_, err := client.SendMessage(ctx, given)
		check(t, err)
		messages, _ := receive(t, client, url, 1, "All")
		limit := usual
		if test.length > usual {
			limit = most
		}
		if there := len(messages[0].MessageAttributes) == 1; there != test.stamped || total(&messages[0]) > limit {
			t.Errorf("%+v: %d bytes, %d attributes", test, total(&messages[0]), len(messages[0].MessageAttributes))
		}
	}
	// There is room for two of three; one of two is itself as large as it may be.
	for _, test := range []struct {
		lengths        []int
		limit, stamped int
	}{
		{[]int{(usual - 2*own) / 3, (usual - 2*own) / 3, (usual - 2*own) / 3}, usual, 2},
		{[]int{(most - 2*own) / 3, (most - 2*own) / 3, (most - 2*own) / 3}, most, 2},
		{[]int{usual, 1}, most, 1},
	} {
		batch := &sqs.SendMessageBatchInput{QueueUrl: url}
		for i, length := range test.lengths {
			entry := sqstypes.SendMessageBatchRequestEntry{Id: sdk.String(string(rune('a' + i))), MessageBody: sdk.String(strings.Repeat("x", length))}
			batch.Entries = append(batch.Entries, entry)
		}
		_, err := client.SendMessageBatch(ctx, batch)
		check(t, err)
		messages, _ := receive(t, client, url, len(test.lengths), "All")
		all, stamped := 0, 0
		for i := range messages {
			all += total(&messages[i])
			stamped += len(messages[i].MessageAttributes)
			if len(*messages[i].Body) == usual && len(messages[i].MessageAttributes) > 0 {
				t.Errorf("%v: a queue that takes %d bytes would not take it", test, usual)
			}
		}
		if all > test.limit || stamped != test.stamped {
			t.Errorf("%v: %d bytes, %d carry a pathway", test, all, stamped)
		}
	}
	if counts := counted(); counts["sqs_too_large"] != 4+3 || len(counts) != 1 {
		t.Errorf("%v", counts)
	}
	agent.Flushed()
	if out := agent.One(t, hop(0, "out", name, "sqs").Tags...); out.Current != 4+5 {
		t.Errorf("%v", out)
	}
}

// A queue that takes less gets the message without a pathway, alone and in a batch; what it refuses anyway is refused.
func TestQueueThatTakesLess(t *testing.T) {
	agenttest.Start(t)
	config := measured(t)
	// As SQS does: moto does not count attributes.
	config.HTTPClient = &refuser{func(request *http.Request, body []byte) (int, http.Header, any) {
		if !bytes.Contains(body, []byte("_datadog")) {
			return 0, nil, nil
		}
		switch request.Header.Get("X-Amz-Target") {
		case "AmazonSQS.SendMessage":
			return 400, http.Header{"X-Amzn-Query-Error": {"InvalidParameterValue;Sender"}}, map[string]string{"__type": "com.amazonaws.sqs#InvalidParameterValueException", "message": "too long"}
		case "AmazonSQS.SendMessageBatch":
			return 200, nil, map[string]any{
				"Successful": []any{map[string]string{"Id": "b", "MessageId": "1", "MD5OfMessageBody": "9dd4e461268c8034f5c8564e155c67a6"}},
				"Failed":     []any{map[string]any{"Id": "a", "SenderFault": true, "Code": "InvalidParameterValue"}, map[string]any{"Id": "c", "SenderFault": false, "Code": "InternalError"}},
			}
		}
		return 0, nil, nil
	}}
	client, ctx := sqs.NewFromConfig(config), patient(t)
	url, _ := queue(t, map[string]string{"MaximumMessageSize": "1024"})
	counted := counted()
	_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: sdk.String(strings.Repeat("x", 1024))})
	check(t, err)
	batch := &sqs.SendMessageBatchInput{QueueUrl: url}
	for _, id := range []string{"a", "b", "c"} {
		batch.Entries = append(batch.Entries, sqstypes.SendMessageBatchRequestEntry{Id: sdk.String(id), MessageBody: sdk.String("x")})
	}
	result, err := client.SendMessageBatch(ctx, batch)
	check(t, err)
	if len(result.Failed) != 1 || sdk.ToString(result.Failed[0].Id) != "c" || len(result.Successful) != 2 || sdk.ToString(result.Successful[1].Id) != "a" {
		t.Errorf("failed are %v, not c alone: %v", result.Failed, result.Successful)
	}
	receive(t, client, url, 2)
	if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: sdk.String(strings.Repeat("x", 1025))}); err == nil {
		t.Error("more than the queue takes was taken")
	}
	if counts := counted(); counts["sqs_refused"] != 3 {
		t.Errorf("%v", counts)
	}
}

// The digests that SQS tells are of the attributes that the program gave, and of those that it gets.
func TestDigests(t *testing.T) {
	agenttest.Start(t)
	bare, client, ctx := sqs.NewFromConfig(plain(t)), sqs.NewFromConfig(measured(t)), patient(t)
	url, _ := queue(t, nil)
	body := sdk.String("x")
	digest := func(client *sqs.Client, attributes map[string]sqstypes.MessageAttributeValue) string {
		answer, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: body, MessageAttributes: attributes})
		check(t, err)
		receive(t, client, url, 1, "All")
		return sdk.ToString(answer.MD5OfMessageAttributes)
	}
	given := map[string]sqstypes.MessageAttributeValue{
		"tenant": text("blue"), "number": {DataType: sdk.String("Number"), StringValue: sdk.String("12")},
		"bytes": {DataType: sdk.String("Binary.own"), BinaryValue: []byte{0, 255}},
	}
	for _, attributes := range []map[string]sqstypes.MessageAttributeValue{nil, {"tenant": text("blue")}, given} {
		if want, got := digest(bare, attributes), digest(client, attributes); got != want {
			t.Errorf("%d attributes: %q was sent, not %q", len(attributes), got, want)
		}
	}
	entry := sqstypes.SendMessageBatchRequestEntry{Id: sdk.String("a"), MessageBody: body, MessageAttributes: given}
	answer, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []sqstypes.SendMessageBatchRequestEntry{entry}})
	check(t, err)
	receive(t, client, url, 1)
	want := digest(bare, given)
	if got := sdk.ToString(answer.Successful[0].MD5OfMessageAttributes); got != want {
		t.Errorf("%q was sent in a batch, not %q", got, want)
	}
	for i, names := range [][]string{{"none"}, {"tenant"}, {"tenant", "number", "bytes"}, {"All"}} {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: body, MessageAttributes: given})
		check(t, err)
		messages, _ := receive(t, client, url, 1, names...)
		if n := len(messages[0].MessageAttributes); n != [...]int{0, 1, 3, 4}[i] {
			t.Errorf("%d attributes were received of %v", n, names)
		}
		if got, want := sdk.ToString(messages[0].MD5OfMessageAttributes), digest(bare, messages[0].MessageAttributes); got != want {
			t.Errorf("%q was received of %v, not %q", got, names, want)
		}
	}
}

func TestNothingToMeasure(t *testing.T) {
	agent, client, ctx := agenttest.Start(t), sqs.NewFromConfig(measured(t)), patient(t)
	url, _ := queue(t, nil)
	if answer, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url}); err != nil || len(answer.Messages) != 0 {
		t.Error(answer, err)
	}
	if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url}); err == nil { // refused before it is sent
		t.Error("a message without a body was taken")
	}
	if aws.ContextWithMessage(ctx, nil, nil) != ctx || aws.ContextWithMessage(ctx, &sqs.ReceiveMessageOutput{}, &sqstypes.Message{}) != ctx {
		t.Error("nothing has a pathway")
	}
	if edges := agent.Flushed(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
}

func TestWithoutHeaders(t *testing.T) {
	agent, client, ctx := agenttest.Start(t), sqs.NewFromConfig(measured(t, aws.WithoutHeaders(), nil)), patient(t)
	url, name := queue(t, nil)
	_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: sdk.String("x")})
	check(t, err)
	if messages, _ := receive(t, client, url, 1, "All"); len(messages[0].MessageAttributes) != 0 {
		t.Errorf("%v", messages[0].MessageAttributes)
	}
	agent.Chain(t, 1, hop(1, "in", name, "sqs"))
}

// A message that Lambda hands over, by hand: the queue may be named by its name.
func TestByHand(t *testing.T) {
	agent := agenttest.Start(t)
	before := datastreams.NewPathway("direction:out", "topic:q", "type:sqs")
	msg := &sqstypes.Message{Body: sdk.String("x"), MessageAttributes: map[string]sqstypes.MessageAttributeValue{"_datadog": carrier(before.EncodeStr())}}
	ctx := aws.TraceConsumeMessage(context.Background(), "q", msg)
	if pathway, _ := datastreams.PathwayFromContext(ctx); pathway.IsZero() || aws.TraceConsumeMessage(ctx, "q", nil) != ctx {
		t.Error("no pathway, or one of nothing")
	}
	agent.Flushed()
	if in := agent.One(t, hop(1, "in", "q", "sqs").Tags...); in.Parent != before.GetHash() || in.Current != 1 {
		t.Errorf("%v", in)
	}
}
