package daemon

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/lab/events"
	"github.com/ptplab/ptplab/lab/node"
)

// fakeNode is a node whose state is what a test says.
type fakeNode struct {
	mu      sync.Mutex
	state   string
	count   uint64
	changed chan struct{}
}

func newFakeNode(state string) *fakeNode {
	return &fakeNode{state: state, count: 1, changed: make(chan struct{})}
}

func (n *fakeNode) set(state string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.state = state
	n.count++
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *fakeNode) Status() node.Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	clock := node.ClockStatus{Program: "ptp4l", Config: "ptp4l.0.config", Interface: "ens1f0", State: n.state, OffsetNs: -7, Since: time.Unix(1700000000, 123456789).UTC(), ClockClass: 6}
	return node.Status{
		Node: "w1", Profiles: []string{"a_a"}, Clocks: []node.ClockStatus{clock},
		Processes: []node.ProcessStatus{{Program: "ptp4l", Config: "ptp4l.0.config", Profile: "a_a", State: node.Running, PID: 17}},
		Ports:     []node.PortStatus{{Interface: "ens1f0", Role: "SLAVE", Clock: &clock}},
	}
}

func (n *fakeNode) Profiles() []node.Chosen {
	return []node.Chosen{{Name: "a_a", Profile: receiver("w1", "a", "ens1f0").Spec.Profile[0], HA: []string{"b"}}}
}
func (n *fakeNode) ClockClasses() []node.ClockClass {
	return []node.ClockClass{{Interface: "ens1f0", Config: "ptp4l.0.config", Class: 6}}
}
func (n *fakeNode) Aliases() map[string]string { return map[string]string{"ens1f0": "ens1fx"} }

func (n *fakeNode) WaitChange(ctx context.Context, seen uint64) (uint64, error) {
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

// serveNode is a daemon at a socket until the function that it gives is called.
func serveNode(t *testing.T, socket string, n events.Node) (end func()) {
	t.Helper()
	l, err := listenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: stateHandler(n)}
	go server.Serve(l) // ends with end
	end = sync.OnceFunc(func() { server.Close() })
	t.Cleanup(end)
	return end
}

// state is that of the only clock that a client knows; "" if it knows none.
func state(c *Client) string {
	if clocks := c.Status().Clocks; len(clocks) > 0 {
		return clocks[0].State
	}
	return ""
}

// changed waits for the next change.
func changed(t *testing.T, c *Client, seen uint64) uint64 {
	t.Helper()
	return whenChanged(t, c, seen)()
}

// whenChanged begins to wait for the next change; the function that it gives ends it.
func whenChanged(t *testing.T, c *Client, seen uint64) func() uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	var now uint64
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		now, err = c.WaitChange(ctx, seen)
	}()
	return func() uint64 {
		t.Helper()
		defer cancel()
		if <-done; err != nil || now == seen {
			t.Fatalf("change %d after %d: %v", now, seen, err)
		}
		return now
	}
}

// TestClientIsTheNode wants all that the node says to come through.
func TestClientIsTheNode(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	n := newFakeNode("LOCKED")
	serveNode(t, socket, n)
	c := NewClient(socket, nil)
	for _, one := range []struct{ got, want any }{
		{c.Status(), n.Status()}, {c.Profiles(), n.Profiles()}, {c.ClockClasses(), n.ClockClasses()}, {c.Aliases(), n.Aliases()},
	} {
		if diff := cmp.Diff(one.want, one.got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestClientWaits wants each change to be told once, and a wait to end with its context.
func TestClientWaits(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	n := newFakeNode("FREERUN")
	serveNode(t, socket, n)
	c := NewClient(socket, nil)
	seen := changed(t, c, 0)
	if got := state(c); got != "FREERUN" {
		t.Errorf("state %q", got)
	}
	n.set("LOCKED")
	seen = changed(t, c, seen)
	if got := state(c); got != "LOCKED" {
		t.Errorf("state %q right after the change", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if now, err := c.WaitChange(ctx, seen); !errors.Is(err, context.DeadlineExceeded) || now != seen {
		t.Errorf("without a change: %d after %d, %v", now, seen, err)
	}
}

// TestClientOutlivesTheDaemon wants the last word of a daemon to count while it is restarted, and the first of the next
// one to be a change even if it counts its changes alike.
func TestClientOutlivesTheDaemon(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	c := NewClient(socket, nil)
	first := whenChanged(t, c, 0)
	end := serveNode(t, socket, newFakeNode("LOCKED")) // while somebody waits
	seen := first()
	end()
	next := whenChanged(t, c, seen)
	pastFresh(t, c)
	if got := state(c); got != "LOCKED" {
		t.Errorf("while the daemon is away: %q", got)
	}
	serveNode(t, socket, newFakeNode("HOLDOVER"))
	next()
	if got := state(c); got != "HOLDOVER" {
		t.Errorf("after the restart: %q", got)
	}
}

// TestLastWordEnds wants nothing to be known of a node whose daemon stays away, and that to be a change.
func TestLastWordEnds(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	c := NewClient(socket, nil)
	c.word = 30 * time.Millisecond
	end := serveNode(t, socket, newFakeNode("LOCKED"))
	seen := changed(t, c, 0)
	end()
	seen = changed(t, c, seen)
	if got := state(c); got != "" {
		t.Errorf("still known: %q", got)
	}
	serveNode(t, socket, newFakeNode("LOCKED"))
	changed(t, c, seen)
	if got := state(c); got != "LOCKED" {
		t.Errorf("after the return: %q", got)
	}
}

// TestOlderAnswers wants an answer that was overtaken not to count.
func TestOlderAnswers(t *testing.T) {
	c := NewClient("/nowhere", nil)
	c.take(snapshot{Run: "r", Change: 5})
	c.take(snapshot{Run: "r", Change: 4})
	if count, _, change := c.seen(); count != 1 || change != 5 {
		t.Errorf("count %d, change %d", count, change)
	}
}

// pastFresh waits until a snapshot no longer serves.
func pastFresh(t *testing.T, c *Client) {
	t.Helper()
	eventually(t, "a snapshot to age", func() (bool, string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return time.Since(c.at) > fresh, c.at.String()
	})
}
