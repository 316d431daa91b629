package aws

import (
	"encoding/base64"
	"encoding/json"
)

// inEnvelope returns what the body of a message of SQS carries that SNS or EventBridge put into it, and the bytes that it takes
// there.
func inEnvelope(body []byte) (carried object, bytes int64) {
	envelope := objectOf(body)
	var kind string
	_ = json.Unmarshal(envelope.get("Type"), &kind)
	if kind != "Notification" {
		own := objectOf(envelope.get("detail")).get(name)
		return held(own), taken(own)
	}
	own := objectOf(envelope.get("MessageAttributes")).get(name)
	var attribute struct{ Type, Value string }
	if json.Unmarshal(own, &attribute) != nil {
		return nil, taken(own)
	}
	text := []byte(attribute.Value)
	if attribute.Type == "Binary" {
		text, _ = base64.StdEncoding.DecodeString(attribute.Value)
	}
	return objectOf(text), taken(own)
}

// taken is the bytes of a member _datadog, with its name.
func taken(value []byte) int64 {
	if value == nil {
		return 0
	}
	return int64(len(value) + len(`,"`+name+`":`))
}
