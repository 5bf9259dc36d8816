package specs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func accuracySpecs() []Spec {
	return []Spec{{
		Area:  AreaAccuracy,
		Name:  "every clock stays with its grandmaster",
		Needs: []Need{NeedTruth},
		Check: checkAccuracy,
	}}
}

// checkAccuracy measures the true error of every receiving clock, those of the switches included, against its
// grandmaster's clock. What ptp4l thinks of itself plays no part.
func checkAccuracy(ctx context.Context, t *Test) error {
	if err := t.needSync(receivers(t.Inventory)...); err != nil {
		return err
	}
	truth, err := t.truth()
	if err != nil {
		return err
	}
	pairs, err := t.pairs(ctx, slices.DeleteFunc(slices.Clone(t.Inventory.Instances), func(i sut.Instance) bool { return !i.IsReceiver() }))
	if err != nil {
		return err
	}
	bound := t.Settings.TrueErrorBound
	subject := fmt.Sprintf("every clock to be within %g ns of its grandmaster for %s", bound, t.Settings.LockedFor)
	var off map[string]bool
	probe := wait.Holding(t.System, t.Settings.LockedFor, t.withinProbe(truth, pairs, &off))
	if _, err := t.until(ctx, subject, t.Settings.LockWithin, probe); err != nil {
		return lookAt(err, t.beginnings(ctx, off)...)
	}
	series, err := t.measure(ctx, truth, pairs)
	if err != nil {
		return err
	}
	t.Measured(Measurement{Name: "max |TE| of all clocks", Value: largest(series), Unit: "ns"})
	var faults []error
	off = map[string]bool{}
	for n, p := range pairs {
		fault := t.judge(p, series[n])
		off[p.clock.Name] = fault != nil
		faults = append(faults, fault)
	}
	return lookAt(errors.Join(faults...), t.beginnings(ctx, off)...)
}

// pair is a clock and the grandmaster that it is measured against.
type pair struct {
	clock, grandmaster sut.Instance
}

// truth is the system's knowledge of its true time error.
func (t *Test) truth() (sut.Truth, error) {
	truth, ok := sut.As[sut.Truth](t.System)
	if !ok {
		return nil, Skipped("this system does not know the true error of its clocks")
	}
	return truth, nil
}

// pairs finds the grandmaster of each clock.
func (t *Test) pairs(ctx context.Context, clocks []sut.Instance) ([]pair, error) {
	var pairs []pair
	for _, clock := range clocks {
		grandmaster, err := t.grandmaster(ctx, clock)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{clock, grandmaster})
	}
	return pairs, nil
}

// withinProbe looks whether every clock is within the bound at this instant, and notes the names of those that are not.
func (t *Test) withinProbe(truth sut.Truth, pairs []pair, off *map[string]bool) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		*off = map[string]bool{}
		errorsNs, err := t.sample(ctx, truth, pairs)
		if err != nil {
			return false, "", err
		}
		var seen []string
		for n, p := range pairs {
			if !(math.Abs(errorsNs[n]) <= t.Settings.TrueErrorBound) {
				(*off)[p.clock.Name] = true
				seen = append(seen, fmt.Sprintf("%s is off by %+.0f ns", p.clock, errorsNs[n]))
			}
		}
		return len(seen) == 0, strings.Join(seen, ", "), nil
	}
}

// sample is the true error of each clock against its grandmaster's at this instant, ns.
func (t *Test) sample(ctx context.Context, truth sut.Truth, pairs []pair) ([]float64, error) {
	series, err := truth.TrueError(ctx, pairPorts(pairs), 0, t.Settings.MeasureEvery)
	if err != nil {
		return nil, fmt.Errorf("measure true errors: %w", err)
	}
	differences, err := subtract(pairs, series, 1)
	if err != nil {
		return nil, err
	}
	var now []float64
	for _, d := range differences {
		now = append(now, d[0].ErrorNs)
	}
	return now, nil
}

// measure samples the true error of each clock against its grandmaster's for the time that the settings ask for.
func (t *Test) measure(ctx context.Context, truth sut.Truth, pairs []pair) ([][]sut.Sample, error) {
	series, err := truth.TrueError(ctx, pairPorts(pairs), t.Settings.MeasureFor, t.Settings.MeasureEvery)
	if err != nil {
		return nil, fmt.Errorf("measure true errors: %w", err)
	}
	return subtract(pairs, series, int(t.Settings.MeasureFor/t.Settings.MeasureEvery))
}

// pairPorts lists the clocks' ports, then the grandmasters'.
func pairPorts(pairs []pair) []sut.PortRef {
	var ports []sut.PortRef
	for _, p := range pairs {
		ports = append(ports, p.clock.ClockPort())
	}
	for _, p := range pairs {
		ports = append(ports, p.grandmaster.ClockPort())
	}
	return ports
}

// subtract takes the grandmasters' errors from the clocks', sample by sample. It is an error if there are fewer samples than least.
func subtract(pairs []pair, series []sut.Series, least int) ([][]sut.Sample, error) {
	if len(series) != 2*len(pairs) {
		return nil, fmt.Errorf("measure true errors: %d series for %d ports", len(series), 2*len(pairs))
	}
	var differences [][]sut.Sample
	for n, p := range pairs {
		clock, grandmaster := series[n].Samples, series[len(pairs)+n].Samples
		if len(clock) < least || len(clock) != len(grandmaster) {
			return nil, fmt.Errorf("measure true errors: %d samples of %s and %d of %s, expected %d", len(clock), p.clock, len(grandmaster), p.grandmaster, least)
		}
		var difference []sut.Sample
		for k := range clock {
			difference = append(difference, sut.Sample{At: clock[k].At, ErrorNs: clock[k].ErrorNs - grandmaster[k].ErrorNs})
		}
		differences = append(differences, difference)
	}
	return differences, nil
}

// largest is the largest |true error| of all clocks, ns.
func largest(series [][]sut.Sample) float64 {
	found := 0.0
	for _, samples := range series {
		for _, s := range samples {
			found = max(found, math.Abs(s.ErrorNs))
		}
	}
	return found
}

// judge reports the extremes of one clock's true error and holds them to the bound.
func (t *Test) judge(p pair, samples []sut.Sample) error {
	worst, sum, outside := samples[0], 0.0, 0
	for _, s := range samples {
		sum += s.ErrorNs
		if !(math.Abs(s.ErrorNs) <= math.Abs(worst.ErrorNs)) {
			worst = s
		}
		if !(math.Abs(s.ErrorNs) <= t.Settings.TrueErrorBound) {
			outside++
		}
	}
	t.Measured(Measurement{Name: "max |TE| of " + p.clock.String(), Value: math.Abs(worst.ErrorNs), Unit: "ns"})
	t.Measured(Measurement{Name: "cTE of " + p.clock.String(), Value: sum / float64(len(samples)), Unit: "ns"})
	if outside > 0 {
		return fmt.Errorf("true error of %s against %s: %+.0f ns at its worst, %s into the measurement of %s, bound %g ns; outside are %d of %d samples, one every %s",
			p.clock, p.grandmaster, worst.ErrorNs, worst.At, t.Settings.MeasureFor, t.Settings.TrueErrorBound, outside, len(samples), t.Settings.MeasureEvery)
	}
	return nil
}
