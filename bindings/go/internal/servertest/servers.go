package servertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// RabbitMQ returns the URL of a RabbitMQ.
func RabbitMQ(t testing.TB) string {
	t.Helper()
	return asked(t, rabbitMQ)
}

// rabbitMQ starts one, with an Erlang port mapper of its own.
var rabbitMQ = sync.OnceValues(func() (string, error) {
	var ports [3]int
	for i := range ports {
		port, err := freePort()
		if err != nil {
			return "", err
		}
		ports[i] = port
	}
	mapper, port := ports[0], ports[1]
	data, err := temporary()
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{"rabbitmq.conf": "", "plugins": "[]."} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	names := []string{"ERL_EPMD_PORT=" + strconv.Itoa(mapper), "ERL_EPMD_ADDRESS=" + host}
	if err := server(mapper, names, "epmd", "-port", strconv.Itoa(mapper), "-address", host); err != nil {
		return "", err
	}
	env := append(names,
		"RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RABBITMQ_NODENAME=datastreams-"+strconv.Itoa(port)+"@localhost",
		"RABBITMQ_NODE_IP_ADDRESS="+host,
		"RABBITMQ_NODE_PORT="+strconv.Itoa(port),
		"RABBITMQ_DIST_PORT="+strconv.Itoa(ports[2]),
		"RABBITMQ_MNESIA_BASE="+data,
		"RABBITMQ_LOG_BASE="+data,
		"RABBITMQ_LOGS=-",
		"RABBITMQ_CONFIG_FILE="+filepath.Join(data, "rabbitmq.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE="+filepath.Join(data, "none.config"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(data, "plugins"),
		"RABBITMQ_PID_FILE="+filepath.Join(data, "pid"),
	)
	// The one in the path runs as another user.
	if err := server(port, env, found("rabbitmq-server", "/usr/lib/rabbitmq/bin")); err != nil {
		return "", err
	}
	return "amqp://guest:guest@" + address(port) + "/", nil
})

// NATS returns the URL of a NATS server with JetStream.
func NATS(t testing.TB) string {
	t.Helper()
	return asked(t, natsServer)
}

var natsServer = sync.OnceValues(func() (string, error) {
	data, err := temporary()
	if err != nil {
		return "", err
	}
	return startNATS("-js", "-sd", data)
})

// NATSWithoutHeaders returns the URL of a NATS server whose messages have no headers, as those before 2.2 had none.
func NATSWithoutHeaders(t testing.TB) string {
	t.Helper()
	return asked(t, headless)
}

var headless = sync.OnceValues(func() (string, error) {
	data, err := temporary()
	if err != nil {
		return "", err
	}
	config := filepath.Join(data, "config")
	if err := os.WriteFile(config, []byte("no_header_support: true"), 0o600); err != nil {
		return "", err
	}
	return startNATS("-c", config)
})

func startNATS(args ...string) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	if err := server(port, nil, found("nats-server", "/usr/sbin"), append(args, "-a", host, "-p", strconv.Itoa(port))...); err != nil {
		return "", err
	}
	return "nats://" + address(port), nil
}

// AWS returns the URL of a moto server: SQS, SNS, Kinesis and EventBridge.
func AWS(t testing.TB) string {
	t.Helper()
	return asked(t, moto)
}

var moto = sync.OnceValues(func() (string, error) {
	directory, err := root()
	if err != nil {
		return "", err
	}
	interpreter, err := python()
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	program := filepath.Join(directory, "bindings/python/tests/integrations/moto_server.py")
	if err := server(port, nil, interpreter, program, "-H", host, "-p", strconv.Itoa(port)); err != nil {
		return "", err
	}
	return "http://" + address(port), nil
})

// found returns a program in a directory where Debian has it, else in the path.
func found(name, directory string) string {
	path := filepath.Join(directory, name)
	if _, err := exec.LookPath(path); err == nil {
		return path
	}
	return name
}
