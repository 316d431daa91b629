package kafka

import "testing"

func TestLearnAsksUntilItKnows(t *testing.T) {
	var id ClusterID
	answers := []string{"", "", "c1", "c2"}
	asked := 0
	id.Learn(nil, func() string { asked++; return answers[asked-1] })
	if id.Get() != "c1" || asked != 3 {
		t.Errorf("%q after %d questions", id.Get(), asked)
	}
	id.Learn(nil, func() string { t.Error("asked for what is known"); return "" })
}

func TestLearnStops(t *testing.T) {
	var id ClusterID
	stop := make(chan struct{})
	id.Learn(stop, func() string { close(stop); return "" })
	if id.Get() != "" {
		t.Error(id.Get())
	}
}
