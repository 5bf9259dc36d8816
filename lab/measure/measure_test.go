package measure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// nist is the phase record of the 1000-point data set of NIST SP1065 clause 12.4: frequency data from the generator
// n' = 16807 n mod (2^31-1), n0 = 1234567890, each divided by the modulus, summed up to 1001 phases.
func nist() []float64 {
	const modulus = 1<<31 - 1
	x := make([]float64, 1, 1001)
	for n := 1234567890; len(x) < 1001; n = 16807 * n % modulus {
		x = append(x, x[len(x)-1]+float64(n)/modulus)
	}
	return x
}

func TestTDEVOfNISTData(t *testing.T) {
	for n, want := range map[int]string{1: "0.168720", 10: "0.356362", 100: "1.253382"} {
		if got := fmt.Sprintf("%.6f", TDEV(nist(), n)); got != want {
			t.Errorf("TDEV over %d = %s, want %s", n, got, want)
		}
	}
}

// noise is a random walk with white noise on it.
func noise(n int, seed uint64) []int64 {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]int64, n)
	var walk float64
	for i := range x {
		walk += r.NormFloat64()
		x[i] = int64(walk + 20*r.NormFloat64())
	}
	return x
}

func TestMTIEAgainstEveryWindow(t *testing.T) {
	for seed := range uint64(5) {
		x := noise(300+int(seed), seed)
		for n := range len(x) + 2 {
			var want int64
			for i := 0; n > 0 && i+n < len(x); i++ {
				want = max(want, slices.Max(x[i:i+n+1])-slices.Min(x[i:i+n+1]))
			}
			if got := MTIE(x, n); got != want {
				t.Fatalf("seed %d: MTIE over %d = %d, want %d", seed, n, got, want)
			}
		}
	}
}

func TestMTIEOfLongSeriesReusesItsQueue(t *testing.T) {
	const n = 10000
	rising := make([]int64, n)
	for i := range rising {
		rising[i] = int64(i)
	}
	for _, window := range []int{1, 7, 5000} {
		if got := MTIE(rising, window); got != int64(window) {
			t.Errorf("MTIE over %d of a ramp = %d", window, got)
		}
	}
}

func TestTDEVAgainstItsDefinition(t *testing.T) {
	x := noise(200, 7)
	for n := 1; n <= 66; n++ {
		var sum float64
		for j := range len(x) - 3*n + 1 {
			var inner float64
			for i := j; i < j+n; i++ {
				inner += float64(x[i+2*n] - 2*x[i+n] + x[i])
			}
			sum += inner * inner
		}
		want := math.Sqrt(sum / float64(6*n*n*(len(x)-3*n+1)))
		if got := TDEV(x, n); math.Abs(got-want) > 1e-9*want {
			t.Errorf("TDEV over %d = %v, want %v", n, got, want)
		}
	}
	if got := TDEV(x, 67); !math.IsNaN(got) {
		t.Errorf("TDEV of too short a series = %v, want NaN", got)
	}
}

func TestPlainNumbers(t *testing.T) {
	x := []int64{-7, 3, 1, -1}
	if got := MaxAbs(x); got != 7 {
		t.Errorf("MaxAbs = %d", got)
	}
	if got := Mean(x); got != -1 {
		t.Errorf("Mean = %v", got)
	}
	if got := RMS(x); math.Abs(got-math.Sqrt(15)) > 1e-12 {
		t.Errorf("RMS = %v", got)
	}
	if got := PeakToPeak(x); got != 10 {
		t.Errorf("PeakToPeak = %d", got)
	}
	var none []int64
	if MaxAbs(none) != 0 || PeakToPeak(none) != 0 || !math.IsNaN(Mean(none)) || MTIE(none, 1) != 0 {
		t.Error("no samples are not handled")
	}
}

func TestConstantTE(t *testing.T) {
	s := Series{Tau0: time.Second, TE: []int64{0, 0, 10, 20, -30, -30, -30, 5}}
	for _, test := range []struct {
		window time.Duration
		want   float64
	}{{time.Second, -30}, {2 * time.Second, -30}, {3 * time.Second, -30}, {4 * time.Second, -85.0 / 4}, {8 * time.Second, -55.0 / 8}} {
		if got, err := s.ConstantTE(test.window); err != nil || got != test.want {
			t.Errorf("over %v = %v, %v, want %v", test.window, got, err, test.want)
		}
	}
	if _, err := s.ConstantTE(9 * time.Second); err == nil {
		t.Error("a window longer than the series is accepted")
	}
}

func TestLowPassStep(t *testing.T) {
	const rate = 16
	s := Series{Tau0: time.Second / rate, TE: make([]int64, 100*rate)}
	for i := 1; i < len(s.TE); i++ {
		s.TE[i] = 1000
	}
	y := s.LowPass(Cutoff)
	// The answer of a first-order low-pass to a step, at whole seconds: 1 - exp(-2 pi f t).
	for _, second := range []int{1, 2, 5, 20} {
		want := 1000 * (1 - math.Exp(-2*math.Pi*Cutoff*float64(second)))
		if got := y[second*rate]; math.Abs(got-want) > 1e-9*want {
			t.Errorf("after %d s: %v, want %v", second, got, want)
		}
	}
	if y[0] != 0 {
		t.Error("the filter is not causal")
	}
}

