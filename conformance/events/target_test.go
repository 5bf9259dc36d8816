package events

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const resource = "/cluster/node/w1/sync/ptp-status/lock-state"

// clock is simulated time. What is due happens while somebody sleeps, all in one goroutine.
type clock struct {
	now time.Time
	due []appointment
}

type appointment struct {
	at time.Time
	do func()
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now(context.Context) (time.Time, error) { return c.now, nil }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	end := c.now.Add(d)
	for len(c.due) > 0 && !c.due[0].at.After(end) {
		next := c.due[0]
		c.due = c.due[1:]
		c.now = next.at
		next.do()
	}
	c.now = end
	return ctx.Err()
}

func (c *clock) after(d time.Duration, do func()) {
	c.due = append(c.due, appointment{c.now.Add(d), do})
	slices.SortStableFunc(c.due, func(a, b appointment) int { return a.at.Compare(b.at) })
}

// target is a node's API in version 2.0 for one resource, which can be sabotaged.
type target struct {
	t        *testing.T
	clock    *clock
	network  InProcess
	state    string
	events   int
	endpoint string
	silent   bool                           // no initial notification
	refuse   int                            // status of subscriptions, 0: 201
	sabotage func(t *target, event []byte)  // sends an event its own way; nil: as it should
	headers  func(event []byte) http.Header // of what is sent
}

// newTarget makes a LOCKED target and a consumer of it.
func newTarget(t *testing.T) (*target, *Consumer) {
	t.Helper()
	g := &target{t: t, clock: newClock(), network: InProcess{}, state: Locked}
	c, err := New(Options{Endpoint: "http://consumer", Transport: g.network, Clock: g.clock})
	if err != nil {
		t.Fatal(err)
	}
	g.network["w1:9043"], g.network["consumer"] = g, c
	return g, c
}

// event is an event of the present state, at the present time.
func (g *target) event() []byte {
	g.events++
	value := func(dataType, valueType, value string) map[string]string {
		return map[string]string{"ResourceAddress": "/cluster/node/w1/ens1fx/master", "data_type": dataType, "value_type": valueType, "value": value}
	}
	text, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": fmt.Sprintf("id-%d", g.events), "source": resource, "type": "event.sync.ptp-status.ptp-state-change",
		"time": g.clock.now, "datacontenttype": "application/json",
		"data": map[string]any{"version": "1.0", "values": []any{value("notification", "enumeration", g.state), value("metric", "decimal64.3", "-7")}},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return text
}

// change goes to another state after some time, and tells it.
func (g *target) change(after time.Duration, state string) {
	g.clock.after(after, func() {
		g.state = state
		event := g.event()
		if g.sabotage != nil {
			g.sabotage(g, event)
			return
		}
		g.post(event)
	})
}

// post sends an event and wants 204 for it.
func (g *target) post(event []byte) {
	g.t.Helper()
	r, err := http.NewRequest(http.MethodPost, g.endpoint, bytes.NewReader(event))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/cloudevents+json")
	if g.headers != nil {
		r.Header = g.headers(event)
	}
	w, err := g.network.RoundTrip(r)
	if err != nil || w.StatusCode != http.StatusNoContent {
		g.t.Errorf("consumer answers %v, %v", w, err)
	}
}

func (g *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/subscriptions") && g.refuse != 0:
		http.Error(w, `{"error":"no"}`, g.refuse)
	case r.Method == http.MethodPost && r.URL.Path == "/api/ocloudNotifications/v2/subscriptions":
		var s struct{ EndpointUri, ResourceAddress string }
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil || s.ResourceAddress != resource {
			g.t.Errorf("subscription %+v, %v", s, err)
		}
		g.endpoint = s.EndpointUri
		if !g.silent {
			g.post(g.event())
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"SubscriptionId":"s1","UriLocation":"http://w1:9043/x/s1"}`)
	case r.Method == http.MethodDelete && r.URL.Path == "/api/ocloudNotifications/v2/subscriptions/s1":
		g.endpoint = ""
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet && r.URL.Path == "/api/ocloudNotifications/v2/subscriptions/s1" && g.endpoint != "":
		_, _ = fmt.Fprint(w, "{}")
	case r.URL.Path == "/api/ocloudNotifications/v2"+resource+"/CurrentState" && g.state != "":
		_, _ = w.Write(g.event())
	case r.URL.Path == "/api/ocloudNotifications/v2/health":
		_, _ = fmt.Fprint(w, "OK")
	case r.URL.Path == "/api/ocloudNotifications/v2/publishers":
		_, _ = fmt.Fprintf(w, `[{"EndpointUri":"http://w1:9043/x","ResourceAddress":%q}]`, resource)
	default:
		http.Error(w, `{"error":"event-not-found"}`, http.StatusNotFound)
	}
}

// checks gives the checks that found something, each once.
func checks(c *Consumer) []Check {
	var all []Check
	for _, f := range c.Faults() {
		if !slices.Contains(all, f.Check) {
			all = append(all, f.Check)
		}
	}
	slices.Sort(all)
	return all
}
