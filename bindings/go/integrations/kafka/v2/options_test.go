package kafka

import (
	"testing"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func TestTooOld(t *testing.T) {
	for _, test := range []struct {
		config *kafka.ConfigMap
		old    bool
	}{
		{nil, false},
		{&kafka.ConfigMap{}, false},
		{&kafka.ConfigMap{"broker.version.fallback": "0.9.0"}, false},
		{&kafka.ConfigMap{"api.version.request": false}, true},
		{&kafka.ConfigMap{"api.version.request": "false", "broker.version.fallback": "0.10.2.1"}, true},
		{&kafka.ConfigMap{"api.version.request": false, "broker.version.fallback": "0.11.0.0"}, false},
		{&kafka.ConfigMap{"api.version.request": false, "broker.version.fallback": "1.0.0"}, false},
		{&kafka.ConfigMap{"api.version.request": false, "broker.version.fallback": "none"}, false},
		{&kafka.ConfigMap{"api.version.request": "perhaps"}, false},
	} {
		if why := settingsOf([]Option{WithConfig(test.config), nil}).tooOld(); (why != "") != test.old {
			t.Errorf("%v: %q", test.config, why)
		}
	}
}

func TestProperties(t *testing.T) {
	s := settingsOf([]Option{WithConfig(&kafka.ConfigMap{"group.id": "billing", "message.max.bytes": "2000"})})
	if s.group != "billing" || s.maxBytes() != 2000 {
		t.Errorf("%q, %d", s.group, s.maxBytes())
	}
	s = settingsOf([]Option{WithGroup("books"), WithConfig(&kafka.ConfigMap{"group.id": "billing"})})
	if s.group != "books" || s.maxBytes() != defaultMaxBytes {
		t.Errorf("%q, %d", s.group, s.maxBytes())
	}
	if s = settingsOf(nil); s.group != "" || s.maxBytes() != 0 {
		t.Errorf("%q, %d", s.group, s.maxBytes())
	}
}
