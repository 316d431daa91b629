package aws

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// document is the text of a JSON object, before and after the value of its member _datadog, which it need not have had.
// Everything else in it stays as it is, to the byte.
type document struct {
	before, after []byte
	held          object // what is in that member
	size          int64  // bytes without the member
}

const space = " \t\r\n"

// documentOf reads a text. Not ok: it is no JSON object.
func documentOf(text []byte) (doc document, ok bool) {
	all, closing := scan(text)
	if closing < 0 {
		return document{}, false
	}
	doc.size = int64(len(text))
	found := -1
	for i := range all {
		if all[i].named(name) {
			found = i
		}
	}
	if found < 0 {
		comma := ""
		if len(all) > 0 {
			comma = ","
		}
		doc.before = append(bytes.Clone(text[:closing]), comma+`"`+name+`":`...)
		doc.after = text[closing:]
		return doc, true
	}
	own := all[found]
	doc.before, doc.after = text[:own.end-len(own.value)], text[own.end:]
	doc.held = held(own.value)
	doc.size -= int64(len(own.value) + len(`"`+name+`":`))
	if len(all) > 1 {
		doc.size--
	}
	return doc, true
}

// scan reads the members of a JSON object, and where it is closed: -1 when the text is none, or holds more.
func scan(text []byte) (all object, closing int) {
	if trimmed := bytes.TrimLeft(text, space); len(trimmed) == 0 || trimmed[0] != '{' || !utf8.Valid(text) {
		return nil, -1
	}
	reader := json.NewDecoder(bytes.NewReader(text))
	if _, err := reader.Token(); err != nil {
		return nil, -1
	}
	for reader.More() {
		from := reader.InputOffset()
		if _, err := reader.Token(); err != nil {
			return nil, -1
		}
		key := bytes.TrimLeft(text[from:reader.InputOffset()], ","+space)
		var value json.RawMessage
		if reader.Decode(&value) != nil {
			return nil, -1
		}
		end := int(reader.InputOffset())
		all = append(all, member{key, text[end-len(value) : end], end})
	}
	if _, err := reader.Token(); err != nil {
		return nil, -1
	}
	end := int(reader.InputOffset())
	if len(bytes.TrimLeft(text[end:], space)) > 0 {
		return nil, -1
	}
	return all, end - 1
}

// held is what a member _datadog holds, which is an object, or the text of one.
func held(value []byte) object {
	var text string
	if len(value) > 0 && value[0] == '"' && json.Unmarshal(value, &text) == nil {
		return objectOf([]byte(text))
	}
	return objectOf(value)
}

// filled is the text, with a pathway in it.
func (d *document) filled(pathway string) []byte {
	return bytes.Join([][]byte{d.before, d.held.filled(pathway), d.after}, nil)
}
