package aws

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// A document is exactly what JSON calls an object, and keeps everything but the pathway in it.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		``, `{}`, ` { } `, `{"a":1}`, "{\"a\" : [1, {\"_datadog\":2}] ,\n \"b\":\"}\"}", `{"_datadog":{}}`, `{"a":1,"_datadog":{"x":1,"dd-pathway-ctx-base64":"old"},"b":2}`,
		`{"_datadog":1,"_datadog":{"x":[]}}`, `{"\u005fdatadog":{"dd-pathway-ctx-base64":"old"}}`, `{"_datadog":"{\"x\":1}"}`, `{"a":1,}`, `{"a":1} x`, `[1]`, `1`, `"x"`, `{"a"}`,
		`{"a":1`, `{"a":"` + "\xff" + `"}`, `{1:2}`, `{"a":1 "b":2}`, `{,"a":1}`, "\ufeff{}", `{"a":NaN}`, `{"":""}`, `{"ü":"\u2028"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := bytes.Clone(text)
		doc, ok := documentOf(text)
		var before map[string]json.RawMessage
		trimmed := bytes.TrimLeft(text, space)
		want := utf8.Valid(text) && len(trimmed) > 0 && trimmed[0] == '{' && json.Unmarshal(text, &before) == nil
		if ok != want {
			t.Fatalf("%q: %v", text, ok)
		}
		if !ok {
			return
		}
		filled := doc.filled("HEADER")
		if !bytes.Equal(given, text) {
			t.Fatalf("%q became %q", given, text)
		}
		var after map[string]json.RawMessage
		if err := json.Unmarshal(filled, &after); err != nil {
			t.Fatalf("%q became %q: %v", text, filled, err)
		}
		again, ok := documentOf(filled)
		if !ok || string(again.held.pathway()) != "HEADER" || again.size != doc.size {
			t.Fatalf("%q became %q: %+v, and was of %d bytes", text, filled, again, doc.size)
		}
		delete(before, name)
		delete(after, name)
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%q became %q", text, filled)
		}
		if !bytes.HasPrefix(filled, doc.before) || !bytes.HasSuffix(filled, doc.after) {
			t.Fatalf("%q became %q", text, filled)
		}
	})
}

// Text that is nested as deep as a message allows takes no longer than it is long.
func TestDeepDocuments(t *testing.T) {
	deep := strings.Repeat(`{"_datadog":`, 9000) + `1` + strings.Repeat("}", 9000)
	doc, ok := documentOf([]byte(deep))
	if !ok || len(doc.held) != 1 || doc.held.pathway() != nil {
		t.Errorf("%v: %d members", ok, len(doc.held))
	}
	if _, ok := documentOf([]byte(strings.Repeat(`{"_datadog":`, 200000))); ok {
		t.Error("what does not end is an object")
	}
	for depth, want := range map[int]string{0: "x", 1: "x", 4: "x", 5: "?", 5000: "?"} {
		if got := header([]byte(strings.Repeat("[", depth) + `"x"` + strings.Repeat("]", depth))); string(got) != want {
			t.Errorf("in %d lists: %q", depth, got)
		}
	}
}

// The same texts as the Python binding writes: what was in the object, and the pathway behind it.
func TestFilled(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:            `{"_datadog":{"dd-pathway-ctx-base64":"HEADER"}}`,
		`{"a":1}`:       `{"a":1,"_datadog":{"dd-pathway-ctx-base64":"HEADER"}}`,
		` { "a" : 1 } `: ` { "a" : 1 ,"_datadog":{"dd-pathway-ctx-base64":"HEADER"}} `,
		`{"_datadog": {"dd-pathway-ctx-base64": "old", "x": 1 }, "b":2}`: `{"_datadog": {"x":1,"dd-pathway-ctx-base64":"HEADER"}, "b":2}`,
		`{"_datadog": 17}`: `{"_datadog": {"dd-pathway-ctx-base64":"HEADER"}}`,
	} {
		if doc, ok := documentOf([]byte(text)); !ok || string(doc.filled("HEADER")) != want {
			t.Errorf("%s became %s", text, doc.filled("HEADER"))
		}
	}
}

// Iterators are remembered, and the oldest forgotten.
func TestIterators(t *testing.T) {
	var all iterators
	name := func(i int) *string { text := strings.Repeat("x", i); return &text }
	for i := range 3 * iteratorsMax {
		all.follow(name(i), "s")
	}
	all.follow(nil, "s")
	all.follow(name(0), "")
	if all.of(*name(0)) != "" || all.of(*name(3*iteratorsMax - 1)) != "s" || all.of(*name(2 * iteratorsMax)) != "s" || len(all.new)+len(all.old) > 2*iteratorsMax {
		t.Errorf("%d and %d are remembered", len(all.new), len(all.old))
	}
}
