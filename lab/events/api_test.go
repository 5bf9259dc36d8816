package events

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab/node"
)

// TestAnswers is every answer that the API has.
func TestAnswers(t *testing.T) {
	n := newFakeNode()
	n.classes = []node.ClockClass{{Interface: "ens1f0", Class: 6}}
	n.set(master(0, locked))
	box := &inbox{fate: func(r *http.Request) (*http.Response, error) {
		switch endpoint := r.URL.String(); {
		case strings.Contains(endpoint, "absent"):
			return refused(r)
		case strings.Contains(endpoint, "ok200"):
			return answer(http.StatusOK), nil
		case strings.Contains(endpoint, "moved"):
			w := answer(http.StatusTemporaryRedirect)
			w.Header.Set("Location", "http://c/good")
			return w, nil
		}
		return answer(http.StatusNoContent), nil
	}}
	s := newServer(t, n, box, "")
	made := subscribe(t, s, "http://c/1", LockState)
	id := "/subscriptions/" + made.SubscriptionId
	if made.UriLocation != "http://w1:9043"+Base+id {
		t.Errorf("location %s", made.UriLocation)
	}
	ask := func(endpoint, address string) string {
		return fmt.Sprintf(`{"EndpointUri":%q,"ResourceAddress":%q}`, endpoint, address)
	}
	lock, class := Address("w1", LockState), Address("w1", ClockClass)
	var publishers []Subscription
	if code, body := call(s, "GET", "/publishers", ""); code != 200 || json.Unmarshal([]byte(body), &publishers) != nil || len(publishers) != 4 {
		t.Fatalf("publishers: %d %s", code, body)
	}
	for _, test := range []struct {
		name, method, path, body string
		code                     int
		want                     string
	}{
		{"health", "GET", "/health", "", 200, "OK"},
		{"publishers", "GET", "/publishers", "", 200, `"EndpointUri"`},
		{"a publisher", "GET", "/publishers/" + publishers[0].SubscriptionId, "", 200, lock},
		{"no publisher", "GET", "/publishers/9", "", 404, "no publisher 9"},
		{"created", "POST", "/subscriptions", ask("http://c/2", lock), 201, `"EndpointUri":"http://c/2"`},
		{"created, another resource", "POST", "/subscriptions", ask("http://c/1", class), 201, `"SubscriptionId"`},
		{"created, other spelling", "POST", "/subscriptions", fmt.Sprintf(`{"endpointUri":"https://c/3","resourceaddress":%q,"more":1}`, lock), 201, ""},
		{"exists", "POST", "/subscriptions", ask("http://c/1", lock), 409, "already subscribed"},
		{"no JSON", "POST", "/subscriptions", `{"EndpointUri":`, 400, "unexpected end"},
		{"empty", "POST", "/subscriptions", "", 400, "body"},
		{"a number", "POST", "/subscriptions", `{"EndpointUri":7}`, 400, "body"},
		{"null", "POST", "/subscriptions", "null", 400, "are needed"},
		{"keys of version 1", "POST", "/subscriptions", fmt.Sprintf(`{"endpointUri":"http://c/4","resource":%q}`, lock), 400, "are needed"},
		{"no endpoint", "POST", "/subscriptions", ask("", lock), 400, "are needed"},
		{"endpoint without scheme", "POST", "/subscriptions", ask("c/1", lock), 400, "not a URL"},
		{"endpoint without host", "POST", "/subscriptions", ask("http:///1", lock), 400, "not a URL"},
		{"endpoint of a file", "POST", "/subscriptions", ask("file://c/1", lock), 400, "not a URL"},
		{"endpoint with a bad escape", "POST", "/subscriptions", ask("http://c/%zz", lock), 400, "EndpointUri"},
		{"endpoint refuses connections", "POST", "/subscriptions", ask("http://absent/1", lock), 400, "initial notification"},
		{"endpoint answers 200", "POST", "/subscriptions", ask("http://ok200/1", lock), 400, "want 204"},
		{"endpoint redirects", "POST", "/subscriptions", ask("http://moved/1", lock), 400, "want 204"},
		{"too long", "POST", "/subscriptions", ask("http://c/"+strings.Repeat("x", maxBody), lock), 400, "body"},
		{"no such resource", "POST", "/subscriptions", ask("http://c/1", lock+"/x"), 404, "has no resource"},
		{"another node's resource", "POST", "/subscriptions", ask("http://c/1", Address("w2", LockState)), 404, "has no resource"},
		{"unknown state", "POST", "/subscriptions", ask("http://c/1", Address("w1", OSClock)), 404, "event-not-found"},
		{"list", "GET", "/subscriptions", "", 200, `"SubscriptionId":"` + made.SubscriptionId},
		{"get", "GET", id, "", 200, `"ResourceAddress":"` + lock},
		{"get no such", "GET", "/subscriptions/9", "", 404, "no subscription 9"},
		{"current state", "GET", lock + "/CurrentState", "", 200, `"value":"LOCKED"`},
		{"current class", "GET", class + "/CurrentState", "", 200, `"value":"6"`},
		{"current state, nobody subscribed", "GET", Address("w1", SyncState) + "/CurrentState", "", 404, "nobody is subscribed"},
		{"current state of less", "GET", "/cluster/node/w1/sync/CurrentState", "", 404, "nobody is subscribed"},
		{"a resource without CurrentState", "GET", lock, "", 404, "nothing at"},
		{"nothing", "GET", "/nix", "", 404, "nothing at"},
		{"wrong method", "PUT", "/subscriptions", "", 405, ""},
		{"delete", "DELETE", id, "", 204, ""},
		{"deleted", "DELETE", id, "", 404, "no subscription"},
		{"delete all", "DELETE", "/subscriptions", "", 204, ""},
		{"empty list", "GET", "/subscriptions", "", 200, "[]"},
		{"delete all of none", "DELETE", "/subscriptions", "", 204, ""},
		{"nobody is left", "GET", lock + "/CurrentState", "", 404, "nobody is subscribed"},
	} {
		code, body := call(s, test.method, test.path, test.body)
		if code != test.code || !strings.Contains(body, test.want) {
			t.Errorf("%s: %d %s, want %d with %q", test.name, code, body, test.code, test.want)
		}
	}
}

