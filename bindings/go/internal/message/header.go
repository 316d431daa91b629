package message

import (
	"context"
	"fmt"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// HeaderMax is the most bytes of a header's value.
const HeaderMax = 36

// Ours tells whether a header is a pathway.
func Ours(key string) bool {
	return key == datastreams.PropagationKeyBase64 || key == datastreams.PropagationKey
}

// Received chooses the header that a message's checkpoint reads: that under PropagationKeyBase64, unless it cannot be read
// and the legacy one can. Pass the last value under each key.
func Received(header, legacy []byte) []byte {
	if len(legacy) == 0 {
		return header
	}
	if len(header) != 0 {
		if _, err := datastreams.Decode(header); err == nil {
			return header
		}
		if _, err := datastreams.Decode(legacy); err != nil {
			return header
		}
	}
	return legacy
}

// Parent returns the pathway that a message continues which is about to be sent: that of ctx, else that of the header which
// the message itself carries, as when one that was received is passed on.
func Parent(ctx context.Context, header []byte) datastreams.Pathway {
	parent, ok := datastreams.PathwayFromContext(ctx)
	if !ok && len(header) > 0 {
		parent, _ = datastreams.Decode(header)
	}
	return parent
}

// Skipped counts a message that travels without its pathway, and was not recorded where it was sent: by its cause, such as
// "sqs_too_large". The program is told of each cause once.
func Skipped(cause string) {
	notice.Count(cause)
	notice.Say(fmt.Sprintf("datastreams: messages travel without a pathway (%s); integrations.Counts tells how many", cause))
}
