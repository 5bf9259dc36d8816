package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/soak"
	"github.com/ptplab/ptplab/conformance/sut"
)

// LoadInterval is implemented by a sut.Loads whose CPU times are collected at an interval, such as a cluster's by the Prometheus that scrapes
// cAdvisor. A rate over less than two intervals does not exist.
type LoadInterval interface {
	LoadInterval(ctx context.Context) (time.Duration, error)
}

// The pace of the CPU test.
const (
	cpuEvery      = time.Minute      // between two measurements, or a fifth of the duration if that is less
	cpuTries      = 10               // of a measurement that gives nothing, each with a longer window
	cpuTryAfter   = time.Second      // before the next try
	cpuWiden      = 10 * time.Second // by which the window grows
	cpuFaultTries = 3                // of a measurement that fails
	cpuFaultAfter = 10 * time.Second // before the next try
)

// checkCPU measures the CPU use of the PTP pods once a minute for the duration of the test, and counts how often a node, a pod or a container
// has reached its limit. It fails when there were as many as the threshold says.
func checkCPU(ctx context.Context, t *Test) error {
	s := t.Settings.Soak
	if err := t.soakEnabled(s.CPU, "soaktest.cpu_utilization.spec.enable", "soak-cpu"); err != nil {
		return err
	}
	limits := soak.Limits{Node: s.CPUNode, Pods: s.CPUPods}
	if limits.Node <= 0 && len(limits.Pods) == 0 {
		return errors.New("no limit is given, so nothing can be over it: set node.cpu_threshold_mcores or pod in soaktest.cpu_utilization.spec.custom_params, or --soak-cpu-node or --soak-cpu-pods")
	}
	w, err := t.newCPUWatch(ctx, limits)
	if err != nil {
		return err
	}
	if err := w.pass(ctx, w.window); err != nil { // until then a rate covers what was before
		return err
	}
	w.start = w.last
	if err := t.soak(ctx, s.CPU.Duration, min(cpuEvery, s.CPU.Duration/5), w.pass, w.look); err != nil {
		return err
	}
	return w.verdict()
}

// cpuWatch measures CPU use.
type cpuWatch struct {
	t         *Test
	loads     sut.Loads
	limits    soak.Limits
	start     time.Time
	last      time.Time // of the last measurement's begin
	window    time.Duration
	threshold int64
	measured  int
	breaches  []soak.Breach
	highest   []soak.Usage
	unmet     map[string]int // how often a limit had nothing to hold to
}

// newCPUWatch sees that CPU use can be measured, and how.
func (t *Test) newCPUWatch(ctx context.Context, limits soak.Limits) (*cpuWatch, error) {
	w := &cpuWatch{t: t, limits: limits, window: t.Settings.Soak.CPUWindow, threshold: t.threshold(t.Settings.Soak.CPU), unmet: map[string]int{}}
	w.loads, _ = sut.As[sut.Loads](t.System)
	if collected, ok := w.loads.(LoadInterval); ok {
		interval, err := collected.LoadInterval(ctx)
		if err != nil {
			return nil, fmt.Errorf("how often CPU use is collected: %w", err)
		}
		if longer := soak.Window(w.window, interval); longer != w.window {
			t.progress("CPU use is collected every %s, so the window is %s instead of %s", interval, longer, w.window)
			w.window = longer
		}
	}
	var err error
	if w.last, err = t.System.Now(ctx); err != nil {
		return nil, err
	}
	var unavailable *sut.UnavailableError
	if _, err := w.loads.Loads(ctx, w.window); errors.As(err, &unavailable) {
		return nil, err // better said at once than after the window
	}
	return w, nil
}

// pass sleeps until a time after the last measurement began: some systems measure for the whole of the window.
func (w *cpuWatch) pass(ctx context.Context, d time.Duration) error {
	now, err := w.t.System.Now(ctx)
	if err != nil {
		return err
	}
	if left := w.last.Add(d).Sub(now); left > 0 {
		if err := w.t.System.Sleep(ctx, left); err != nil {
			return err
		}
	}
	w.last, err = w.t.System.Now(ctx)
	return err
}

// look measures once. It is done when the threshold is reached.
func (w *cpuWatch) look(ctx context.Context, at time.Time) (done bool, standing string, err error) {
	loads, err := w.measure(ctx)
	if err != nil {
		return false, "", err
	}
	usages, without := w.limits.Usages(loads)
	for _, what := range without {
		w.unmet[what]++
	}
	w.measured++
	w.note(usages)
	for _, b := range soak.Breaches(at, usages) {
		w.breaches = append(w.breaches, b)
		w.t.note(at, "", "%s", b.String(w.start))
	}
	return int64(len(w.breaches)) >= w.threshold, fmt.Sprintf("%d times over a limit, the test fails at %d", len(w.breaches), w.threshold), nil
}

// measure gives the loads, after some tries if need be.
func (w *cpuWatch) measure(ctx context.Context) ([]sut.Load, error) {
	window, faults := w.window, 0
	for empty := 0; ; {
		loads, err := w.loads.Loads(ctx, window)
		after := cpuTryAfter
		switch {
		case err == nil && len(loads) > 0:
			return loads, nil
		case errors.As(err, new(*sut.UnavailableError)):
			return nil, err
		case err != nil:
			after = cpuFaultAfter
			if faults++; faults == cpuFaultTries {
				return nil, fmt.Errorf("measure CPU use, %d tries: %w", faults, err)
			}
		default:
			window += cpuWiden
			if empty++; empty == cpuTries {
				return nil, fmt.Errorf("measure CPU use: nothing was measured in %d tries, the last over %s", empty, window-cpuWiden)
			}
		}
		if err := w.t.System.Sleep(ctx, after); err != nil {
			return nil, err
		}
	}
}

// note keeps the highest use of each thing that has a limit.
func (w *cpuWatch) note(usages []soak.Usage) {
	for _, u := range usages {
		n := slices.IndexFunc(w.highest, func(h soak.Usage) bool { return h.What == u.What })
		if n < 0 {
			w.highest = append(w.highest, u)
		} else if u.Millicores > w.highest[n].Millicores {
			w.highest[n] = u
		}
	}
}

func (w *cpuWatch) verdict() error {
	for _, u := range w.highest {
		w.t.Measured(Measurement{Name: "highest CPU use of " + u.What, Value: u.Millicores, Unit: "mcores"})
	}
	if int64(len(w.breaches)) >= w.threshold {
		return lookAt(fmt.Errorf("CPU use was over a limit in %d cases, which fails at %d: %s", len(w.breaches), w.threshold, soak.BreachList(w.breaches, w.start)),
			"top in the containers", "the log levels of the profiles")
	}
	return w.compared()
}

// compared sees that every limit was held to something. A system that is no cluster has no operator, so there limits may be without.
func (w *cpuWatch) compared() error {
	var never []string
	for what, n := range w.unmet {
		if n == w.measured {
			never = append(never, what)
		}
	}
	slices.Sort(never)
	if len(never) == 0 {
		return nil
	}
	text := fmt.Sprintf("nothing was measured that these limits are for: %s", strings.Join(never, ", "))
	if _, cluster := sut.As[sut.Cluster](w.t.System); cluster {
		return errors.New(text)
	}
	if len(w.highest) == 0 {
		return Skipped(text)
	}
	w.t.progress("%s", text)
	return nil
}
