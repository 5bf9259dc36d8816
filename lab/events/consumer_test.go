package events_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	consumer "github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/lab/events"
	"github.com/ptplab/ptplab/lab/node"
)

// These tests join the server with the suite's consumer, which shares no code with it.

// clock is the time of a synctest bubble.
type clock struct{}

func (clock) Now(context.Context) (time.Time, error) { return time.Now(), nil }

func (clock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// worker is a node with one clock, its system clock and a class.
type worker struct {
	mu      sync.Mutex
	state   string
	since   time.Time
	class   int
	count   uint64
	changed chan struct{}
}

func newWorker(state string, class int) *worker {
	return &worker{state: state, since: time.Now(), class: class, changed: make(chan struct{})}
}

func (w *worker) set(state string, class int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state, w.since, w.class = state, time.Now(), class
	w.count++
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *worker) Status() node.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == "" {
		return node.Status{}
	}
	return node.Status{
		Processes: []node.ProcessStatus{{Program: "ptp4l", Config: "ptp4l.0.config", Profile: "a"}, {Program: "phc2sys", Config: "phc2sys.0.config", Profile: "a"}},
		Clocks: []node.ClockStatus{
			{Program: "ptp4l", Config: "ptp4l.0.config", Interface: "ens1f0", State: w.state, Since: w.since},
			{Program: "phc2sys", Config: "phc2sys.0.config", Interface: "CLOCK_REALTIME", State: "LOCKED", Since: time.Unix(0, 0)},
		},
	}
}

func (w *worker) Profiles() []node.Chosen { return nil }
func (w *worker) ClockClasses() []node.ClockClass {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []node.ClockClass{{Interface: "ens1f0", Class: w.class}}
}
func (w *worker) Aliases() map[string]string { return map[string]string{"ens1f0": "ens1fx"} }

func (w *worker) WaitChange(ctx context.Context, seen uint64) (uint64, error) {
	for {
		w.mu.Lock()
		count, changed := w.count, w.changed
		w.mu.Unlock()
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

// pair is a server and a consumer that is subscribed to all its resources.
type pair struct {
	*worker
	server   *events.Server
	consumer *consumer.Consumer
	resource map[string]string // address by suffix
}

func newPair(t *testing.T, between func(http.RoundTripper) http.RoundTripper) *pair {
	t.Helper()
	p := &pair{worker: newWorker("LOCKED", 6), resource: map[string]string{}}
	network := consumer.InProcess{}
	var err error
	if p.server, err = events.New(events.Options{Name: "w1", Node: p, Transport: between(network), Store: filepath.Join(t.TempDir(), "s")}); err != nil {
		t.Fatal(err)
	}
	if p.consumer, err = consumer.New(consumer.Options{Endpoint: "http://consumer", Transport: network, Clock: clock{}}); err != nil {
		t.Fatal(err)
	}
	network["w1:9043"], network["consumer"] = p.server, p.consumer
	if err := p.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.server.Crash)
	if err := p.consumer.Health(t.Context(), "http://w1:9043"); err != nil {
		t.Error(err)
	}
	published, err := p.consumer.Publishers(t.Context(), "http://w1:9043")
	if err != nil {
		t.Error(err)
	}
	for _, suffix := range []string{consumer.LockState, consumer.ClockClass, consumer.OSClock, consumer.SyncState} {
		p.resource[suffix] = consumer.Address("w1", suffix)
		if !slices.Contains(published, p.resource[suffix]) {
			t.Errorf("%s is not published", suffix)
		}
		if _, err := p.consumer.Subscribe(t.Context(), "http://w1:9043", p.resource[suffix]); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// await wants an event of each resource for a change of the clock's state.
func (p *pair) await(t *testing.T, state string, class, after int) {
	t.Helper()
	for _, w := range []consumer.Wanted{
		consumer.State(p.resource[consumer.LockState], "ens1fx/master", state, after),
		consumer.State(p.resource[consumer.OSClock], "CLOCK_REALTIME", state, after),
		consumer.State(p.resource[consumer.SyncState], "/sync-state", state, after),
		consumer.Class(p.resource[consumer.ClockClass], class, after),
	} {
		if r, err := p.consumer.Await(t.Context(), w, 5*time.Second); err != nil || r.Latency() != 0 {
			t.Errorf("%v, latency %s", err, r.Latency())
		}
	}
}

func straight(t http.RoundTripper) http.RoundTripper { return t }

// TestThroughTheConsumer goes through all states and a crash, and wants the consumer to find nothing.
func TestThroughTheConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, straight)
		for _, step := range []struct {
			state string
			class int
		}{{"HOLDOVER", 135}, {"FREERUN", 248}, {"LOCKED", 6}} {
			mark := p.consumer.Mark()
			p.set(step.state, step.class)
			p.await(t, step.state, step.class, mark)
			time.Sleep(10 * time.Second)
		}
		p.server.Crash()
		p.set("HOLDOVER", 135)
		time.Sleep(time.Minute)
		if err := p.consumer.Compare(t.Context(), 0); err == nil {
			t.Error("a crashed server tells its state")
		}
		mark := p.consumer.Mark()
		if err := p.server.Start(); err != nil {
			t.Fatal(err)
		}
		p.await(t, "HOLDOVER", 135, mark)
		if n := p.consumer.Mark() - mark; n != 4 {
			t.Errorf("%d events after the restart, want one for each subscription", n)
		}
		p.set("LOCKED", 6)
		if err := p.consumer.Compare(t.Context(), time.Second); err != nil {
			t.Error(err)
		}
		if err := p.consumer.Err(); err != nil {
			t.Error(err)
		}
	})
}

