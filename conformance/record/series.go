package record

import (
	"cmp"
	"time"
)

// Point is a number at a time.
type Point struct {
	At time.Time
	NS float64
}

// seriesPoints bounds a Series: an hour of one point a second fits as it is.
const seriesPoints = 4096

// Series is a number over time. When it has grown to its bound it is thinned to half of its points, so that a
// series of any length costs as much memory. What stays are extremes: no peak gets lost.
type Series struct {
	Points []Point // ascending

	most int // points; 0 for seriesPoints
}

// NewSeries makes a series of at most so many points.
func NewSeries(most int) *Series { return &Series{most: most} }

// Add adds a point. One that is not later than the last replaces it.
func (s *Series) Add(at time.Time, ns float64) {
	if n := len(s.Points); n > 0 && !at.After(s.Points[n-1].At) {
		s.Points[n-1].NS = ns
		return
	}
	if len(s.Points) == cmp.Or(s.most, seriesPoints) {
		s.Points = thin(s.Points)
	}
	s.Points = append(s.Points, Point{at, ns})
}

// thin keeps the lowest and the highest of every four points, in their order.
func thin(points []Point) []Point {
	kept := points[:0]
	for ; len(points) >= 4; points = points[4:] {
		low, high := 0, 0
		for n, p := range points[:4] {
			if p.NS < points[low].NS {
				low = n
			}
			if p.NS >= points[high].NS {
				high = n
			}
		}
		a, b := points[min(low, high)], points[max(low, high)]
		kept = append(kept, a, b)
	}
	return append(kept, points...)
}
