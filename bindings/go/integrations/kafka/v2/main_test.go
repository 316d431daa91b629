package kafka_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// TestMain has an agent that takes everything, for the examples.
func TestMain(m *testing.M) {
	agent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	os.Setenv("DD_TRACE_AGENT_URL", agent.URL)
	os.Exit(m.Run())
}
