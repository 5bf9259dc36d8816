package podlogs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestNothingLostNothingTwice prints lines, many of one text and at one instant, breaks each connection after some bytes,
// starts containers anew and deletes a pod, and compares the files with what was printed.
func TestNothingLostNothingTwice(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := newNode(t, rand.New(rand.NewPCG(seed, 2)))
		a, b := n.create("linuxptp-daemon-1", "linuxptp-daemon-container"), n.create("ptp-operator-1", "ptp-operator")
		c, dir := collect(t, n.source(), Options{})
		at := began
		for i := range 400 {
			at = at.Add(time.Duration(random.IntN(3)) * 150 * time.Millisecond)
			which := []*unit{a, a, b}[random.IntN(3)]
			n.print(which, at, fmt.Sprintf("line %d", i/3))
			switch random.IntN(40) {
			case 0:
				n.restart(a)
				n.print(a, at, "hello again")
				fallthrough
			case 1:
				if err := c.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		stop(t, c)
		for name, want := range map[string][]string{
			"serial_linuxptp-daemon-1_linuxptp-daemon-container.log": texts(a.logs...), "serial_ptp-operator-1_ptp-operator.log": texts(b.logs...),
		} {
			if diff := cmp.Diff(want, readLog(t, dir, "serial", name)); diff != "" {
				t.Fatalf("seed %d: %s:\n%s", seed, name, diff)
			}
		}
	}
}

// TestPodThatIsDeleted keeps what a pod printed before it went, and what the one after it prints.
func TestPodThatIsDeleted(t *testing.T) {
	n := newNode(t, nil)
	old := n.create("ptp-operator-1", "ptp-operator")
	c, dir := collect(t, n.source(), Options{Markers: true})
	n.print(old, began.Add(time.Second), "old")
	if err := c.SpecBegins(t.Context(), "operator: its pod is replaced"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "serial", "serial_ptp-operator-1_ptp-operator.log")
	waitFor(t, path, "old")
	n.delete(old)
	fresh := n.create("ptp-operator-2", "ptp-operator")
	n.print(fresh, began.Add(-time.Hour), "its first line")
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); c.all()[0].isFollowed() && time.Now().Before(deadline); pause() {
	}
	stop(t, c) // that the deleted pod's log can no longer be opened is no fault
	got := readLog(t, dir, "serial", "serial_ptp-operator-2_ptp-operator.log")
	want := []string{
		"===== 2026-01-01T12:00:00.000Z pod ptp-operator-2: container ptp-operator is new; spec: operator: its pod is replaced =====",
		"its first line",
		"===== 2026-01-01T12:00:00.000Z suite serial ends =====",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	kept := readLog(t, path)
	if missing := slices.ContainsFunc(kept, func(line string) bool { return strings.Contains(line, "missing") }); missing || len(kept) != 4 || !slices.Contains(kept, "old") {
		t.Errorf("the deleted pod's log is %q, want its line and three markers", kept)
	}
}

func (l *log) isFollowed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.followed
}

// waitFor waits until a file has a line; the writer is a goroutine of this process.
func waitFor(t *testing.T, path, line string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if slices.Contains(readLog(t, path), line) {
			return
		}
		pause()
	}
	t.Fatalf("%s never got the line %q", path, line)
}

func TestMarkers(t *testing.T) {
	n := newNode(t, nil)
	daemon := n.create("linuxptp-daemon-1", "linuxptp-daemon-container")
	n.print(daemon, began.Add(-time.Hour), "long before the suite")
	clock := &fakeClock{began}
	c, dir := collect(t, n.source(), Options{Markers: true, Suite: Parallel, Clock: clock})
	path := filepath.Join(dir, "parallel", "parallel_linuxptp-daemon-1_linuxptp-daemon-container.log")
	step := func(act func() error, line string) {
		t.Helper()
		clock.now = clock.now.Add(time.Second)
		if err := act(); err != nil {
			t.Fatal(err)
		}
		if line != "" {
			n.print(daemon, clock.now, line)
			waitFor(t, path, line)
		}
	}
	step(func() error { return c.SpecBegins(t.Context(), "soak: the clock\nstays locked") }, "one")
	step(func() error { n.restart(daemon); return c.Look(t.Context()) }, "two")
	step(func() error {
		return c.SpecEnds(t.Context(), "soak: the clock stays locked", "failed")
	}, "three")
	n.end(daemon)
	step(func() error { return c.Stop(t.Context()) }, "")
	want := []string{
		"===== 2026-01-01T12:00:00.000Z suite parallel begins =====",
		"===== 2026-01-01T12:00:01.000Z spec begins: soak: the clock stays locked =====",
		"one",
		"===== 2026-01-01T12:00:02.000Z pod linuxptp-daemon-1: container linuxptp-daemon-container was started anew, restart 1 =====",
		"two",
		"===== 2026-01-01T12:00:03.000Z spec ends: soak: the clock stays locked: failed =====",
		"three",
		"===== 2026-01-01T12:00:04.000Z suite parallel ends =====",
	}
	if diff := cmp.Diff(want, readLog(t, path)); diff != "" {
		t.Error(diff)
	}
}

