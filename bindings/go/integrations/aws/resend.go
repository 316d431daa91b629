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

// batch is what the calls have in common that send several messages at once: how to get at what is sent, at what was taken and
// at what was not.
type batch[In, Out, Sent, Taken, Failed any] struct {
	service string
	given   func(*In) *[]Sent
	results func(*Out) (*[]Taken, *[]Failed)
	id      func(*Sent) *string
	failed  func(*Failed) (id, code *string, ours bool)
}

var (
	ofSQS = batch[sqs.SendMessageBatchInput, sqs.SendMessageBatchOutput,
		sqstypes.SendMessageBatchRequestEntry, sqstypes.SendMessageBatchResultEntry, sqstypes.BatchResultErrorEntry]{
		"sqs",
		func(given *sqs.SendMessageBatchInput) *[]sqstypes.SendMessageBatchRequestEntry { return &given.Entries },
		func(result *sqs.SendMessageBatchOutput) (*[]sqstypes.SendMessageBatchResultEntry, *[]sqstypes.BatchResultErrorEntry) {
			return &result.Successful, &result.Failed
		},
		func(sent *sqstypes.SendMessageBatchRequestEntry) *string { return sent.Id },
		func(failed *sqstypes.BatchResultErrorEntry) (id, code *string, ours bool) {
			return failed.Id, failed.Code, failed.SenderFault
		},
	}
	ofSNS = batch[sns.PublishBatchInput, sns.PublishBatchOutput,
		snstypes.PublishBatchRequestEntry, snstypes.PublishBatchResultEntry, snstypes.BatchResultErrorEntry]{
		"sns",
		func(given *sns.PublishBatchInput) *[]snstypes.PublishBatchRequestEntry {
			return &given.PublishBatchRequestEntries
		},
		func(result *sns.PublishBatchOutput) (*[]snstypes.PublishBatchResultEntry, *[]snstypes.BatchResultErrorEntry) {
			return &result.Successful, &result.Failed
		},
		func(sent *snstypes.PublishBatchRequestEntry) *string { return sent.Id },
		func(failed *snstypes.BatchResultErrorEntry) (id, code *string, ours bool) {
			return failed.Id, failed.Code, failed.SenderFault
		},
	}
)

// resend sends those messages of a batch once more, as they were given, that were refused with a pathway and perhaps because of
// it. Their results take the place of those there are.
func (b *batch[In, Out, Sent, Taken, Failed]) resend(ctx context.Context, given *In, result *Out, next middleware.InitializeHandler) {
	taken, failed := b.results(result)
	var ids []string
	for i := range *failed {
		if id, code, ours := b.failed(&(*failed)[i]); ours && refusal(aws.ToString(code)) {
			ids = append(ids, aws.ToString(id))
		}
	}
	if len(ids) == 0 {
		return
	}
	again := *given
	sent := b.given(&again)
	*sent = nil
	for _, one := range *b.given(given) {
		if slices.Contains(ids, aws.ToString(b.id(&one))) {
			*sent = append(*sent, one)
			notice.Count(b.service + "_refused")
		}
	}
	// A client has one output for a call, however often it is made.
	before, left := *taken, *failed
	*taken, *failed = nil, nil
	out, _, err := next.HandleInitialize(ctx, middleware.InitializeInput{Parameters: &again})
	second, ok := out.Result.(*Out)
	if err != nil || !ok {
		*taken, *failed = before, left // what failed, failed
		return
	}
	left = slices.DeleteFunc(left, func(one Failed) bool {
		id, _, _ := b.failed(&one)
		return slices.Contains(ids, aws.ToString(id))
	})
	more, still := b.results(second)
	*taken, *failed = append(before, *more...), append(left, *still...)
}
