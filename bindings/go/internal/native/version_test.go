package native

import (
	"os"
	"strings"
	"testing"
)

func TestOlder(t *testing.T) {
	for _, v := range []struct {
		a, b string
		want bool
	}{
		{"0.1.0", "0.1.0", false}, {"0.1.0", "0.1.1", true}, {"0.1.1", "0.1.0", false}, {"0.9.0", "0.10.0", true},
		{"1.0.0", "0.9.9", false}, {"0.1", "0.1.0", false}, {"0.1.0-dev", "0.1.0", false}, {"", "0.1.0", true},
	} {
		if got := older(v.a, v.b); got != v.want {
			t.Errorf("%q is older than %q: %v", v.a, v.b, got)
		}
	}
}

func TestTheVersionIsThatOfTheHeader(t *testing.T) {
	header, err := os.ReadFile("../../../../include/datastreams.h")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(header), "#define DS_VERSION \""+Version+"\"\n") {
		t.Errorf("the header has another version than %s", Version)
	}
}
