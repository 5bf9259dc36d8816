package events

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab/node"
)

// fakeNode is a node whose status is what a test says.
type fakeNode struct {
	mu      sync.Mutex
	status  node.Status
	chosen  []node.Chosen
	classes []node.ClockClass
	count   uint64
	changed chan struct{}
	watched int // how many wait for a change
}

func newFakeNode() *fakeNode { return &fakeNode{changed: make(chan struct{})} }

func (n *fakeNode) Status() node.Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status
}

func (n *fakeNode) Profiles() []node.Chosen         { return n.chosen }
func (n *fakeNode) ClockClasses() []node.ClockClass { return n.classes }
func (n *fakeNode) Aliases() map[string]string {
	return map[string]string{"ens1f0": "ens1fx", "ens1f1": "ens1fx", "ens2f0": "ens2fx"}
}

func (n *fakeNode) WaitChange(ctx context.Context, seen uint64) (uint64, error) {
	n.watch(1)
	defer n.watch(-1)
	for {
		n.mu.Lock()
		count, changed := n.count, n.changed
		n.mu.Unlock()
		if count != seen {
			return count, nil
		}
		select {
		case <-ctx.Done():
			return seen, ctx.Err()
		case <-changed:
		}
	}
}

func (n *fakeNode) watch(more int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watched += more
}

// set replaces the clocks and tells it.
func (n *fakeNode) set(clocks ...node.ClockStatus) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.status = statusOf(clocks...)
	n.count++
	close(n.changed)
	n.changed = make(chan struct{})
}

// statusOf makes a status of clocks, each of a process of its own; ptp4l.N and phc2sys.N are of profile N.
func statusOf(clocks ...node.ClockStatus) node.Status {
	s := node.Status{Node: "w1", Clocks: clocks}
	for _, c := range clocks {
		s.Processes = append(s.Processes, node.ProcessStatus{Program: c.Program, Config: c.Config, Profile: strings.Split(c.Config, ".")[1], State: node.Running})
	}
	return s
}

// master is the clock of ptp4l.N; its port is ens<N+1>f0.
func master(n int, state string) node.ClockStatus {
	return node.ClockStatus{Program: "ptp4l", Config: fmt.Sprintf("ptp4l.%d.config", n), Interface: fmt.Sprintf("ens%df0", n+1), From: "master", State: state, OffsetNs: -7, Since: time.Now(), ClockClass: -1}
}

// system is CLOCK_REALTIME as phc2sys.N sees it.
func system(n int, state string) node.ClockStatus {
	return node.ClockStatus{Program: "phc2sys", Config: fmt.Sprintf("phc2sys.%d.config", n), Interface: systemClock, From: "phc", State: state, OffsetNs: 27, Since: time.Now(), ClockClass: -1}
}

// roundTripper is a function that carries requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(code int) *http.Response {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Body: http.NoBody, Header: http.Header{}}
}

// inbox takes the events that are sent to it, by endpoint.
type inbox struct {
	mu   sync.Mutex
	got  map[string][]string
	fate func(*http.Request) (*http.Response, error) // nil: 204
}

func (b *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var e cloudEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, err
	}
	endpoint := r.URL.String()
	if b.fate != nil {
		if w, err := b.fate(r); w == nil || w.StatusCode != http.StatusNoContent {
			return w, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.got == nil {
		b.got = map[string][]string{}
	}
	b.got[endpoint] = append(b.got[endpoint], inShort(e))
	return answer(http.StatusNoContent), nil
}

// inShort is an event as tests write it: "lock-state ens1fx/master=LOCKED ens1fx/master=-7".
func inShort(e cloudEvent) string {
	text := e.Source[strings.LastIndexByte(e.Source, '/')+1:]
	for _, v := range e.Data.Values {
		text += " " + strings.TrimPrefix(v.ResourceAddress, "/cluster/node/w1/") + "=" + v.Value
	}
	return text
}

func (b *inbox) take(endpoint string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got[endpoint]
	delete(b.got, endpoint)
	return got
}

// refused is what a connection to nobody gives.
func refused(*http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("connect: %w", syscall.ECONNREFUSED)
}

// newServer makes a started server that crashes at the end of the test.
func newServer(t *testing.T, n Node, transport http.RoundTripper, store string) *Server {
	t.Helper()
	s, err := New(Options{Name: "w1", Node: n, Transport: transport, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Crash)
	return s
}

// call sends a request to the API and gives the status and body of the answer.
func call(s *Server, method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "http://w1:9043"+Base+path, strings.NewReader(body))
	s.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// subscribe subscribes an endpoint to a resource of w1.
func subscribe(t *testing.T, s *Server, endpoint, suffix string) Subscription {
	t.Helper()
	code, body := call(s, "POST", "/subscriptions", fmt.Sprintf(`{"EndpointUri":%q,"ResourceAddress":%q}`, endpoint, Address("w1", suffix)))
	var made Subscription
	if err := json.Unmarshal([]byte(body), &made); code != http.StatusCreated || err != nil {
		t.Fatalf("subscribe %s to %s: %d %s", endpoint, suffix, code, body)
	}
	return made
}
