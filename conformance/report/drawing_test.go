package report

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/record"
)

func TestNanoseconds(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0 ns", 3: "3 ns", -3: "−3 ns", 0.00332: "0.00332 ns", 999: "999 ns", 1000: "1 µs", 999.6: "1 µs", -1500: "−1.5 µs", 37e9: "37 s", 4e13: "40000 s", 2.5e6: "2.5 ms",
	} {
		if got := nanoseconds(ns); got != want {
			t.Errorf("nanoseconds(%g) = %q, want %q", ns, got, want)
		}
	}
}

func TestNiceTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		most      int
		want      []float64
	}{
		{0, 100, 5, []float64{0, 20, 40, 60, 80, 100}},
		{-37, 37, 5, []float64{-20, 0, 20}},
		{65.3, 82.3, 6, []float64{70, 75, 80}},
		{0, 0.3, 3, []float64{0, 0.1, 0.2, 0.30000000000000004}},
		{5, 5, 5, nil},
		{0, math.Inf(1), 5, nil},
	} {
		if diff := cmp.Diff(c.want, niceTicks(c.low, c.high, c.most)); diff != "" {
			t.Errorf("niceTicks(%g, %g) (-want +got):\n%s", c.low, c.high, diff)
		}
	}
}

func TestAxis(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		log       bool
	}{{0, 0, false}, {-3, 200, false}, {-5003, 7, true}, {-1e9, 37e9, true}, {0, 1e15, true}} {
		a := newAxis(c.low, c.high, 30, 150)
		if a.log != c.log {
			t.Errorf("%g to %g: logarithmic %t", c.low, c.high, a.log)
		}
		last := math.Inf(1)
		for _, ns := range []float64{c.low - 1, -30, -1, 0, 1, 30, c.high + 31} {
			if y := a.y(ns); ns >= c.low && ns <= c.high && (y < 0 || y > 150 || y >= last && ns > 0) {
				t.Errorf("%g to %g: %g is at %g", c.low, c.high, ns, y)
			} else {
				last = y
			}
		}
		if n := len(a.ticks()); n < 3 || n > 10 {
			t.Errorf("%g to %g: %d ticks", c.low, c.high, n)
		}
		if y := a.y(30); y < 0 || y > a.y(-30) || a.y(-30) > 150 {
			t.Errorf("%g to %g: limits at %g and %g", c.low, c.high, y, a.y(-30))
		}
	}
}

// series is points a second apart.
func series(values ...float64) []record.Point {
	var points []record.Point
	for n, v := range values {
		points = append(points, record.Point{At: time.Unix(int64(n), 0), NS: v})
	}
	return points
}

func TestThinKeepsExtremes(t *testing.T) {
	values := make([]float64, 100_000)
	values[12_345], values[12_346], values[99_998] = 700, -800, 3
	points := series(values...)
	w := window{points[0].At, points[len(points)-1].At}
	kept := thin(points, w)
	if len(kept) > 4*(columns+1) {
		t.Errorf("%d points for %d columns", len(kept), columns)
	}
	low, high := extremes(kept)
	if low != -800 || high != 700 {
		t.Errorf("extremes %g and %g", low, high)
	}
	if d := path(points, w, newAxis(low, high, 30, 150)); len(d) > 400 || strings.Count(d, "M") != 1 {
		t.Errorf("a level line with three peaks takes %d bytes: %s", len(d), d)
	}
}

func TestPathHasGaps(t *testing.T) {
	points := series(1, 2, 3)
	points = append(points, record.Point{At: time.Unix(60, 0), NS: 4}, record.Point{At: time.Unix(61, 0), NS: 4})
	w := window{time.Unix(0, 0), time.Unix(100, 0)}
	want := "M0.0 99.0h1L10.0 98.0L20.0 97.0M600.0 96.0h1L610.0 96.0"
	if got := path(points, w, nsAxis{low: 0, high: 100, limit: 50, height: 100}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAcross(t *testing.T) {
	points := series(0, 1, 2, 3, 4, 5)
	got := across(points, window{time.UnixMilli(1500), time.UnixMilli(3500)})
	if diff := cmp.Diff(points[1:5], got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := across(nil, window{time.Unix(0, 0), time.Unix(1, 0)}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestFaultsAreFew(t *testing.T) {
	r := record.Record{End: time.Unix(100, 0), Links: []record.Track{{Name: "w1/a"}}}
	for n := range 40 {
		r.Links[0].Steps = append(r.Links[0].Steps, record.Step{At: time.Unix(int64(n), 0), Value: []string{"down", "up"}[n%2]})
	}
	all := faults(r)
	if len(all) != mostFaults || all[0].up != time.Unix(1, 0) {
		t.Errorf("%d faults, %v", len(all), all)
	}
	r.Links[0].Steps = r.Links[0].Steps[:1]
	if all := faults(r); len(all) != 1 || all[0].up != r.End {
		t.Errorf("a link that stays down: %v", all)
	}
}