// TestFiltersShareTheCorner: at the corner frequency a first-order filter passes 1/sqrt(2) either way.
func TestFiltersShareTheCorner(t *testing.T) {
	const rate, amplitude = 160, 1e6
	s := Series{Tau0: time.Second / rate, TE: make([]int64, 200*rate)}
	for i := range s.TE {
		s.TE[i] = int64(math.Round(amplitude * math.Sin(2*math.Pi*Cutoff*float64(i)/rate)))
	}
	settled := 100 * rate
	for name, y := range map[string][]float64{"low": s.LowPass(Cutoff), "high": s.DynamicHigh()} {
		if got := PeakToPeak(y[settled:]) / (2 * amplitude); math.Abs(got-math.Sqrt2/2) > 0.003 {
			t.Errorf("%s-pass at the corner passes %.4f, want %.4f", name, got, math.Sqrt2/2)
		}
	}
}

func TestDynamicParts(t *testing.T) {
	s := Series{Tau0: time.Second / 16, TE: noise(5000, 3)}
	low := s.DynamicLow()
	if got := Mean(low); math.Abs(got) > 1e-9 {
		t.Errorf("mean of dTE_L = %v, want 0", got)
	}
	high, filtered := s.DynamicHigh(), s.LowPass(Cutoff)
	for i := range high {
		if math.Abs(high[i]+filtered[i]-float64(s.TE[i])) > 1e-9 {
			t.Fatal("low and high part do not add up")
		}
	}
	if s.Duration() != 4999*time.Second/16 {
		t.Errorf("Duration = %v", s.Duration())
	}
}

// TestAsymmetryIsConstantError is the case that ptp4l itself cannot see: 200 ns of asymmetry give cTE 100 ns.
func TestAsymmetryIsConstantError(t *testing.T) {
	s := Series{Tau0: time.Second / 16, TE: noise(16*1000, 5)}
	mean := int64(math.Round(Mean(s.TE)))
	for i := range s.TE {
		s.TE[i] += 100 - mean
	}
	got, err := s.ConstantTE(1000 * time.Second)
	if err != nil || math.Abs(got-100) > 0.5 {
		t.Errorf("cTE = %v, %v, want 100", got, err)
	}
}

func TestIntervals(t *testing.T) {
	if got := Intervals(0); got != nil {
		t.Errorf("Intervals(0) = %v", got)
	}
	got := Intervals(57599)
	if got[0] != 1 || got[len(got)-1] != 57599 || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("Intervals = %v", got)
	}
}

func TestMasksHaveNoStepsAndSources(t *testing.T) {
	for _, m := range Masks() {
		if m.Source == "" || (m.Standing != Cited && m.Standing != Unverified) {
			t.Errorf("%s of %s has no source or standing", m.Metric, m.Of)
		}
		for i := 1; i < len(m.Segments); i++ {
			a, b := m.Segments[i-1], m.Segments[i]
			if a.To != b.From {
				t.Errorf("%s of %s: gap at %v s", m.Metric, m.Of, a.To)
			}
			before, after := a.Offset+a.Slope*a.To, b.Offset+b.Slope*a.To
			if math.Abs(after-before) > 0.01*before {
				t.Errorf("%s of %s: step from %v to %v ns at %v s", m.Metric, m.Of, before, after, a.To)
			}
		}
	}
	for _, l := range Limits() {
		if l.Source == "" || l.NS <= 0 || (l.Standing != Cited && l.Standing != Unverified) {
			t.Errorf("limit %+v lacks something", l)
		}
	}
}

func TestJudge(t *testing.T) {
	mask := Mask{Of: "x", Metric: MetricMTIE, Source: "test", Standing: Unverified, Segments: []Segment{{From: 0.1, To: 10, Offset: 5, Slope: 1}}}
	for _, test := range []struct {
		name   string
		curve  []Point
		passed bool
		used   float64
		points int
	}{
		{"inside", []Point{{1, 3}, {10, 9}}, true, 0.6, 2},
		{"on the mask", []Point{{1, 6}}, true, 1, 1},
		{"above", []Point{{1, 3}, {10, 30}}, false, 2, 2},
		{"beside", []Point{{0.1, 3}, {11, 3}}, false, 0, 0},
		{"not a number", []Point{{1, math.NaN()}}, false, 0, 0},
		{"empty", nil, false, 0, 0},
	} {
		v := mask.Judge(test.curve)
		if v.Passed != test.passed || math.Abs(v.Used-test.used) > 1e-12 || v.Points != test.points {
			t.Errorf("%s: %+v", test.name, v)
		}
	}
	if got, want := mask.Judge([]Point{{10, 30}}).Reading, "MTIE of x: 30 ns at 10 s, bound 15 ns [test, unverified]"; got != want {
		t.Errorf("Reading = %q, want %q", got, want)
	}
}

// BenchmarkHour is everything for one hour at 16 samples a second.
func BenchmarkHour(b *testing.B) {
	s := Series{Tau0: time.Second / 16, TE: noise(3600*16, 1)}
	for b.Loop() {
		low := s.DynamicLow()
		MTIECurve(low, s.Tau0)
		TDEVCurve(low, s.Tau0)
		PeakToPeak(s.DynamicHigh())
		if _, err := s.ConstantTE(1000 * time.Second); err != nil {
			b.Fatal(err)
		}
	}
}
