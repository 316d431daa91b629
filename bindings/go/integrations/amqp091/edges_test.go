package amqp091

import "testing"

func TestNamesThatWereMadeUp(t *testing.T) {
	for queue, want := range map[string]string{
		"orders":                                   "orders",
		"":                                         "amq.gen",
		"amq.gen-JzTY20BRgKO-HjmUJj0wLg":           "amq.gen",
		"amq.rabbitmq.reply-to.g1h2AA5yZXBs":       "amq.rabbitmq.reply-to",
		"3f2504e0-4f89-11d3-9a0c-0305e82c3301":     "uuid",
		"3F2504E04F8911D39A0C0305E82C3301":         "uuid",
		"amq_3f2504e04f8911d39a0c0305e82c3301":     "uuid",
		"x3f2504e0-4f89-11d3-9a0c-0305e82c3301":    "x3f2504e0-4f89-11d3-9a0c-0305e82c3301",
		"3f2504e0-4f89-11d3-9a0c-0305e82c3301.dlq": "3f2504e0-4f89-11d3-9a0c-0305e82c3301.dlq",
	} {
		if got := named(queue); got != want {
			t.Errorf("%q is named %q, not %q", queue, got, want)
		}
	}
}
