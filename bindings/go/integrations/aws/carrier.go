package aws

import (
	"bytes"
	"encoding/json"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// name is that of the object in which messages carry their pathway beside the headers of tracers.
const name = "_datadog"

// placeholder is as long as the longest header.
const placeholder = "===================================="

// member is one of a JSON object: both as they are in its text, where the value ends.
type member struct {
	key, value []byte
	end        int
}

// object is a JSON object, in the order of its text.
type object []member

// objectOf reads an object: nil when the text is none.
func objectOf(text []byte) object {
	all, _ := scan(text)
	return all
}

// get returns the last value of a member, nil when there is none.
func (o object) get(key string) []byte {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].named(key) {
			return o[i].value
		}
	}
	return nil
}

// named tells whether the member has this name, which may be escaped.
func (m member) named(name string) bool {
	if len(m.key) == len(name)+2 {
		return string(m.key[1:len(m.key)-1]) == name
	}
	var decoded string
	return len(m.key) > len(name)+2 && json.Unmarshal(m.key, &decoded) == nil && decoded == name
}

func (m member) ours() bool {
	return m.named(datastreams.PropagationKeyBase64) || m.named(datastreams.PropagationKey)
}

// pathway returns the header that a checkpoint reads. nil: there is none.
func (o object) pathway() []byte {
	if len(o) == 0 {
		return nil
	}
	return message.Received(header(o.get(datastreams.PropagationKeyBase64)), header(o.get(datastreams.PropagationKey)))
}

// hasPathway tells whether there is a header of ours.
func (o object) hasPathway() bool {
	for _, member := range o {
		if member.ours() {
			return true
		}
	}
	return false
}

// listsMax bounds the lists in lists that a header is looked for in: each is read once more.
const listsMax = 4

// header returns the text of a value. Where that is a list, as dd-trace-dotnet writes it, of the last in it. What is no text
// is no header that can be read.
func header(value []byte) []byte {
	for range listsMax {
		if len(value) == 0 || value[0] != '[' {
			break
		}
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil || len(list) == 0 {
			return nil
		}
		value = list[len(list)-1]
	}
	if len(value) == 0 || string(value) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return []byte("?")
	}
	return []byte(text)
}

// filled is the text of the object with a pathway in it, in place of one that was there. An empty one is none.
func (o object) filled(pathway string) []byte {
	var text bytes.Buffer
	text.WriteByte('{')
	for _, member := range o {
		if member.ours() {
			continue
		}
		if text.Len() > 1 {
			text.WriteByte(',')
		}
		text.Write(member.key)
		text.WriteByte(':')
		text.Write(member.value)
	}
	if pathway != "" {
		if text.Len() > 1 {
			text.WriteByte(',')
		}
		text.WriteString(`"` + datastreams.PropagationKeyBase64 + `":"` + pathway + `"`)
	}
	text.WriteByte('}')
	return text.Bytes()
}
