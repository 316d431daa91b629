package datastreams

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// postTimeout bounds a post through a client that has no bound of its own.
const postTimeout = 10 * time.Second

// host delivers through net/http: one goroutine, from [Start] to [Stop].
type host struct {
	library *native.Client
	origin  string // of the URL, without a path
	client  *http.Client
	own     *http.Transport // of the client, when it is not the program's
	orders  chan order
	done    chan struct{}
	cancel  context.CancelFunc
	halt    sync.Once
}

// order asks for a delivery now. answered is closed when what was due has been tried.
type order struct {
	context  context.Context
	last     bool
	answered chan struct{}
}

func newHost(library *native.Client, url string, client *http.Client) *host {
	var own *http.Transport
	socket, local := strings.CutPrefix(url, "unix://")
	if local {
		url = "http://localhost" // for the Host header
	}
	if client == nil {
		// Not http.DefaultTransport: programs put tracers into that, and mocks.
		own = newTransport()
		client = &http.Client{Timeout: postTimeout, Transport: own}
	} else {
		client = &http.Client{
			Transport: client.Transport, CheckRedirect: client.CheckRedirect, Jar: client.Jar, Timeout: client.Timeout,
		}
		if local && (client.Transport == nil || client.Transport == http.DefaultTransport) {
			own = newTransport()
			own.Proxy = nil
			own.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			}
			client.Transport = own
		}
	}
	if client.CheckRedirect == nil {
		// Most redirected posts become a GET, and all would take the API key to another host. What redirects is no intake, and
		// counts as an error.
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &host{
		library: library, origin: url, client: client, own: own,
		orders: make(chan order), done: make(chan struct{}), cancel: cancel,
	}
	go h.run(ctx)
	return h
}

// newTransport is net/http's own, without what the program does to http.DefaultTransport.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 2,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: postTimeout,
	}
}

func (h *host) run(ctx context.Context) {
	returned := false
	defer func() {
		if !returned { // the program's transport called runtime.Goexit, as FailNow of a test does
			notice.Say("datastreams: the HTTP client ended the goroutine that delivers; it goes on in another one")
			go h.run(ctx)
			return
		}
		if h.own != nil {
			h.own.CloseIdleConnections()
		}
		close(h.done)
	}()
	h.serve(ctx)
	returned = true
}

// serve delivers when it is time and when it is ordered, until ctx ends.
func (h *host) serve(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			next, _ := h.library.Poll()
			h.deliver(ctx)
			timer.Reset(time.Duration(max(next, 1)) * time.Millisecond)
		case asked := <-h.orders:
			h.obey(asked)
			if asked.last {
				return
			}
		}
	}
}

func (h *host) obey(asked order) {
	defer close(asked.answered)
	h.library.Flush(0) // closes the buckets and makes all that waits due
	h.deliver(asked.context)
}

// order has the goroutine deliver now, and waits for it.
func (h *host) order(timeout time.Duration, last bool) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	asked := order{context: ctx, last: last, answered: make(chan struct{})}
	select {
	case h.orders <- asked:
	case <-h.done:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-asked.answered:
	case <-ctx.Done():
	}
}

func (h *host) flush(timeout time.Duration) { h.order(timeout, false) }

func (h *host) stop(timeout time.Duration) {
	h.halt.Do(func() {
		started := time.Now()
		// A post that is under way may take all of the time: then it is broken off, and there is none for the rest.
		end := time.AfterFunc(timeout, h.cancel)
		defer end.Stop()
		h.order(timeout, true)
		h.cancel()
		select {
		case <-h.done:
		case <-time.After(max(timeout-time.Since(started), 0)):
		}
	})
}

// deliver posts what is due.
func (h *host) deliver(ctx context.Context) {
	for ctx.Err() == nil {
		payload, status := h.library.Take()
		if status != native.OK || payload == nil {
			return
		}
		h.settle(ctx, payload)
	}
}

// settle posts a payload and tells the library what came of it.
func (h *host) settle(ctx context.Context, payload *native.Payload) {
	answer := unanswered(true)
	defer func() { h.library.Settle(payload.ID, answer) }()
	answer = h.post(ctx, payload)
}

// post returns the HTTP status, 0 when nothing was sent, or -1 when the answer was lost.
func (h *host) post(ctx context.Context, payload *native.Payload) (status int32) {
	if h.client.Timeout == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, postTimeout)
		defer cancel()
	}
	var sent atomic.Bool
	defer func() {
		if cause := recover(); cause != nil { // in the program's transport
			notice.Say(fmt.Sprintf("datastreams: the HTTP client panicked: %v", cause))
			status = unanswered(sent.Load())
		}
	}()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.origin+payload.Path, bytes.NewReader(payload.Body))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(payload.Headers, "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			request.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
		}
	}
	response, err := h.client.Do(request)
	if err != nil {
		return unanswered(sent.Load())
	}
	// Read to its end, within reason, so that the connection is kept.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	_ = response.Body.Close()
	code := response.StatusCode
	if last := response.Request; last != nil && last.Method != http.MethodPost && last.Response != nil {
		code = last.Response.StatusCode // of the redirect that made it a GET, without the payload
	}
	if code < 100 || code > 999 {
		return -1 // no HTTP status: from a transport that is no HTTP
	}
	return int32(code)
}

// unanswered is the status of a post without a response.
func unanswered(sent bool) int32 {
	if sent {
		return -1
	}
	return 0
}
