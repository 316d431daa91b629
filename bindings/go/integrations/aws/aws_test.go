package aws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations"
	"github.com/datastreams/datastreams/bindings/go/integrations/aws"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/servertest"
)

const (
	patience = 30 * time.Second
	key      = datastreams.PropagationKeyBase64
)

func TestMain(m *testing.M) { servertest.Main(m) }

// plain is a configuration for the server.
func plain(t *testing.T) sdk.Config {
	t.Helper()
	return sdk.Config{
		Region: "us-east-1", BaseEndpoint: sdk.String(servertest.AWS(t)), RetryMaxAttempts: 1,
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

func measured(t *testing.T, opts ...aws.Option) sdk.Config {
	t.Helper()
	config := plain(t)
	aws.Instrument(&config, opts...)
	return config
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	return ctx
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unique(name string) string { return fmt.Sprintf("%s-%08x", name, rand.Uint32()) }

// counted returns what was counted since the beginning of the test.
func counted() func() map[string]uint64 {
	before := integrations.Counts()
	return func() map[string]uint64 {
		now := integrations.Counts()
		for cause, n := range before {
			if now[cause] -= n; now[cause] == 0 {
				delete(now, cause)
			}
		}
		return now
	}
}

func hop(size float64, direction, topic, kind string) agenttest.Hop {
	return agenttest.Hop{Size: size, Tags: []string{"direction:" + direction, "topic:" + topic, "type:" + kind}}
}

// queue makes a queue that is new: its URL and its name.
func queue(t *testing.T, attributes map[string]string) (url *string, name string) {
	t.Helper()
	name = unique("queue")
	made, err := sqs.NewFromConfig(plain(t)).CreateQueue(patient(t), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	check(t, err)
	return made.QueueUrl, name
}

// receive takes n messages out of a queue, each with a context that carries its pathway.
func receive(t *testing.T, client *sqs.Client, url *string, n int, names ...string) (messages []sqstypes.Message, contexts []context.Context) {
	t.Helper()
	ctx := patient(t)
	for len(messages) < n {
		answer, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: int32(min(n-len(messages), 10)), MessageAttributeNames: names})
		check(t, err)
		for i := range answer.Messages {
			messages = append(messages, answer.Messages[i])
			contexts = append(contexts, aws.ContextWithMessage(context.Background(), answer, &answer.Messages[i]))
		}
	}
	return messages, contexts
}

func text(value string) sqstypes.MessageAttributeValue {
	return sqstypes.MessageAttributeValue{DataType: sdk.String("String"), StringValue: &value}
}

// carrier is the attribute that a message of SQS carries its pathway in.
func carrier(header string) sqstypes.MessageAttributeValue {
	return text(`{"` + key + `":"` + header + `"}`)
}

// refuser answers requests in place of the server, where answer is not nil.
type refuser struct {
	answer func(request *http.Request, body []byte) (status int, header http.Header, answer any)
}

func (r *refuser) Do(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	if status, header, answer := r.answer(request, body); status != 0 {
		text, ok := answer.(string)
		if !ok {
			marshalled, err := json.Marshal(answer)
			if err != nil {
				return nil, err
			}
			text = string(marshalled)
		}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: request}, nil
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	return http.DefaultClient.Do(request)
}
