package report

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// window is a part of a run that is drawn.
type window struct{ from, to time.Time }

func (w window) seconds() float64 { return w.to.Sub(w.from).Seconds() }

// percent is where an instant is drawn, in percent of the width, within 0 to 100.
func (w window) percent(at time.Time) float64 {
	return min(100, max(0, 100*at.Sub(w.from).Seconds()/w.seconds()))
}

// tick is a mark of an axis.
type tick struct {
	At    float64 // in percent of the width, or in pixels from the top
	Label string
	End   string // "first", "last": a label that would leave the drawing on that side
}

// timeTicks are marks in seconds, minutes or hours since the start of the run.
func (w window) timeTicks(start time.Time) []tick {
	low, high := w.from.Sub(start).Seconds(), w.to.Sub(start).Seconds()
	unit, name := 1.0, "s"
	switch {
	case high > 3*3600:
		unit, name = 3600, "h"
	case high > 1200:
		unit, name = 60, "min"
	}
	var ticks []tick
	for _, at := range niceTicks(low/unit, high/unit, 6) {
		t := tick{At: 100 * (at*unit - low) / (high - low), Label: strconv.FormatFloat(at, 'g', 6, 64) + " " + name}
		switch {
		case t.At < 3:
			t.End = "first"
		case t.At > 97:
			t.End = "last"
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// niceTicks are multiples of 1, 2 or 5 times a power of ten from low to high, at most so many.
func niceTicks(low, high float64, most int) []float64 {
	if !(high > low) || math.IsInf(high-low, 0) {
		return nil
	}
	raw := (high - low) / float64(most)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if step*factor >= raw*(1-1e-9) {
			step *= factor
			break
		}
	}
	var ticks []float64
	for n := math.Ceil(low/step - 1e-9); n*step <= high+step*1e-9; n++ {
		ticks = append(ticks, n*step+0) // no negative zero
	}
	return ticks
}

// nsAxis is a vertical axis of time errors. It is linear as long as the limit can be told from zero; else it is linear up to the
// limit and logarithmic beyond, so that a clock 1 ms off leaves the nanoseconds readable.
type nsAxis struct {
	low, high float64 // ns
	limit     float64 // ns, above 0
	height    float64 // px
	log       bool
}

// linearSpan is up to how many limits an axis is linear.
const linearSpan = 8

// newAxis makes an axis for values from low to high, that also shows the limit.
func newAxis(low, high, limit, height float64) nsAxis {
	a := nsAxis{low: min(1.1*low, -1.25*limit), high: max(1.1*high, 1.25*limit), limit: limit, height: height}
	a.log = a.high > linearSpan*limit || a.low < -linearSpan*limit
	if a.log {
		a.low, a.high = min(2*low, -1.25*limit), max(2*high, 1.25*limit)
	}
	return a
}

// level is where a value is on an axis without end.
func (a nsAxis) level(ns float64) float64 {
	if off := math.Abs(ns) / a.limit; a.log && off > 1 {
		return math.Copysign(1+math.Log10(off), ns)
	}
	return ns / a.limit
}

// y is where a value is drawn, in pixels from the top.
func (a nsAxis) y(ns float64) float64 {
	top, bottom := a.level(a.high), a.level(a.low)
	return a.height * (top - a.level(ns)) / (top - bottom)
}

// ticks are marks that are far enough from each other to be read.
func (a nsAxis) ticks() []tick {
	values := niceTicks(a.low, a.high, 5)
	if a.log {
		values = a.decades()
	}
	var ticks []tick
	for _, ns := range values {
		ticks = append(ticks, tick{At: a.y(ns), Label: nanoseconds(ns)})
	}
	return ticks
}

// tickDistance is how close to each other two marks may be, px.
const tickDistance = 16

// decades are zero and powers of ten beyond the limit, those nearest to the ends first.
func (a nsAxis) decades() []float64 {
	values := []float64{0}
	try := func(ns float64) {
		for _, other := range append(slices.Clone(values), -a.limit, a.limit) {
			if math.Abs(a.y(ns)-a.y(other)) < tickDistance {
				return
			}
		}
		values = append(values, ns)
	}
	for decade := math.Floor(math.Log10(max(a.high, -a.low))); math.Pow(10, decade) > a.limit; decade-- {
		if ns := math.Pow(10, decade); ns <= a.high {
			try(ns)
		}
		if ns := math.Pow(10, decade); ns <= -a.low {
			try(-ns)
		}
	}
	return values
}