// TestRefusalsReachTheConsumer wants the API's codes as typed errors.
func TestRefusalsReachTheConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, straight)
		p.set("", 6)
		for resource, want := range map[string]int{"/cluster/node/w2/sync/ptp-status/lock-state": 404, p.resource[consumer.SyncState]: 404} {
			var status *consumer.StatusError
			if _, err := p.consumer.Subscribe(t.Context(), "http://w1:9043", resource); !errors.As(err, &status) || status.Status != want {
				t.Errorf("%s: %v", resource, err)
			}
		}
	})
}

// TestSabotagedDelivery disturbs what the server sends, and wants it found by the check that is meant for it and no other.
func TestSabotagedDelivery(t *testing.T) {
	for name, test := range map[string]struct {
		meddle func(send func(*http.Request) (*http.Response, error), r *http.Request, body []byte) (*http.Response, error)
		want   consumer.Check
	}{
		"muted": {func(_ func(*http.Request) (*http.Response, error), _ *http.Request, _ []byte) (*http.Response, error) {
			return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
		}, consumer.Lost},
		"duplicate": {func(send func(*http.Request) (*http.Response, error), r *http.Request, body []byte) (*http.Response, error) {
			again := r.Clone(r.Context())
			again.Body = io.NopCloser(bytes.NewReader(body))
			if _, err := send(again); err != nil {
				return nil, err
			}
			return send(r)
		}, consumer.Duplicate},
		"wrong key": {func(send func(*http.Request) (*http.Response, error), r *http.Request, body []byte) (*http.Response, error) {
			r.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte("data_type"), []byte("dataType"))))
			return send(r)
		}, consumer.Schema},
		"late": {func(send func(*http.Request) (*http.Response, error), r *http.Request, _ []byte) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			return send(r)
		}, consumer.Late},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				armed := false
				p := newPair(t, func(inner http.RoundTripper) http.RoundTripper {
					return roundTripper(func(r *http.Request) (*http.Response, error) {
						body, err := io.ReadAll(r.Body)
						if err != nil {
							return nil, err
						}
						r.Body = io.NopCloser(bytes.NewReader(body))
						if !armed || !bytes.Contains(body, []byte(`"/cluster/node/w1/sync/ptp-status/lock-state"`)) {
							return inner.RoundTrip(r)
						}
						return test.meddle(inner.RoundTrip, r, body)
					})
				})
				armed = true
				p.set("HOLDOVER", 6)
				time.Sleep(5 * time.Second)
				if err := p.consumer.Compare(t.Context(), time.Second); err != nil {
					t.Fatal(err)
				}
				faults := p.consumer.Faults()
				if len(faults) == 0 {
					t.Error("not found")
				}
				for _, f := range faults {
					if f.Check != test.want {
						t.Errorf("found by %v", f)
					}
				}
			})
		})
	}
}

// roundTripper is a function that carries requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
