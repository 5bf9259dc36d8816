package events

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ptplab/ptplab/conformance/wait"
)

// Options say how a Consumer reaches a system and is reached by it. Clock is needed.
type Options struct {
	Endpoint  string            // URL under which the system reaches the Consumer's handler; Listen sets it when it is empty
	Transport http.RoundTripper // carries the Consumer's requests; nil: http.DefaultTransport
	Clock     wait.Clock        // the system's time
	// Received says when a request arrived, in the system's time; it is called from any goroutine. nil: Clock.Now,
	// which must then be callable from any goroutine.
	Received   func(*http.Request) time.Time
	Version    string        // of the API, V1 or V2; empty: V2
	MaxLatency time.Duration // from a change to the arrival of its event; 0: 1 s
	Interval   time.Duration // of looking while waiting, in the system's time; 0: 50 ms
}

// The defaults of Options.
const (
	defaultLatency  = time.Second
	defaultInterval = 50 * time.Millisecond
	maxBody         = 64 << 10
)

// Consumer subscribes to events, receives and judges them. Its methods may be called from any goroutine.
type Consumer struct {
	o      Options
	http   http.Client
	server http.Server

	mu            sync.Mutex
	subscriptions []*Subscription
	history       []Received
	faults        []Fault // that belong to no event, or to an event of no subscription
}

// New makes a Consumer.
func New(o Options) (*Consumer, error) {
	if o.Clock == nil {
		return nil, errors.New("event consumer: a clock is needed")
	}
	if o.Version == "" {
		o.Version = V2
	}
	if o.Version != V1 && o.Version != V2 {
		return nil, fmt.Errorf("event consumer: %q is no version of the notification API, want %s or %s", o.Version, V1, V2)
	}
	if o.MaxLatency <= 0 {
		o.MaxLatency = defaultLatency
	}
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	return &Consumer{o: o, http: http.Client{Transport: o.Transport}}, nil
}

// Listen serves the Consumer's handler at an address such as "10.0.0.1:0", and makes that its endpoint unless it has
// one. Close ends it.
func (c *Consumer) Listen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("event consumer: %w", err)
	}
	if c.o.Endpoint == "" {
		c.o.Endpoint = "http://" + l.Addr().String()
	}
	c.server.Handler = c
	go func() { _ = c.server.Serve(l) }()
	return nil
}

// Close stops listening. Subscriptions stay; see Unsubscribe.
func (c *Consumer) Close() error { return c.server.Close() }

// ServeHTTP receives an event and answers 204.
func (c *Consumer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "events are POSTed", http.StatusMethodNotAllowed)
		return
	}
	now, err := c.arrival(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.receive(strings.TrimPrefix(r.URL.Path, eventPath), r.Header.Get("Content-Type"), body, now)
	w.WriteHeader(http.StatusNoContent)
}

func (c *Consumer) arrival(r *http.Request) (time.Time, error) {
	if c.o.Received != nil {
		return c.o.Received(r), nil
	}
	return c.o.Clock.Now(r.Context())
}

// receive judges what was POSTed to the endpoint of a subscription.
func (c *Consumer) receive(number, content string, body []byte, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(c.subscriptions) {
		c.faults = append(c.faults, Fault{Schema, eventPath + number, "an event came to an endpoint that no subscription named"})
		return
	}
	s := c.subscriptions[n]
	if len(body) == 0 && s.making && c.o.Version == V1 {
		return // version 1.0 tries the endpoint with an empty request
	}
	e, faults := decode(c.o.Version, s.Resource, body)
	if !strings.HasPrefix(content, "application/cloudevents+json") && !strings.HasPrefix(content, "application/json") {
		faults = append(faults, fmt.Sprintf("its Content-Type is %q, want application/cloudevents+json or application/json", content))
	}
	r := Received{Event: e, Resource: s.Resource, At: now, Initial: s.making}
	s.stream.judge(&r, faults, c.o.MaxLatency)
	s.received++
	c.history = append(c.history, r)
}

// Faults gives all that the checks found: first what they found of single events, in the order of arrival.
func (c *Consumer) Faults() []Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Fault
	for _, r := range c.history {
		all = append(all, r.Faults...)
	}
	return append(all, c.faults...)
}

// Err joins the faults; nil: there is none.
func (c *Consumer) Err() error {
	var all []error
	for _, f := range c.Faults() {
		all = append(all, f)
	}
	return errors.Join(all...)
}

// Mark is the present end of the history.
func (c *Consumer) Mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.history)
}

// History gives the events that arrived after a mark, 0 for all.
func (c *Consumer) History(after int) []Received {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.history[min(max(after, 0), len(c.history)):])
}
