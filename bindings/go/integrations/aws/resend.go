package aws

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// refused tells whether a call failed for what is perhaps the length of its messages: a queue or a topic may take less than its
// service. Nothing was done then.
func refused(err error) bool {
	var failed smithy.APIError
	return errors.As(err, &failed) && refusal(failed.ErrorCode())
}

func refusal(code string) bool {
	switch code {
	case "InvalidParameterValue", "InvalidParameter", "ValidationException", "ValidationError", "InvalidArgumentException":
		return true
	}
	return strings.HasSuffix(code, "BatchRequestTooLong")
}

// entries are what a batch and its answer are made of: what was sent, what was taken, and what was not.
type entries[Sent, Taken, Failed any] struct {
	id     func(*Sent) *string
	failed func(*Failed) (id, code *string, ours bool)
}

var (
	ofSQS = entries[sqstypes.SendMessageBatchRequestEntry, sqstypes.SendMessageBatchResultEntry, sqstypes.BatchResultErrorEntry]{
		func(sent *sqstypes.SendMessageBatchRequestEntry) *string { return sent.Id },
		func(failed *sqstypes.BatchResultErrorEntry) (id, code *string, ours bool) {
			return failed.Id, failed.Code, failed.SenderFault
		},
	}
	ofSNS = entries[snstypes.PublishBatchRequestEntry, snstypes.PublishBatchResultEntry, snstypes.BatchResultErrorEntry]{
		func(sent *snstypes.PublishBatchRequestEntry) *string { return sent.Id },
		func(failed *snstypes.BatchResultErrorEntry) (id, code *string, ours bool) {
			return failed.Id, failed.Code, failed.SenderFault
		},
	}
)

// resend sends those messages of a batch once more, as they were given, that were refused with a pathway and perhaps because of
// it. Their results take the place of those there are. What again returns is not ok when nothing was done.
func (e *entries[Sent, Taken, Failed]) resend(given []Sent, taken *[]Taken, failed *[]Failed, service string,
	again func([]Sent) (taken []Taken, failed []Failed, ok bool),
) {
	var ids []string
	for i := range *failed {
		if id, code, ours := e.failed(&(*failed)[i]); ours && refusal(aws.ToString(code)) {
			ids = append(ids, aws.ToString(id))
		}
	}
	if len(ids) == 0 {
		return
	}
	var sent []Sent
	for i := range given {
		if slices.Contains(ids, aws.ToString(e.id(&given[i]))) {
			sent = append(sent, given[i])
			notice.Count(service + "_refused")
		}
	}
	// A client has one output for a call, however often it is made.
	before, left := *taken, *failed
	*taken, *failed = nil, nil
	more, still, ok := again(sent)
	if !ok {
		*taken, *failed = before, left // what failed, failed
		return
	}
	left = slices.DeleteFunc(left, func(one Failed) bool {
		id, _, _ := e.failed(&one)
		return slices.Contains(ids, aws.ToString(id))
	})
	*taken, *failed = append(before, more...), append(left, still...)
}

func resendSQS(ctx context.Context, given *sqs.SendMessageBatchInput, result *sqs.SendMessageBatchOutput, next middleware.InitializeHandler) {
	ofSQS.resend(given.Entries, &result.Successful, &result.Failed, "sqs",
		func(sent []sqstypes.SendMessageBatchRequestEntry) ([]sqstypes.SendMessageBatchResultEntry, []sqstypes.BatchResultErrorEntry, bool) {
			again := *given
			again.Entries = sent
			out, _, err := next.HandleInitialize(ctx, middleware.InitializeInput{Parameters: &again})
			second, ok := out.Result.(*sqs.SendMessageBatchOutput)
			if err != nil || !ok {
				return nil, nil, false
			}
			return second.Successful, second.Failed, true
		})
}

func resendSNS(ctx context.Context, given *sns.PublishBatchInput, result *sns.PublishBatchOutput, next middleware.InitializeHandler) {
	ofSNS.resend(given.PublishBatchRequestEntries, &result.Successful, &result.Failed, "sns",
		func(sent []snstypes.PublishBatchRequestEntry) ([]snstypes.PublishBatchResultEntry, []snstypes.BatchResultErrorEntry, bool) {
			again := *given
			again.PublishBatchRequestEntries = sent
			out, _, err := next.HandleInitialize(ctx, middleware.InitializeInput{Parameters: &again})
			second, ok := out.Result.(*sns.PublishBatchOutput)
			if err != nil || !ok {
				return nil, nil, false
			}
			return second.Successful, second.Failed, true
		})
}
