package aws_test

import (
	"context"
	"log"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/aws"
)

// A service between two queues. Its messages continue the pathways of those that cause them.
func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	config := sdk.Config{Region: "eu-central-1"} // config.LoadDefaultConfig(ctx)
	aws.Instrument(&config)
	client, ctx := sqs.NewFromConfig(config), context.Background()

	for {
		orders, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: sdk.String("https://sqs.../orders"), WaitTimeSeconds: 20})
		if err != nil {
			log.Print(err)
			return
		}
		for i := range orders.Messages {
			// The context of the message that causes the next one.
			ctx := aws.ContextWithMessage(ctx, orders, &orders.Messages[i])
			payment := &sqs.SendMessageInput{QueueUrl: sdk.String("https://sqs.../payments"), MessageBody: orders.Messages[i].Body}
			if _, err := client.SendMessage(ctx, payment); err != nil {
				log.Print(err)
			}
		}
	}
}
