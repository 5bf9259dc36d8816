package events

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Events as the products' documentation shows them: lock-state in version 1.0, and os-clock-sync-state in 2.0.
const (
	v1Event = `{"id":"c1ac3aa5-1195-4786-84f8-da0ea4462921","type":"event.sync.ptp-status.ptp-state-change",
"source":"/cluster/node/compute-1.example.com/sync/ptp-status/lock-state","dataContentType":"application/json","time":"2023-01-10T02:41:57.094981478Z",
"data":{"version":"v1","values":[
{"resource":"/cluster/node/compute-1.example.com/ens5fx/master","dataType":"notification","valueType":"enumeration","value":"LOCKED"},
{"resource":"/cluster/node/compute-1.example.com/ens5fx/master","dataType":"metric","valueType":"decimal64.3","value":"29"}]}}`
	v2Event = `{"specversion":"1.0","id":"4f51fe99-feaa-4e66-9112-66c5c9b9afcb","type":"event.sync.sync-status.os-clock-sync-state-change",
"source":"/cluster/node/compute-1.example.com/sync/sync-status/os-clock-sync-state","datacontenttype":"application/json","time":"2022-11-29T17:44:22.202Z",
"data":{"version":"1.0","values":[
{"ResourceAddress":"/cluster/node/compute-1.example.com/CLOCK_REALTIME","data_type":"notification","value_type":"enumeration","value":"LOCKED"},
{"ResourceAddress":"/cluster/node/compute-1.example.com/CLOCK_REALTIME","data_type":"metric","value_type":"decimal64.3","value":"27"}]}}`
)

func TestDecode(t *testing.T) {
	for _, test := range []struct{ version, resource, event, want string }{
		{V1, "/cluster/node/compute-1.example.com" + LockState, v1Event, "compute-1.example.com lock-state: ens5fx/master LOCKED 29"},
		{V2, "/cluster/node/compute-1.example.com" + OSClock, v2Event, "compute-1.example.com os-clock-sync-state: CLOCK_REALTIME LOCKED 27"},
	} {
		e, faults := decode(test.version, test.resource, []byte(test.event))
		if len(faults) > 0 || e.String() != test.want || e.Time.IsZero() || e.ID == "" {
			t.Errorf("version %s: %s, %+v, %q", test.version, e, e, faults)
		}
		if text, found := e.Find(Notification, "EALTIME"); found != (test.version == V2) || found && text != Locked {
			t.Errorf("version %s: state of the system clock %q, %t", test.version, text, found)
		}
		nameless := strings.Replace(test.event, `"id":"`+e.ID, `"id":"`, 1)
		if _, faults := decode(test.version, test.resource, []byte(nameless)); len(faults) != 1 {
			t.Errorf("version %s without id: %q", test.version, faults)
		}
		other := V1
		if test.version == V1 {
			other = V2
		}
		if _, faults := decode(other, test.resource, []byte(test.event)); len(faults) == 0 {
			t.Errorf("an event of version %s is one of version %s", test.version, other)
		}
	}
}

func TestClockClassValues(t *testing.T) {
	for value, right := range map[string]bool{`"6"`: true, `255`: true, `"135.000"`: true, `"0"`: true, `"256"`: false, `"-1"`: false, `"6.5"`: false, `"NaN"`: false, `null`: false} {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"1","type":"event.sync.ptp-status.ptp-clock-class-change","source":"/cluster/node/w1%s",
"time":"2026-01-01T00:00:00Z","data":{"version":"1.0","values":[{"ResourceAddress":"/cluster/node/w1/ens1fx/master","data_type":"metric","value_type":"decimal64.3","value":%s}]}}`, ClockClass, value)
		if _, faults := decode(V2, Address("w1", ClockClass), []byte(event)); (len(faults) == 0) != right {
			t.Errorf("class %s: %q", value, faults)
		}
	}
}

// TestVersion1 subscribes to a target of version 1.0: other path and keys, an empty request before the subscription, no
// initial notification.
func TestVersion1(t *testing.T) {
	k, network := newClock(), InProcess{}
	k.now = time.Date(2023, 1, 10, 2, 41, 57, 100_000_000, time.UTC)
	c, err := New(Options{Endpoint: "http://consumer", Transport: network, Clock: k, Version: V1})
	if err != nil {
		t.Fatal(err)
	}
	address := "/cluster/node/compute-1.example.com" + LockState
	post := func(body string) {
		r, err := http.NewRequest(http.MethodPost, "http://consumer/event/0", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if w, err := network.RoundTrip(r); err != nil || w.StatusCode != http.StatusNoContent {
			t.Errorf("%v, %v", w, err)
		}
	}
	network["consumer"] = c
	network["node:9085"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/ocloudNotifications/v1") {
		case "POST /subscriptions":
			body := make([]byte, 1000)
			n, _ := r.Body.Read(body)
			if want := fmt.Sprintf(`{"endpointUri":"http://consumer/event/0","resource":%q}`, address); string(body[:n]) != want {
				t.Errorf("asked for %s, want %s", body[:n], want)
			}
			post("")
			w.WriteHeader(http.StatusCreated)
			_, _ = fmt.Fprint(w, `{"id":"7","uriLocation":"http://node:9085/7"}`)
		case "GET " + address + "/CurrentState":
			_, _ = fmt.Fprint(w, v1Event)
		case "DELETE /subscriptions/7":
			_, _ = fmt.Fprint(w, `{"status":"OK"}`)
		default:
			t.Errorf("%s %s", r.Method, r.URL)
		}
	})
	s, err := c.Subscribe(t.Context(), "http://node:9085", address)
	if err != nil || s.ID != "7" {
		t.Fatalf("%+v, %v", s, err)
	}
	post(v1Event)
	if err := c.Compare(t.Context(), 0); err != nil || c.Err() != nil {
		t.Errorf("%v, %v", err, c.Err())
	}
	post("")
	if got := checks(c); !slices.Equal(got, []Check{Schema}) {
		t.Errorf("an empty event after the subscription: %v", c.Err())
	}
	if err := s.Unsubscribe(t.Context()); err != nil {
		t.Error(err)
	}
}

// FuzzEvent wants that any text is judged, and that what passes is whole.
func FuzzEvent(f *testing.F) {
	f.Add(false, v1Event)
	f.Add(true, v2Event)
	f.Add(true, `{"specversion":"1.0","data_base64":"AA==","id":null}`)
	f.Add(true, `{"data":{"values":[{"value":{}}]},"time":"2026-01-01T00:00:00Z"}`)
	f.Add(false, `[]`)
	f.Fuzz(func(t *testing.T, two bool, text string) {
		version, address := V1, "/cluster/node/compute-1.example.com"+LockState
		if two {
			version, address = V2, "/cluster/node/compute-1.example.com"+OSClock
		}
		e, faults := decode(version, address, []byte(text))
		if len(faults) > 0 {
			return
		}
		if e.ID == "" || e.Type != typeOf(address) || e.Time.IsZero() && !strings.Contains(text, "0001-01-01") || e.Version == "" || len(e.Values) == 0 {
			t.Errorf("%s passes as %+v", text, e)
		}
		for _, v := range e.Values {
			if v.Address == "" || v.Text == "" || v.DataType != Notification && v.DataType != Metric {
				t.Errorf("%s passes with %+v", text, v)
			}
		}
		_ = e.String()
	})
}
