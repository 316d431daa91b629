package notice

import (
	"fmt"
	"testing"
)

// Messages to many topics may each have something to say, with every message.
func TestEachLineIsToldOnce(t *testing.T) {
	told := map[string]int{}
	SetLogger(func(line string) { told[line]++ })
	t.Cleanup(func() { SetLogger(nil); Clear() })
	for range 3 {
		for topic := range 2 * most {
			Say(fmt.Sprintf("topic %d", topic))
		}
	}
	for line, times := range told {
		if times != 1 {
			t.Errorf("%q was told %d times", line, times)
		}
	}
	if len(told) != most+1 || told[more] != 1 || First() != "topic 0" {
		t.Errorf("%d lines, %q first", len(told), First())
	}
	Clear()
	Say("topic 0")
	if told["topic 0"] != 2 {
		t.Error("what was cleared is not told again")
	}
}
