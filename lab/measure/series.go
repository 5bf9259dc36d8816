// Package measure computes what the standards say of a clock from its true time error. Time errors are nanoseconds,
// observation intervals seconds; positive means that the clock is ahead (ITU-T G.810, G.8260).
package measure

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Series is the true time error of one clock, sampled at a steady rate.
type Series struct {
	Tau0 time.Duration // time between two samples
	TE   []int64       // ns
}

// Duration is the time from the first sample to the last.
func (s Series) Duration() time.Duration {
	return time.Duration(max(0, len(s.TE)-1)) * s.Tau0
}

// Number is what a sample can be: a raw time error, or a filtered one.
type Number interface{ ~int64 | ~float64 }

// MaxAbs is max|TE|, the greatest magnitude of x (G.8260 clause 3.1); 0 of no samples.
func MaxAbs[T Number](x []T) T {
	var greatest T
	for _, v := range x {
		greatest = max(greatest, v, -v)
	}
	return greatest
}

// Mean is the arithmetic mean; NaN of no samples. It loses nothing while the sum fits in 53 bits.
func Mean[T Number](x []T) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}

// RMS is the root of the mean square; NaN of no samples.
func RMS[T Number](x []T) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// PeakToPeak is the greatest sample less the smallest; 0 of no samples.
func PeakToPeak[T Number](x []T) T {
	if len(x) == 0 {
		return 0
	}
	return slices.Max(x) - slices.Min(x)
}

// ConstantTE is cTE: the mean over a window (1000 s in G.8273.2). Of the windows that fit in the series, it is the
// mean of the greatest magnitude, with its sign. The error says that the series is shorter than the window.
func (s Series) ConstantTE(window time.Duration) (float64, error) {
	n := int(window / s.Tau0)
	if n < 1 || n > len(s.TE) {
		return 0, fmt.Errorf("constant time error over %v: series of %d samples %v apart does not fill the window", window, len(s.TE), s.Tau0)
	}
	var sum int64
	for _, v := range s.TE[:n] {
		sum += v
	}
	worst := sum
	for i := n; i < len(s.TE); i++ {
		sum += s.TE[i] - s.TE[i-n]
		if max(sum, -sum) > max(worst, -worst) {
			worst = sum
		}
	}
	return float64(worst) / float64(n), nil
}

// Cutoff is the corner frequency that G.8273.2 sets between low and high frequency noise, in Hz.
const Cutoff = 0.1

// LowPass is TE_L: x through a causal first-order low-pass filter with the given corner frequency in Hz. It starts
// settled at the first sample; the first sample's noise is gone after a few times 1/(2 pi cutoff). (A filter that is
// run forwards and backwards has no phase shift but hides up to half of MTIE.)
func (s Series) LowPass(cutoff float64) []float64 {
	y := make([]float64, len(s.TE))
	if len(y) == 0 {
		return y
	}
	gain := -math.Expm1(-2 * math.Pi * cutoff * s.Tau0.Seconds())
	state := float64(s.TE[0])
	for i, v := range s.TE {
		state += gain * (float64(v) - state)
		y[i] = state
	}
	return y
}

// DynamicLow is dTE_L: the low-passed time error less its mean.
func (s Series) DynamicLow() []float64 {
	y := s.LowPass(Cutoff)
	mean := Mean(y)
	for i := range y {
		y[i] -= mean
	}
	return y
}

// DynamicHigh is dTE_H: what the low-pass takes away, which is x through the first-order high-pass of the same corner.
func (s Series) DynamicHigh() []float64 {
	y := s.LowPass(Cutoff)
	for i, v := range s.TE {
		y[i] = float64(v) - y[i]
	}
	return y
}
