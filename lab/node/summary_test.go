package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSummaries sees offsets summed up, and one beyond the threshold in full.
func TestSummaries(t *testing.T) {
	f, err := newFilter(map[string]string{"logReduce": "enhanced 2s 500"})
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{history: history{keep: time.Hour}}
	p := &process{program: program{config: "ptp4l.0.config", filter: f}, clock: newClock(&program{}, time.Time{})}
	start := time.Unix(100, 0)
	for at, ns := range []int{-3, 5, 1, 2, 501, 7, 9} {
		now := start.Add(time.Duration(at) * 500 * time.Millisecond)
		n.line(p, fmt.Appendf(nil, "ptp4l[2.107]: [ptp4l.0.config:6] master offset %10d s2 freq      +0 path delay        25", ns), now, 0)
	}
	n.line(p, []byte("ptp4l[2.107]: [ptp4l.0.config:6] port 1 (ens1f0): link down"), start, 0)
	var got []string
	for _, l := range n.history.from(0) {
		_, text, _ := strings.Cut(l.Text, "] ")
		got = append(got, strings.Join(strings.Fields(text), " "))
	}
	want := []string{
		"master offset summary: cnt=4, min=-3, max=5, avg=1.25, SD=3.30",
		"master offset 501 s2 freq +0 path delay 25",
		"port 1 (ens1f0): link down",
	}
	if !slices.Equal(got, want) {
		t.Errorf("log:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLogReduce(t *testing.T) {
	for text, want := range map[string]filter{
		"":                   {},
		"false":              {every: defaultSummaryEvery},
		"TRUE":               {reduce: true, every: defaultSummaryEvery},
		"basic":              {reduce: true, every: defaultSummaryEvery},
		"enhanced":           {enhanced: true, every: defaultSummaryEvery},
		"enhanced 10s":       {enhanced: true, every: 10 * time.Second},
		"enhanced 1.5s 1000": {enhanced: true, every: 1500 * time.Millisecond, threshold: 1000},
		"enhanced 200":       {enhanced: true, every: defaultSummaryEvery, threshold: 200},
	} {
		got, err := newFilter(map[string]string{"logReduce": text})
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	if _, err := newFilter(map[string]string{"logReduce": "enhanced often"}); err == nil {
		t.Error("enhanced often: no error")
	}
}
