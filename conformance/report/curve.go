package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/record"
)

// columns is how finely a curve is drawn over the width; more would not be seen.
const columns = 1000

// gap is which part of the width without a point interrupts a curve: what was in between is not known.
const gap = 0.04

// sparse is how far apart, in seconds, two looks may be anyway: the suite looks once a second.
const sparse = 2.5

// within cuts points to a window.
func within(points []record.Point, w window) []record.Point {
	var found []record.Point
	for _, p := range points {
		if !p.At.Before(w.from) && !p.At.After(w.to) {
			found = append(found, p)
		}
	}
	return found
}

// across cuts points to a window and one more on either side, from and to which the curve is drawn.
func across(points []record.Point, w window) []record.Point {
	first, end := 0, len(points)
	for first+1 < end && !points[first+1].At.After(w.from) {
		first++
	}
	for end-1 > first && !points[end-2].At.Before(w.to) {
		end--
	}
	return points[first:end]
}

// extremes are the lowest and the highest of some points, ns; zero for none.
func extremes(points []record.Point) (low, high float64) {
	for n, p := range points {
		if n == 0 {
			low, high = p.NS, p.NS
		}
		low, high = min(low, p.NS), max(high, p.NS)
	}
	return low, high
}

// thin keeps of the points of each column the first, the lowest, the highest and the last, which draws the same curve
// as all of them.
func thin(points []record.Point, w window) []record.Point {
	var kept []record.Point
	for len(points) > 0 {
		n := 1
		for n < len(points) && column(points[n].At, w) == column(points[0].At, w) {
			n++
		}
		kept = append(kept, envelope(points[:n])...)
		points = points[n:]
	}
	return kept
}

func column(at time.Time, w window) int { return int(math.Floor(w.x(at))) }

// envelope keeps at most four points, in their order.
func envelope(points []record.Point) []record.Point {
	low, high := 0, 0
	for n, p := range points {
		if p.NS < points[low].NS {
			low = n
		}
		if p.NS > points[high].NS {
			high = n
		}
	}
	var kept []record.Point
	last := -1
	for _, n := range []int{0, min(low, high), max(low, high), len(points) - 1} {
		if n > last {
			kept = append(kept, points[n])
			last = n
		}
	}
	return kept
}

// connected says whether it is known enough of what was between two points to draw a line.
func connected(a, b record.Point, w window) bool {
	return b.At.Sub(a.At).Seconds() <= max(gap*w.seconds(), sparse)
}

// straight leaves out what lies within a level line, as long as its ends still count as connected.
func straight(points []record.Point, w window) []record.Point {
	var kept []record.Point
	for n, p := range points {
		last := len(kept) - 1
		level := last >= 0 && n+1 < len(points) && kept[last].NS == p.NS && points[n+1].NS == p.NS
		if !level || !connected(kept[last], points[n+1], w) {
			kept = append(kept, p)
		}
	}
	return kept
}

// x is where an instant of a curve is drawn; within the window from 0 to columns.
func (w window) x(at time.Time) float64 { return columns * at.Sub(w.from).Seconds() / w.seconds() }

// path draws points as SVG path data. A point without neighbours is a short stroke.
func path(points []record.Point, w window, a nsAxis) string {
	var d strings.Builder
	points = straight(thin(points, w), w)
	for n, p := range points {
		x := strconv.FormatFloat(w.x(p.At), 'f', 1, 64)
		y := strconv.FormatFloat(a.y(p.NS), 'f', 1, 64)
		if n > 0 && connected(points[n-1], p, w) {
			d.WriteString("L" + x + " " + y)
		} else {
			d.WriteString("M" + x + " " + y + "h1")
		}
	}
	return d.String()
}
