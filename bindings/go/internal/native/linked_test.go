//go:build cgo && (datastreams_dynamic || (linux && amd64))

package native

import (
	"strings"
	"testing"
)

// No client is made of a library that this package was not written for.
func TestTheLinkedLibraryIsChecked(t *testing.T) {
	own := linked
	defer func() { linked = own }()
	abi, _ := own()
	for _, other := range []struct {
		abi     uint32
		version string
		want    string // in the error; "": none
	}{
		{abi, Version, ""}, {abi, "999.0.0", ""}, {abi, "0.0.1", "older"}, {abi + 1, Version, "ABI"}, {abi - 1, "999.0.0", "ABI"},
	} {
		linked = func() (uint32, string) { return other.abi, other.version }
		client, err := New(Config{AgentURL: "http://127.0.0.1:9", Delivery: DeliveryHost})
		if other.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", other, err)
				continue
			}
			client.Stop(0)
		} else if err == nil || !strings.Contains(err.Error(), other.want) {
			t.Errorf("%+v: %v", other, err)
		}
	}
}