// TestConflictSendsNothing wants no initial notification for a subscription that exists.
func TestConflictSendsNothing(t *testing.T) {
	n, box := newFakeNode(), &inbox{}
	n.set(master(0, locked))
	s := newServer(t, n, box, "")
	subscribe(t, s, "http://c/1", LockState)
	code, _ := call(s, "POST", "/subscriptions", fmt.Sprintf(`{"EndpointUri":"http://c/1","ResourceAddress":%q}`, Address("w1", LockState)))
	if got := box.take("http://c/1"); code != 409 || len(got) != 1 {
		t.Errorf("%d, sent %q", code, got)
	}
}

// TestCurrentStateAfterLoss asks for a state that was known once.
func TestCurrentStateAfterLoss(t *testing.T) {
	n := newFakeNode()
	n.set(master(0, locked))
	s := newServer(t, n, &inbox{}, "")
	subscribe(t, s, "http://c/1", LockState)
	n.set()
	if code, body := call(s, "GET", Address("w1", LockState)+"/CurrentState", ""); code != 404 || !strings.Contains(body, "event-not-found") {
		t.Errorf("%d %s", code, body)
	}
}

// TestEventJSON pins the JSON of an event.
func TestEventJSON(t *testing.T) {
	r := resource{kind: kinds()[0], address: Address("w1", LockState)}
	text := string(r.encode([]value{{address: "/cluster/node/w1/ens1fx/master", state: locked, metric: "-7"}}, time.Date(2026, 1, 1, 13, 0, 0, 5, time.FixedZone("CET", 3600))))
	var e cloudEvent
	if err := json.Unmarshal([]byte(text), &e); err != nil || len(e.ID) != 36 {
		t.Fatalf("%s: %v", text, err)
	}
	want := `{"specversion":"1.0","id":"` + e.ID + `","source":"/cluster/node/w1/sync/ptp-status/lock-state","type":"event.sync.ptp-status.ptp-state-change",` +
		`"time":"2026-01-01T12:00:00.000000005Z","datacontenttype":"application/json","data":{"version":"1.0","values":[` +
		`{"ResourceAddress":"/cluster/node/w1/ens1fx/master","data_type":"notification","value_type":"enumeration","value":"LOCKED"},` +
		`{"ResourceAddress":"/cluster/node/w1/ens1fx/master","data_type":"metric","value_type":"decimal64.3","value":"-7"}]}}`
	if text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// TestStoreFails wants 500 and no subscription when it cannot be stored.
func TestStoreFails(t *testing.T) {
	n := newFakeNode()
	n.set(master(0, locked))
	dir := t.TempDir()
	s := newServer(t, n, &inbox{}, filepath.Join(dir, "gone", "subscriptions"))
	body := fmt.Sprintf(`{"EndpointUri":"http://c/1","ResourceAddress":%q}`, Address("w1", LockState))
	if code, text := call(s, "POST", "/subscriptions", body); code != 500 || !strings.Contains(text, "subscriptions: open") {
		t.Errorf("%d %s", code, text)
	}
	if code, text := call(s, "GET", "/subscriptions", ""); text != "[]" {
		t.Errorf("%d %s", code, text)
	}
}

func TestNewAndStartFail(t *testing.T) {
	if _, err := New(Options{Name: "w1"}); err == nil {
		t.Error("no node is fine")
	}
	path := filepath.Join(t.TempDir(), "subscriptions")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Name: "w1", Node: newFakeNode(), Store: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken store: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Crash()
	if s.Start() == nil {
		t.Error("started twice")
	}
}

// aborted tells whether the server breaks a request off.
func aborted(s *Server, method, path, body string) (off bool) {
	defer func() { off = recover() == http.ErrAbortHandler }()
	call(s, method, path, body)
	return false
}

// TestCrashDuringCreation wants neither an answer nor a subscription when the server crashes before there is one.
func TestCrashDuringCreation(t *testing.T) {
	n, store := newFakeNode(), filepath.Join(t.TempDir(), "subscriptions")
	n.set(master(0, locked))
	var s *Server
	s = newServer(t, n, roundTripper(func(*http.Request) (*http.Response, error) {
		s.Crash()
		return answer(http.StatusNoContent), nil
	}), store)
	if !aborted(s, "POST", "/subscriptions", fmt.Sprintf(`{"EndpointUri":"http://c/1","ResourceAddress":%q}`, Address("w1", LockState))) {
		t.Error("a crashed server answers")
	}
	if stored(t, store) != 0 {
		t.Error("a crashed server stores")
	}
}

// FuzzSubscription wants one of the API's answers to any body, and a subscription only for a resource of the node.
func FuzzSubscription(f *testing.F) {
	lock := Address("w1", LockState)
	f.Add(fmt.Sprintf(`{"EndpointUri":"http://c/1","ResourceAddress":%q}`, lock))
	f.Add(fmt.Sprintf(`{"EndpointUri":"http://[::1]:80","ResourceAddress":%q,"SubscriptionId":"../x","UriLocation":null}`, lock))
	f.Add(`{"EndpointUri":"http://%41/","ResourceAddress":"/"}`)
	f.Add(`[]`)
	n := newFakeNode()
	n.set(master(0, locked))
	f.Fuzz(func(t *testing.T, body string) {
		s := newServer(t, n, &inbox{}, "")
		code, text := call(s, "POST", "/subscriptions", body)
		_, list := call(s, "GET", "/subscriptions", "")
		switch code {
		case 201:
			var made Subscription
			if err := json.Unmarshal([]byte(text), &made); err != nil || made.ResourceAddress != lock && made.ResourceAddress != Address("w1", SyncState) || len(made.SubscriptionId) != 36 {
				t.Errorf("%q made %s", body, text)
			}
		case 400, 404:
			if list != "[]" {
				t.Errorf("%q: %d, but %s", body, code, list)
			}
		default:
			t.Errorf("%q: %d %s", body, code, text)
		}
	})
}
