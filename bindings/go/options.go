package datastreams

import (
	"cmp"
	"errors"
	"math"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
)

// defaultSite is where agentless payloads go when no site is named.
const defaultSite = "datadoghq.com"

// config is what options set.
type config struct {
	library    native.Config
	httpClient *http.Client
	agentless  bool
	logger     func(line string)
	// bounds Stop and Flush; 0: stopTimeout
	stopTimeout time.Duration
}

// StartOption is an option of [Start].
type StartOption func(*config)

// WithService names the service. Default: DD_SERVICE, then the program's name.
func WithService(name string) StartOption {
	return func(c *config) { c.library.Service = name }
}

// WithEnv names the environment, such as "prod". Default: DD_ENV.
func WithEnv(env string) StartOption {
	return func(c *config) { c.library.Env = env }
}

// WithVersion names the version of the service. Default: DD_VERSION.
func WithVersion(version string) StartOption {
	return func(c *config) { c.library.Version = version }
}

// WithPrimaryTag sets one more tag that is hashed into every pathway. Default: DD_PRIMARY_TAG.
func WithPrimaryTag(tag string) StartOption {
	return func(c *config) { c.library.PrimaryTag = tag }
}

// WithAgentAddr sets the agent's address: "host:port", where a part that is missing is localhost or 8126, or a URL that
// starts with http://, https:// or unix://. Default: DD_TRACE_AGENT_URL, DD_AGENT_HOST and DD_TRACE_AGENT_PORT, the agent's
// unix socket when it is there, localhost:8126; but the intake where the environment has DD_API_KEY and DD_SITE, and names no
// agent.
func WithAgentAddr(addr string) StartOption {
	if addr != "" && !strings.Contains(addr, "://") {
		host, port, err := net.SplitHostPort(addr)
		if err != nil { // no port
			host, port = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]"), ""
		}
		addr = "http://" + net.JoinHostPort(cmp.Or(host, "localhost"), cmp.Or(port, "8126"))
	}
	return func(c *config) { c.library.AgentURL = addr }
}

// WithDogstatsdAddress sets where health counts go: "host:port", "unix:///path" or "udp://host:port". Default:
// DD_DOGSTATSD_URL, DD_DOGSTATSD_HOST and DD_DOGSTATSD_PORT; without any of them they are not sent.
func WithDogstatsdAddress(addr string) StartOption {
	if addr != "" && !strings.Contains(addr, "://") {
		addr = "udp://" + addr
	}
	return func(c *config) { c.library.DogstatsdURL = addr }
}

// WithSite sets the site that [WithAgentless] sends to. Default: DD_SITE, then datadoghq.com.
func WithSite(site string) StartOption {
	return func(c *config) { c.library.Site = site }
}

// WithAgentless sends payloads straight to the site's intake, without an agent, through net/http: [WithAgentAddr] does
// not count then. An empty key is that of
// DD_API_KEY.
func WithAgentless(apiKey string) StartOption {
	return func(c *config) { c.library.APIKey, c.agentless = apiKey, true }
}

// WithHTTPClient sends payloads through this client. An agent behind a unix socket is dialed for a client without a transport
// of its own; any other has to dial that socket, whatever the address. Redirects are errors, unless the client has a
// CheckRedirect.
func WithHTTPClient(client *http.Client) StartOption {
	return func(c *config) { c.httpClient = client }
}

// WithLogger takes the lines that a program may want to log: delivery does not work, or works again; an integration
// switched itself off. Nothing is printed without it. The function may be called from any goroutine, and must not call
// this package. What it panics with is dropped.
func WithLogger(log func(line string)) StartOption {
	return func(c *config) {
		c.logger = nil
		if log != nil {
			c.logger = func(line string) {
				defer func() { _ = recover() }()
				log(line)
			}
		}
	}
}

// WithStopTimeout bounds [Stop] and [Flush]: how long they try to deliver. Default: two seconds.
func WithStopTimeout(timeout time.Duration) StartOption {
	return func(c *config) { c.stopTimeout = timeout }
}

// WithMemoryLimit bounds the statistics, in bytes. Default: 64 MiB. What a bound cuts off is counted.
func WithMemoryLimit(bytes uint64) StartOption {
	return func(c *config) { c.library.MemoryLimit = bytes }
}

// WithRetryLimit bounds the payloads that wait for an agent, in bytes. Default: 16 MiB.
func WithRetryLimit(bytes uint64) StartOption {
	return func(c *config) { c.library.RetryLimit = bytes }
}

// WithEnabled switches measuring on or off. Default: DD_DATA_STREAMS_ENABLED, then on.
func WithEnabled(enabled bool) StartOption {
	return func(c *config) {
		c.library.Enabled = 2
		if enabled {
			c.library.Enabled = 1
		}
	}
}

// errNoKey is what [Err] answers to [WithAgentless] without a key: an agent, which was not asked for, would get the payloads.
var errNoKey = errors.New("datastreams: WithAgentless needs an API key, and DD_API_KEY is not set")

var (
	errOff            = errors.New("datastreams: disabled by WithEnabled")
	errOffEnvironment = errors.New("datastreams: disabled by DD_DATA_STREAMS_ENABLED")
)

// off says who switched measuring off in the client made of this config: nil when it is on.
func (c *config) off(client *native.Client) error {
	switch {
	case client.Enabled():
		return nil
	case c.library.Enabled == 0:
		return errOffEnvironment
	}
	return errOff
}

// milliseconds is a time as the library takes it: rounded up, since 0 would not wait at all, and cut off after 49 days.
func milliseconds(d time.Duration) uint32 {
	return uint32(min((d-1)/time.Millisecond+1, math.MaxUint32))
}

// native completes the config for the library.
func (c *config) native() native.Config {
	config := c.library
	config.LanguageVersion = runtime.Version()
	if c.agentless {
		config.AgentURL = ""
		// The library takes the key of the environment for an intake of the environment alone.
		if strings.TrimSpace(config.APIKey) == "" {
			config.APIKey = strings.TrimSpace(os.Getenv("DD_API_KEY"))
		}
		if config.Site == "" {
			config.Site = os.Getenv("DD_SITE")
		}
		if config.Site == "" {
			config.Site = defaultSite
		}
	} else {
		// As ever, a site alone changes nothing; and it must not make a key in the environment count.
		config.Site = ""
	}
	if log := c.logger; log != nil {
		config.Log = func(_ int, line string) { log(line) }
	}
	return config
}
