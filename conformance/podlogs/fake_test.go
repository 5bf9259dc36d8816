package podlogs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// began is when the tests' time begins.
var began = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// fakeClock is a clock that stands still.
type fakeClock struct{ now time.Time }

func (c *fakeClock) Now(context.Context) (time.Time, error) { return c.now, nil }

func (c *fakeClock) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

// node runs containers as kubelet does, and keeps the log of each start, however many there were.
type node struct {
	t          *testing.T
	mu         sync.Mutex
	changed    *sync.Cond
	containers map[string]*unit
	random     *rand.Rand // breaks connections; nil: none breaks
	open       sync.WaitGroup
}

// unit is a container.
type unit struct {
	stream Stream
	gone   bool
	logs   [][]Line // of each start
}

func newNode(t *testing.T, random *rand.Rand) *node {
	n := &node{t: t, containers: map[string]*unit{}, random: random}
	n.changed = sync.NewCond(&n.mu)
	return n
}

func (n *node) source() Source { return Streaming(n.list, n.openLog) }

func (n *node) list(context.Context) ([]Stream, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var streams []Stream
	for _, c := range n.containers {
		if !c.gone {
			streams = append(streams, c.stream)
		}
	}
	return streams, nil
}

func (n *node) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	n.changed.Broadcast()
}

func (n *node) create(pod, container string) *unit {
	c := &unit{stream: Stream{Pod: pod, Container: container}, logs: make([][]Line, 1)}
	n.change(func() { n.containers[c.stream.name()] = c })
	return c
}

func (n *node) print(c *unit, at time.Time, text string) {
	n.change(func() {
		last := len(c.logs) - 1
		c.logs[last] = append(c.logs[last], Line{At: at, Text: text})
	})
}

func (n *node) restart(c *unit) {
	n.change(func() {
		c.stream.Restart++
		c.logs = append(c.logs, nil)
	})
}

func (n *node) end(c *unit)    { n.change(func() { c.stream.Ended = true }) }
func (n *node) delete(c *unit) { n.change(func() { c.gone = true }) }

// connection is an open log.
type connection struct {
	n      *node
	c      *unit
	nth    int
	since  time.Time
	follow bool
	at     int    // next line
	rest   []byte // of a line
	left   int    // bytes until it breaks; below 0: it does not
	closed bool
}

func (n *node) openLog(_ context.Context, s Stream, since time.Time, follow bool) (io.ReadCloser, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.containers[s.name()]
	if c == nil || c.gone || s.Restart > c.stream.Restart {
		return nil, fmt.Errorf("no log of restart %d", s.Restart)
	}
	conn := &connection{n: n, c: c, nth: s.Restart, since: since.Truncate(time.Second), follow: follow, left: -1}
	if n.random != nil && follow {
		conn.left = n.random.IntN(400)
	}
	return conn, nil
}

func (c *connection) Read(p []byte) (int, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for {
		if c.closed {
			return 0, os.ErrClosed
		}
		if len(c.rest) > 0 {
			return c.some(p)
		}
		log := c.c.logs[c.nth]
		if c.at < len(log) {
			line := log[c.at]
			c.at++
			if !line.At.Before(c.since) {
				c.rest = []byte(line.At.Format(time.RFC3339Nano) + " " + line.Text + "\n")
			}
			continue
		}
		if !c.follow || c.nth < c.c.stream.Restart || c.c.stream.Ended || c.c.gone {
			return 0, io.EOF
		}
		c.n.changed.Wait()
	}
}

// some gives a part of a line, or breaks in the middle of it: with an error or as if the log ended here.
func (c *connection) some(p []byte) (int, error) {
	count := min(len(p), len(c.rest))
	if c.left >= 0 {
		count = min(count, c.left, 1+c.n.random.IntN(30))
		if c.left == 0 && c.n.random.IntN(2) == 0 {
			return 0, io.EOF
		}
		if c.left == 0 {
			return 0, errors.New("connection reset by peer")
		}
		c.left -= count
	}
	copy(p, c.rest[:count])
	c.rest = c.rest[count:]
	return count, nil
}

func (c *connection) Close() error {
	c.n.change(func() { c.closed = true })
	return nil
}

// collect makes a collector in a folder of its own and starts it.
func collect(t *testing.T, source Source, o Options) (*Collector, string) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Clock == nil {
		o.Clock = &fakeClock{began}
	}
	if o.Suite == "" {
		o.Suite = Serial
	}
	c, err := New(source, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, o.Dir
}

// stop ends a collector. That connections broke is no fault.
func stop(t *testing.T, c *Collector) {
	t.Helper()
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func readLog(t *testing.T, path ...string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func texts(logs ...[]Line) (all []string) {
	for _, line := range slices.Concat(logs...) {
		all = append(all, line.Text)
	}
	return all
}