// TestLinesThatAreGone says so if the source has thrown lines away that nobody has read.
func TestLinesThatAreGone(t *testing.T) {
	n := newNode(t, nil)
	daemon := n.create("p", "c")
	daemon.stream.Ended = true // each connection ends at once
	c, dir := collect(t, n.source(), Options{})
	path := filepath.Join(dir, "serial", "serial_p_c.log")
	n.change(func() { daemon.stream.Restart, daemon.logs = 1, make([][]Line, 2); daemon.stream.Ended = false })
	n.print(daemon, began, "one")
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, path, "one")
	n.change(func() { daemon.logs[1] = nil })
	n.print(daemon, began.Add(time.Minute), "three")
	stop(t, c)
	want := []string{"one", "===== 2026-01-01T12:01:00.000Z lines after 2026-01-01T12:00:00.000Z may be missing here =====", "three"}
	if diff := cmp.Diff(want, readLog(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestFilesGoOn(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		n := newNode(t, nil)
		container := n.create("a/b", "..")
		n.print(container, began, "line")
		c, _ := collect(t, n.source(), Options{Dir: dir})
		stop(t, c)
		if err := c.Stop(t.Context()); err != nil {
			t.Errorf("second stop: %v", err)
		}
	}
	if got := readLog(t, dir, "serial", "serial_a-b_...log"); !slices.Equal(got, []string{"line", "line"}) {
		t.Errorf("%q, want the line of each run", got)
	}
}

func TestBackgroundLooks(t *testing.T) {
	n := newNode(t, nil)
	c, dir := collect(t, n.source(), Options{Background: realClock{}, Every: time.Millisecond})
	fresh := n.create("p", "c")
	path := filepath.Join(dir, "serial", "serial_p_c.log")
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); pause() {
		if _, err := os.Stat(path); err == nil {
			break
		}
	}
	n.print(fresh, began, "nobody has called Look")
	waitFor(t, path, "nobody has called Look")
	stop(t, c)
}

func TestFaults(t *testing.T) {
	source, clock := newNode(t, nil).source(), &fakeClock{began}
	for _, o := range []Options{
		{Suite: Serial, Clock: clock}, {Dir: "x", Clock: clock}, {Dir: "x", Suite: "both", Clock: clock}, {Dir: "x", Suite: Serial},
	} {
		if _, err := New(source, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	if _, err := New(Plain(nil, nil), Options{Dir: "x", Suite: Serial, Clock: clock, Background: clock}); err == nil {
		t.Error("a plain source in the background: no error")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := New(source, Options{Dir: file, Suite: Serial, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "pod logs: mkdir") {
		t.Errorf("a file as folder: %v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stop of what did not start: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	n := newNode(t, nil)
	container := n.create("p", "c")
	n.print(container, began, "line")
	c, _ := collect(t, n.source(), Options{})
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	l := c.all()[0]
	l.mu.Lock()
	l.file, l.lines, l.memory = full, 0, memory{}
	l.mu.Unlock()
	n.print(container, began.Add(time.Second), "another")
	if err := c.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("error %v, want that of the disk", err)
	}
}

// TestRefusedLog tells at the end that a log could not be read.
func TestRefusedLog(t *testing.T) {
	n := newNode(t, nil)
	n.create("p", "c").gone = false
	refused := Streaming(n.list, func(_ ctx, _ Stream, _ time.Time, _ bool) (rc, error) { return nil, errors.New("forbidden") })
	c, _ := collect(t, refused, Options{})
	if err := c.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "open the log of c in p: forbidden") {
		t.Errorf("error %v, want that it is forbidden", err)
	}
}
