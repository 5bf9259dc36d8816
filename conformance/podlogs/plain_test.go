package podlogs

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/sut"
)

type (
	ctx = context.Context
	rc  = io.ReadCloser
)

// pause lets other goroutines run.
func pause() { runtime.Gosched() }

// realClock is this machine's.
type realClock struct{}

func (realClock) Now(context.Context) (time.Time, error) { return time.Now(), nil }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
	pause, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-pause.Done()
	return ctx.Err()
}

// lab is a system of plain nodes that keeps the last lines of each and prints one each second that passes.
type lab struct {
	sut.System
	fakeClock
	keep  int
	lines map[string][]sut.LogLine
}

func (l *lab) Now(ctx context.Context) (time.Time, error) { return l.fakeClock.Now(ctx) }

func (l *lab) Sleep(_ context.Context, d time.Duration) error {
	for range d / time.Second {
		l.now = l.now.Add(time.Second)
		for node := range l.lines {
			l.lines[node] = append(l.lines[node], sut.LogLine{At: l.now, Process: "ptp4l.0.config", Text: fmt.Sprintf("%s %d", node, l.now.Sub(began)/time.Second)})
			l.lines[node] = l.lines[node][max(0, len(l.lines[node])-l.keep):]
		}
	}
	return nil
}

func (l *lab) Logs(_ context.Context, node string, since time.Time) (lines []sut.LogLine, err error) {
	for _, line := range l.lines[node] {
		if !line.At.Before(since) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

func TestPlainNodes(t *testing.T) {
	l := &lab{fakeClock: fakeClock{began}, keep: 15, lines: map[string][]sut.LogLine{"w1": nil, "w2": nil}}
	c, dir := collect(t, Plain(l, []string{"w1", "w2"}), Options{Clock: l, Markers: true})
	system := Watch(l, c, 10*time.Second, func(err error) { t.Error(err) })
	if _, ok := sut.As[sut.Logs](system); !ok {
		t.Error("the system cannot be reached through the wrapper")
	}
	act := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	act(c.SpecBegins(t.Context(), "sync: oc1 locks"))
	for _, d := range []time.Duration{7, 0, 23} {
		act(system.Sleep(t.Context(), d*time.Second))
	}
	act(c.SpecEnds(t.Context(), "sync: oc1 locks", "passed"))
	act(l.Sleep(t.Context(), 20*time.Second)) // past the wrapper: more than the node keeps
	act(c.Stop(t.Context()))

	want := []string{"===== 2026-01-01T12:00:00.000Z suite serial begins =====", "===== 2026-01-01T12:00:00.000Z spec begins: sync: oc1 locks ====="}
	for i := 1; i <= 30; i++ {
		want = append(want, fmt.Sprintf("w1 %d", i))
	}
	want = append(want, "===== 2026-01-01T12:00:30.000Z spec ends: sync: oc1 locks: passed =====",
		"===== 2026-01-01T12:00:36.000Z lines after 2026-01-01T12:00:30.000Z may be missing here =====")
	for i := 36; i <= 50; i++ {
		want = append(want, fmt.Sprintf("w1 %d", i))
	}
	want = append(want, "===== 2026-01-01T12:00:50.000Z suite serial ends =====")
	if diff := cmp.Diff(want, readLog(t, dir, "serial", "serial_linuxptp-daemon-w1_linuxptp-daemon-container.log")); diff != "" {
		t.Error(diff)
	}
	if got := readLog(t, dir, "serial", "serial_linuxptp-daemon-w2_linuxptp-daemon-container.log"); len(got) != len(want) || !slices.Contains(got, "w2 30") {
		t.Errorf("the other node's log is %q", got)
	}
}

func TestPlainFault(t *testing.T) {
	l := &failing{}
	c, _ := collect(t, Plain(l, nil), Options{})
	c.source = Plain(l, []string{"w1"})
	if err := c.Look(t.Context()); err == nil || err.Error() != "pod logs: linuxptp-daemon-w1/linuxptp-daemon-container: no such node" {
		t.Errorf("error %v", err)
	}
}

type failing struct{}

func (*failing) Logs(context.Context, string, time.Time) ([]sut.LogLine, error) {
	return nil, fmt.Errorf("no such node")
}
