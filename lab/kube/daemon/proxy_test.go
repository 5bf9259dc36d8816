package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ptplab/ptplab/lab/events"
)

// inbox is a consumer that keeps the lock states that it is told.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	states []string
}

func newInbox(t *testing.T) *inbox {
	b := &inbox{}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var event struct {
		Data struct {
			Values []struct {
				DataType string `json:"data_type"`
				Value    any    `json:"value"`
			} `json:"values"`
		} `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range event.Data.Values {
		if v.DataType == "notification" {
			b.states = append(b.states, fmt.Sprint(v.Value))
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// heard waits until just these states have been told.
func (b *inbox) heard(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, "events "+strings.Join(want, ", "), func() (bool, string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return fmt.Sprint(b.states) == fmt.Sprint(want), fmt.Sprint(b.states)
	})
}

// runProxy runs a notification service until the function that it gives is called, or the test ends.
func runProxy(t *testing.T, o ProxyOptions) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- RunProxy(ctx, o) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	eventually(t, "the API", func() (bool, string) {
		answer, err := http.Get("http://" + o.Address + events.Base + "/health")
		if err != nil {
			return false, err.Error()
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK, answer.Status
	})
	return end
}

// TestProxy wants changes to reach a subscriber through restarts of the daemon and of the service itself.
func TestProxy(t *testing.T) {
	dir := shortDir(t)
	o := ProxyOptions{Node: "w1", Socket: filepath.Join(dir, "s"), Store: filepath.Join(dir, "store"), Address: freeAddress(t)}
	n := newFakeNode("FREERUN")
	daemon := serveNode(t, o.Socket, n)
	proxy := runProxy(t, o)
	b := newInbox(t)
	body := fmt.Sprintf(`{"EndpointUri":%q,"ResourceAddress":%q}`, b.URL, events.Address("w1", events.LockState))
	answer, err := http.Post("http://"+o.Address+events.Base+"/subscriptions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusCreated {
		t.Fatalf("subscribe: %s %s", answer.Status, text)
	}
	b.heard(t, "FREERUN")
	n.set("LOCKED")
	b.heard(t, "FREERUN", "LOCKED")
	daemon()
	serveNode(t, o.Socket, newFakeNode("HOLDOVER"))
	b.heard(t, "FREERUN", "LOCKED", "HOLDOVER")
	proxy()
	runProxy(t, o)
	b.heard(t, "FREERUN", "LOCKED", "HOLDOVER", "HOLDOVER") // its first word is the state
}

// TestProxyFails wants what keeps the service from running to be an error.
func TestProxyFails(t *testing.T) {
	dir := shortDir(t)
	writeFile(t, filepath.Join(dir, "subscriptions.json"), "nonsense")
	taken := newInbox(t)
	for what, o := range map[string]ProxyOptions{
		"no node":           {},
		"a store to repair": {Node: "w1", Store: dir, Address: freeAddress(t)},
		"a port in use":     {Node: "w1", Store: t.TempDir(), Address: taken.Listener.Addr().String()},
	} {
		if err := RunProxy(t.Context(), o); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// TestNameProcess wants the kernel to know the process by its new name, whichever thread gives it.
func TestNameProcess(t *testing.T) {
	comm := func() string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	before := comm()
	defer NameProcess(before)
	for name, want := range map[string]string{"cloud-event-proxy": "cloud-event-pro", "short": "short"} {
		if err := NameProcess(name); err != nil {
			t.Fatal(err)
		}
		if got := comm(); got != want {
			t.Errorf("%s: the process is called %q, want %q", name, got, want)
		}
	}
}
