package measure

import (
	"fmt"
	"math"
)

// Standing says how well a limit is known.
type Standing string

const (
	// Cited limits were read in a public summary that quotes the standard, not in the standard itself.
	Cited Standing = "cited"
	// Unverified limits are from memory. Whatever prints one must say so.
	Unverified Standing = "unverified"
)

// Metric names what a limit or mask bounds.
type Metric string

// The metrics that have limits, all in ns.
const (
	MetricMaxTE    Metric = "max|TE|"
	MetricMaxTELow Metric = "max|TE_L|"
	MetricCTE      Metric = "cTE" // its magnitude is bounded
	MetricMTIELow  Metric = "dTE_L MTIE"
	MetricTDEVLow  Metric = "dTE_L TDEV"
	MetricHighPkPk Metric = "dTE_H pk-pk"
	MetricMTIE     Metric = "MTIE"
	MetricTDEV     Metric = "TDEV"
)

// The observation windows of G.8273.2, in seconds: at constant temperature, and the longest of all.
const (
	observation     = 1000.0
	observationLong = 10000.0
)

// Limit is the bound of one number.
type Limit struct {
	Of       string   `json:"of"` // what is bounded: "T-BC class C"
	Metric   Metric   `json:"metric"`
	NS       float64  `json:"ns"`
	WindowS  float64  `json:"windowSeconds"` // observation window; 0 where none is known
	Source   string   `json:"source"`
	Standing Standing `json:"standing"`
}

// Mask is the bound of a curve over the observation interval.
type Mask struct {
	Of       string    `json:"of"`
	Metric   Metric    `json:"metric"`
	Segments []Segment `json:"segments"` // ascending, without gaps
	Source   string    `json:"source"`
	Standing Standing  `json:"standing"`
}

// Segment bounds intervals above From up to To (seconds) by Offset + Slope*tau (ns).
type Segment struct {
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Offset float64 `json:"offset"`
	Slope  float64 `json:"slope,omitempty"`
}

// At is the bound at an observation interval in seconds, and whether the mask has one there.
func (m Mask) At(tau float64) (float64, bool) {
	for _, s := range m.Segments {
		if tau > s.From && tau <= s.To {
			return s.Offset + s.Slope*tau, true
		}
	}
	return 0, false
}

// Verdict is how a curve stands against a mask.
type Verdict struct {
	Points  int     // points of the curve at which the mask has a bound
	Worst   Point   // the point that uses most of its bound
	Bound   float64 // the bound there, ns
	Used    float64 // Worst.NS / Bound; above 1 the curve crosses the mask
	Passed  bool    // at least one point was compared and none is above its bound
	Reading string  // one sentence with the figures, the source and the standing
}

// Judge compares a curve with the mask. A curve that has no point where the mask has a bound does not pass.
func (m Mask) Judge(curve []Point) Verdict {
	var v Verdict
	for _, p := range curve {
		bound, ok := m.At(p.Tau)
		if !ok || math.IsNaN(p.NS) {
			continue
		}
		if used := p.NS / bound; v.Points == 0 || used > v.Used {
			v.Worst, v.Bound, v.Used = p, bound, used
		}
		v.Points++
	}
	v.Passed = v.Points > 0 && v.Used <= 1
	v.Reading = fmt.Sprintf("%s of %s: %.3g ns at %.3g s, bound %.3g ns [%s, %s]", m.Metric, m.Of, v.Worst.NS, v.Worst.Tau, v.Bound, m.Source, m.Standing)
	if v.Points == 0 {
		v.Reading = fmt.Sprintf("%s of %s: no observation interval in common with the mask [%s, %s]", m.Metric, m.Of, m.Source, m.Standing)
	}
	return v
}
