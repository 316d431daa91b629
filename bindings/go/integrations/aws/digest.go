package aws

import (
	"crypto/fips140"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// digested returns the digest of attributes that SQS tells in place of one that it told of more or other ones, for programs that
// compare: nil for no attributes, and where there was none.
func digested(told *string, all map[string]types.MessageAttributeValue) *string {
	if told == nil || len(all) == 0 {
		return nil
	}
	if fips140.Enabled() {
		return told // MD5 may panic
	}
	var text []byte
	add := func(value []byte) {
		text = binary.BigEndian.AppendUint32(text, uint32(len(value)))
		text = append(text, value...)
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		one := readSQS(all[key])
		add([]byte(key))
		add([]byte(one.kind))
		if strings.HasPrefix(one.kind, "Binary") {
			text = append(text, 2)
			add(one.binary)
		} else {
			text = append(text, 1)
			add([]byte(one.text))
		}
	}
	sum := md5.Sum(text)
	return aws.String(hex.EncodeToString(sum[:]))
}

// digest has the answer to a batch tell the digests of what the program gave.
func digest(given *sqs.SendMessageBatchInput, result *sqs.SendMessageBatchOutput) {
	for i := range result.Successful {
		one := &result.Successful[i]
		for j := range given.Entries {
			if aws.ToString(given.Entries[j].Id) == aws.ToString(one.Id) {
				one.MD5OfMessageAttributes = digested(one.MD5OfMessageAttributes, given.Entries[j].MessageAttributes)
			}
		}
	}
}
