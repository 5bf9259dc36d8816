package events

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance/wait"
)

// run lets a target go through LOCKED, HOLDOVER, FREERUN, LOCKED and compares at the end.
func run(t *testing.T, g *target, c *Consumer) {
	t.Helper()
	if _, err := c.Subscribe(t.Context(), "http://w1:9043", resource); err != nil {
		t.Fatal(err)
	}
	g.change(1*time.Second, Holdover)
	g.change(6*time.Second, FreeRun)
	g.change(9*time.Second, Locked)
	if err := g.clock.Sleep(t.Context(), 15*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := c.Compare(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestSoundEvents(t *testing.T) {
	g, c := newTarget(t)
	run(t, g, c)
	if err := c.Err(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, r := range c.History(0) {
		got = append(got, r.String())
	}
	want := []string{
		"12:00:00.000 w1 lock-state: ens1fx/master LOCKED -7", "12:00:01.000 w1 lock-state: ens1fx/master HOLDOVER -7",
		"12:00:06.000 w1 lock-state: ens1fx/master FREERUN -7", "12:00:09.000 w1 lock-state: ens1fx/master LOCKED -7",
	}
	if !slices.Equal(got, want) {
		t.Errorf("history %q", got)
	}
	if !c.History(0)[0].Initial || c.History(1)[0].Initial {
		t.Error("the first event alone is the initial notification")
	}
}

// TestSabotage breaks the delivery of one event, and wants it found by the check that is meant for it and no other.
func TestSabotage(t *testing.T) {
	only := func(n int, do func(*target, []byte)) func(*target, []byte) {
		count := 0
		return func(g *target, event []byte) {
			if count++; count == n {
				do(g, event)
				return
			}
			g.post(event)
		}
	}
	delay := func(d time.Duration) func(*target, []byte) {
		return func(g *target, event []byte) { g.clock.after(d, func() { g.post(event) }) }
	}
	replace := func(old, new string) func(*target, []byte) {
		return func(g *target, event []byte) {
			changed := strings.Replace(string(event), old, new, 1)
			if changed == string(event) {
				g.t.Errorf("no %q in %s", old, event)
			}
			g.post([]byte(changed))
		}
	}
	for _, test := range []struct {
		name string
		how  func(*target, []byte)
		want Check
		text string
	}{
		{"muted", only(3, func(*target, []byte) {}), Lost,
			"lost: " + resource + ": CurrentState has ens1fx/master LOCKED, but the last event of it, at 12:00:06.000, told FREERUN"},
		{"duplicate", only(2, func(g *target, event []byte) { g.post(event); g.post(event) }), Duplicate,
			"(w1 lock-state: ens1fx/master FREERUN -7) came at 12:00:06.000 and again at 12:00:06.000"},
		{"duplicate later", only(1, func(g *target, event []byte) { g.post(event); delay(6*time.Second)(g, event) }), Duplicate, "and again at 12:00:07.000"},
		{"duplicate under another id", only(2, func(g *target, event []byte) {
			g.post(event)
			g.post([]byte(strings.Replace(string(event), `"id":"`, `"id":"other`, 1)))
		}), Duplicate, "tells under another id"},
		{"reordered", only(1, delay(6*time.Second)), Order,
			"the event of 12:00:01.000 (w1 lock-state: ens1fx/master HOLDOVER -7) came after that of 12:00:06.000"},
		{"reordered at the end", only(2, delay(4*time.Second)), Order, "the event of 12:00:06.000"},
		{"late", only(3, delay(1500*time.Millisecond)), Late, "came after 1.5s, want at most 1s"},
		{"from the future", only(3, replace("12:00:09Z", "12:00:19Z")), Late, "came 10s before that time"},
		{"no specversion", only(2, replace(`"specversion"`, `"version"`)), Schema, "not a CloudEvent 1.0"},
		{"old specversion", only(2, replace(`"specversion":"1.0"`, `"specversion":"0.3"`)), Schema, `specversion is "0.3"`},
		{"no id", only(2, replace(`"id":"id-3"`, `"id":""`)), Schema, "id: MUST be a non-empty string"},
		{"other type", only(2, replace(`ptp-state-change`, `ptp-clock-class-change`)), Schema, `its type is "event.sync.ptp-status.ptp-clock-class-change"`},
		{"other source", only(2, replace(`lock-state`, `clock-class`)), Schema, "want a resource that ends in /sync/ptp-status/lock-state"},
		{"no time", only(3, replace(`"time"`, `"when"`)), Schema, "want a time as of RFC 3339"},
		{"keys of version 1", only(3, replace(`data_type`, `dataType`)), Schema, `data.values[0]: it is a "" of type "enumeration"`},
		{"unknown state", only(3, replace(`"LOCKED"`, `"LOKED"`)), Schema, `its value "LOKED" is no state of the API`},
		{"no number", only(3, replace(`"-7"`, `"s2"`)), Schema, `its value "s2" is no number`},
		{"no values", only(3, replace(`"values"`, `"value"`)), Schema, "data.values is empty"},
		{"no version", only(3, replace(`"version"`, `"edition"`)), Schema, "data.version is missing"},
		{"no address", only(3, replace(`/cluster/node/w1/ens1fx/master`, ``)), Schema, `its resource address is "", want a path`},
		{"half an event", only(3, func(g *target, event []byte) { g.post(event[:len(event)/2]) }), Schema, "it is not an event in JSON"},
		{"empty", only(3, func(g *target, event []byte) { g.post(nil) }), Schema, "it is not an event in JSON"},
		{"content type", only(2, func(g *target, event []byte) {
			g.headers = func([]byte) http.Header { return http.Header{"Content-Type": {"text/plain"}} }
			g.post(event)
			g.headers = nil
		}), Schema, `its Content-Type is "text/plain"`},
		{"unknown endpoint", only(2, func(g *target, event []byte) {
			g.post(event)
			right := g.endpoint
			g.endpoint = "http://consumer/event/9"
			g.post(event)
			g.endpoint = right
		}), Schema, "no subscription named"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, c := newTarget(t)
			g.sabotage = test.how
			run(t, g, c)
			if got := checks(c); !slices.Equal(got, []Check{test.want}) {
				t.Fatalf("found by %v, want %s alone:\n%v", got, test.want, c.Err())
			}
			if err := c.Err(); !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %q in it", err, test.text)
			}
		})
	}
}

// TestMutedIsNotReceived shows how a muted event is found whose state has passed: nothing but waiting for it can.
func TestMutedIsNotReceived(t *testing.T) {
	g, c := newTarget(t)
	g.sabotage = func(g *target, event []byte) {
		if g.state != Holdover {
			g.post(event)
		}
	}
	if _, err := c.Subscribe(t.Context(), "http://w1:9043", resource); err != nil {
		t.Fatal(err)
	}
	mark := c.Mark()
	g.change(time.Second, Holdover)
	g.change(3*time.Second, FreeRun)
	if _, err := c.Await(t.Context(), State(resource, "ens1fx/master", FreeRun, mark), 10*time.Second); err != nil {
		t.Errorf("FREERUN: %v", err)
	}
	_, err := c.Await(t.Context(), State(resource, "ens1fx/master", Holdover, mark), 10*time.Second)
	var failed *wait.Error
	if !errors.As(err, &failed) {
		t.Fatalf("HOLDOVER: %v", err)
	}
	want := "waited 10s for an event HOLDOVER of ens1fx/master from " + resource + "; last seen: 12:00:03.000 w1 lock-state: ens1fx/master FREERUN -7"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAwait(t *testing.T) {
	g, c := newTarget(t)
	if _, err := c.Subscribe(t.Context(), "http://w1:9043", resource); err != nil {
		t.Fatal(err)
	}
	g.change(2*time.Second, Holdover)
	r, err := c.Await(t.Context(), State(resource, "", Holdover, c.Mark()), 5*time.Second)
	if err != nil || r.Latency() != 0 || !r.At.Equal(r.Time) {
		t.Errorf("%v after %s, %v", r, r.Latency(), err)
	}
	if waited := g.clock.now.Sub(r.At); waited > c.o.Interval {
		t.Errorf("woke %s after the event", waited)
	}
	for range 7 {
		g.change(0, Locked)
		g.change(0, FreeRun)
	}
	_, err = c.Await(t.Context(), State(resource, "ens9fx/master", Locked, 0), time.Second)
	if err == nil || !strings.Contains(err.Error(), "last seen: 11 events, then 12:00:02") || strings.Count(err.Error(), ";") != shown {
		t.Errorf("no LOCKED of another clock: %v", err)
	}
	if _, err := c.Await(t.Context(), Class(resource, -7, 0), time.Second); err != nil {
		t.Errorf("by number: %v", err)
	}
	if _, err := c.Await(t.Context(), State("/cluster/node/w2"+LockState, "", Locked, 0), time.Second); err == nil {
		t.Error("an event of another node is taken")
	}
}

// TestArrival takes the time of arrival from who carries the events.
func TestArrival(t *testing.T) {
	g, c := newTarget(t)
	c.o.Received = func(*http.Request) time.Time { return g.clock.now.Add(time.Second / 2) }
	if _, err := c.Subscribe(t.Context(), "http://w1:9043", resource); err != nil {
		t.Fatal(err)
	}
	if r := c.History(0)[0]; r.Latency() != time.Second/2 {
		t.Errorf("%v after %s", r, r.Latency())
	}
}

func TestSubscribe(t *testing.T) {
	g, c := newTarget(t)
	s, err := c.Subscribe(t.Context(), "http://w1:9043/", resource)
	if err != nil || s.ID != "s1" || s.Location != "http://w1:9043/x/s1" {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := s.Exists(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Unsubscribe(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Exists(t.Context()); !gone(err) {
		t.Errorf("a subscription that ended exists: %v", err)
	}
	g.state = ""
	if err := c.Compare(t.Context(), 0); err != nil || c.Err() != nil {
		t.Errorf("a subscription that ended is compared: %v, %v", err, c.Err())
	}
	for _, code := range []int{400, 404, 409} {
		g.refuse = code
		_, err := c.Subscribe(t.Context(), "http://w1:9043", resource)
		var status *StatusError
		if !errors.As(err, &status) || status.Status != code {
			t.Errorf("refused with %d: %v", code, err)
		}
	}
	if _, err := c.Subscribe(t.Context(), "http://w9:9043", resource); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("no server: %v", err)
	}
}

func TestNoInitialNotification(t *testing.T) {
	g, c := newTarget(t)
	g.silent = true
	if _, err := c.Subscribe(t.Context(), "http://w1:9043", resource); err != nil {
		t.Fatal(err)
	}
	if got := checks(c); !slices.Equal(got, []Check{Lost}) || !strings.Contains(c.Err().Error(), "initial notification") {
		t.Errorf("%v: %v", got, c.Err())
	}
	if err := c.Compare(t.Context(), 0); err != nil || !strings.HasSuffix(c.Err().Error(), "CurrentState has ens1fx/master LOCKED, of which no event told") {
		t.Errorf("%v, %v", err, c.Err())
	}
}

// TestGrace holds an event back until after the first look at the current state.
func TestGrace(t *testing.T) {
	for _, test := range []struct {
		grace time.Duration
		want  []Check
	}{{time.Second, nil}, {100 * time.Millisecond, []Check{Lost}}} {
		g, c := newTarget(t)
		if _, err := c.Subscribe(t.Context(), "http://w1:9043", resource); err != nil {
			t.Fatal(err)
		}
		g.state = Holdover
		event := g.event()
		g.clock.after(500*time.Millisecond, func() { g.post(event) })
		if err := c.Compare(t.Context(), test.grace); err != nil {
			t.Error(err)
		}
		if got := checks(c); !slices.Equal(got, test.want) {
			t.Errorf("grace %s: %v", test.grace, c.Err())
		}
	}
}

// TestGone compares when the node has no state any more.
func TestGone(t *testing.T) {
	for state, want := range map[string][]Check{Locked: {Lost}, FreeRun: nil} {
		g, c := newTarget(t)
		g.state = state
		if _, err := c.Subscribe(t.Context(), "http://w1:9043", resource); err != nil {
			t.Fatal(err)
		}
		g.state = ""
		if err := c.Compare(t.Context(), 0); err != nil {
			t.Error(err)
		}
		if got := checks(c); !slices.Equal(got, want) {
			t.Errorf("%s, then nothing: %v", state, c.Err())
		}
	}
	g, c := newTarget(t)
	if _, err := c.Subscribe(t.Context(), "http://w1:9043", resource); err != nil {
		t.Fatal(err)
	}
	delete(g.network, "w1:9043")
	if err := c.Compare(t.Context(), 0); err == nil || c.Err() != nil {
		t.Errorf("no server: %v, %v", err, c.Err())
	}
}

func TestHealthAndPublishers(t *testing.T) {
	g, c := newTarget(t)
	if err := c.Health(t.Context(), "http://w1:9043"); err != nil {
		t.Error(err)
	}
	if all, err := c.Publishers(t.Context(), "http://w1:9043"); err != nil || !slices.Equal(all, []string{resource}) {
		t.Errorf("%v, %v", all, err)
	}
	g.network["sick"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`[{"ResourceAddress":"x"}]`)) })
	if c.Health(t.Context(), "http://sick") == nil {
		t.Error("a server that does not say OK is healthy")
	}
	if _, err := c.Publishers(t.Context(), "http://sick"); err == nil {
		t.Error("a publisher without endpoint is taken")
	}
}

func TestOptions(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("no clock is fine")
	}
	if _, err := New(Options{Clock: newClock(), Version: "boo"}); err == nil || !strings.Contains(err.Error(), `"boo"`) {
		t.Errorf("version boo: %v", err)
	}
}

// TestSockets receives an event over a real connection.
func TestSockets(t *testing.T) {
	k := newClock()
	c, err := New(Options{Clock: k})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w, err := http.Post(c.o.Endpoint+"/event/0", "application/json", strings.NewReader("{}"))
	if err != nil || w.StatusCode != http.StatusNoContent || len(c.Faults()) != 1 {
		t.Errorf("%v, %v, faults %v", w, err, c.Faults())
	}
	if w, err := http.Get(c.o.Endpoint + "/event/0"); err != nil || w.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v, %v", w, err)
	}
}
