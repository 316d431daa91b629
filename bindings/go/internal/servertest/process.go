// Package servertest starts the servers that tests need: RabbitMQ and NATS of Debian's packages, and moto, which stands for AWS.
// Each listens on a free port of 127.0.0.1, is started once for all tests of a process, when the first asks for it, and is
// stopped by [Main].
package servertest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	host = "127.0.0.1"
	// startTime bounds how long a server may take to listen, stopTime to end.
	startTime = 2 * time.Minute
	stopTime  = 20 * time.Second
)

// Main is what TestMain does: it runs the tests, and stops what they started.
func Main(m *testing.M) {
	code := m.Run()
	stopAll()
	os.Exit(code)
}

var (
	mutex   sync.Mutex
	started []func() // what stops what was started, in order
)

func stopAll() {
	mutex.Lock()
	defer mutex.Unlock()
	for i := len(started) - 1; i >= 0; i-- {
		started[i]()
	}
	started = nil
}

func onStop(stop func()) {
	mutex.Lock()
	defer mutex.Unlock()
	started = append(started, stop)
}

// server runs a program in a directory of its own, and waits until it listens on the port.
func server(port int, env []string, program string, args ...string) error {
	directory, err := temporary()
	if err != nil {
		return err
	}
	said, err := os.Create(filepath.Join(directory, "log"))
	if err != nil {
		return err
	}
	defer said.Close()
	command := exec.Command(program, args...)
	command.Dir, command.Stdout, command.Stderr = directory, said, said
	command.Env = append(append(os.Environ(), "HOME="+directory), env...)
	// Not even a test that is killed leaves a server behind.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	onStop(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(stopTime):
			_ = command.Process.Kill()
			<-ended
		}
	})
	for until := time.Now().Add(startTime); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if connection, err := net.DialTimeout("tcp", address(port), time.Second); err == nil {
			return connection.Close()
		}
		select {
		case <-ended:
			until = time.Time{}
		default:
		}
	}
	text, _ := os.ReadFile(said.Name())
	return fmt.Errorf("%s does not listen: %s", program, bytes.TrimSpace(text[max(0, len(text)-2000):]))
}

// temporary makes a directory that is removed when all is stopped.
func temporary() (string, error) {
	directory, err := os.MkdirTemp("", "datastreams-")
	if err == nil {
		onStop(func() { _ = os.RemoveAll(directory) })
	}
	return directory, err
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// root is the directory of the checkout.
func root() (string, error) {
	directory, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(directory, "tools", "venv")); missing == nil {
			return directory, nil
		}
		if directory == filepath.Dir(directory) {
			return "", fmt.Errorf("no tools/venv above the working directory")
		}
		directory = filepath.Dir(directory)
	}
	return "", err
}

// python returns a Python that has the packages of a requirements file of the checkout.
var python = sync.OnceValues(func() (string, error) {
	directory, err := root()
	if err != nil {
		return "", err
	}
	command := exec.Command(filepath.Join(directory, "tools", "venv"), "bindings/python/tests/integrations/requirements.txt")
	var said bytes.Buffer
	command.Stderr = &said
	path, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("tools/venv: %w: %s", err, said.Bytes())
	}
	return strings.TrimSpace(string(path)), nil
})

// asked returns what a server that is started once says of itself, or fails the test.
func asked(t testing.TB, start func() (string, error)) string {
	t.Helper()
	answer, err := start()
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
