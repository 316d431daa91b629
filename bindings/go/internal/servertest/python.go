package servertest

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// PythonService is the service of [PythonHop].
const PythonService = "python"

// hop is the program of that service.
//
//go:embed hop.py
var hop string

// hopTime bounds how long the service may take.
const hopTime = 2 * time.Minute

// PythonHop has a service with the Python binding pass on n messages. client names one of its functions, agent is the URL that
// it reports to, and env its environment. The test is skipped unless the environment variable DATASTREAMS_PYTHON names a Python
// that has the binding, and the clients that it integrates.
func PythonHop(t testing.TB, agent, env, client, server, from, to string, n int) {
	t.Helper()
	NeedPython(t)
	ctx, cancel := context.WithTimeout(context.Background(), hopTime)
	defer cancel()
	command := exec.CommandContext(ctx, os.Getenv("DATASTREAMS_PYTHON"), "-c", hop, client, server, from, to, strconv.Itoa(n))
	command.Env = append(os.Environ(), "DD_TRACE_AGENT_URL="+agent, "DD_ENV="+env)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("the Python service: %v: %s", err, said)
	}
}

// NeedPython skips a test that [PythonHop] will skip.
func NeedPython(t testing.TB) {
	t.Helper()
	if os.Getenv("DATASTREAMS_PYTHON") == "" {
		t.Skip("DATASTREAMS_PYTHON names no Python that has the Python binding")
	}
}
