package specs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/soak"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func soakSpecs() []Spec {
	return []Spec{{
		Area:  AreaSoak,
		Name:  "the clocks under test and the OS clocks that follow them keep their sync",
		Slow:  true,
		Check: checkKeepsSync,
	}, {
		Area:  AreaSoak,
		Name:  "nothing happens: offsets and true errors stay within bounds, servos locked, programs up",
		Slow:  true,
		Check: checkSteady,
	}, {
		Area:  AreaSoak,
		Name:  "the PTP pods stay below the limits of their CPU use",
		Needs: []Need{NeedLoads},
		Slow:  true,
		Check: checkCPU,
	}}
}

// soakEnabled skips a soak test that nobody has asked for.
func (t *Test) soakEnabled(test settings.SoakTest, key, flag string) error {
	if t.Settings.Soak.DisableAll {
		return Skipped("soaktest.disable_all of the configuration file, or --soak-disable-all, turns every soak test off")
	}
	if !test.Enable {
		return Skipped(fmt.Sprintf("not asked for: %s in the configuration file, or --%s, turns it on", key, flag))
	}
	if test.Duration <= 0 {
		return fmt.Errorf("%s.duration, or --%s-duration, is %s: a soak takes some time", strings.TrimSuffix(key, ".enable"), flag, test.Duration)
	}
	return nil
}

// clockSyncEnabled skips a soak test of clocks that nobody has asked for.
func (t *Test) clockSyncEnabled() error {
	return t.soakEnabled(t.Settings.Soak.ClockSync, "soaktest.slave_clock_sync.spec.enable", "soak-sync")
}

// failedAlready says whether a spec of an area has failed in this run, whatever its subject.
func (t *Test) failedAlready(area string) bool {
	if t.Failed(area, "") {
		return true
	}
	for _, i := range t.Inventory.Instances {
		if t.Failed(area, i.Name) {
			return true
		}
	}
	return false
}

// wellBefore waits until clocks are locked and, where the system knows it, their true errors within bounds. If they are not, and an
// area has failed that may have left them so, the soak is skipped: it would only show the same again.
func (t *Test) wellBefore(ctx context.Context, clocks []sut.Instance) error {
	if err := t.needSync(clocks...); err != nil {
		return err
	}
	err := t.untilWell(ctx, clocks)
	if err == nil || ctx.Err() != nil {
		return err
	}
	for _, area := range []string{AreaSecurity, AreaRestart, AreaOutage, AreaFailover, AreaClockClass, AreaProfiles, AreaEvents, AreaMetrics, AreaAccuracy, AreaPath} {
		if t.failedAlready(area) {
			return Skipped(fmt.Sprintf("the clocks are not well, see %s", area))
		}
	}
	return err
}

func (t *Test) untilWell(ctx context.Context, clocks []sut.Instance) error {
	for _, i := range clocks {
		if _, err := t.untilLocked(ctx, i); err != nil {
			return err
		}
	}
	truth, err := t.truth()
	if errors.As(err, new(Skipped)) {
		return nil
	}
	pairs, err := t.pairs(ctx, clocks)
	if err != nil {
		return err
	}
	var off map[string]bool
	subject := fmt.Sprintf("every clock to be within %g ns of its grandmaster for %s before the soak", t.Settings.TrueErrorBound, t.Settings.LockedFor)
	_, err = t.until(ctx, subject, t.Settings.LockWithin, wait.Holding(t.System, t.Settings.LockedFor, t.withinProbe(truth, pairs, &off)))
	return lookAt(err, t.beginnings(ctx, off)...)
}

// soakLook looks at the system at an instant and says in a few words how things stand. Done ends the soak before its time.
type soakLook func(ctx context.Context, at time.Time) (done bool, standing string, err error)

// soak lets time pass in steps, looks after each and tells how far it is. pass lets a step pass.
func (t *Test) soak(ctx context.Context, total, step time.Duration, pass func(context.Context, time.Duration) error, look soakLook) error {
	start, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	teller := teller{t: t, total: total, begun: time.Now(), told: time.Now()}
	for passed := time.Duration(0); passed < total; {
		if err := pass(ctx, min(step, total-passed)); err != nil {
			return err
		}
		now, err := t.System.Now(ctx)
		if err != nil {
			return err
		}
		done, standing, err := look(ctx, now)
		if done || err != nil {
			return err
		}
		passed = now.Sub(start)
		teller.tell(passed, standing)
	}
	return nil
}

// teller tells how far a soak is, not more often than people want to read.
type teller struct {
	t           *Test
	total       time.Duration
	begun, told time.Time // on the wall clock
	passed      time.Duration
}

const (
	tellLeast = 2 * time.Second // between two lines, on the wall clock
	tellMost  = time.Minute     // without a line, on the wall clock
	tellPart  = 20              // lines there are otherwise
)

func (l *teller) tell(passed time.Duration, standing string) {
	quiet := time.Since(l.told)
	if quiet < tellLeast || quiet < tellMost && passed-l.passed < l.total/tellPart {
		return
	}
	l.told, l.passed = time.Now(), passed
	l.t.progress("%s of %s: %s", passed.Round(time.Second), l.total, standing)
}

// threshold is how many failures fail a soak test.
func (t *Test) threshold(test settings.SoakTest) int64 {
	return cmp.Or(max(test.FailureThreshold, 0), max(t.Settings.Soak.FailureThreshold, 0), 1)
}

// plotPoints is how many points a curve of a plot has at most.
const plotPoints = 1000

// curves collect what a plot of a clock shows.
type curves struct {
	name              string
	offset, trueError *record.Series
}

func newCurves(name string) *curves {
	return &curves{name, record.NewSeries(plotPoints), record.NewSeries(plotPoints)}
}

// attachPlot keeps the curves of a clock, with its losses of sync.
func (t *Test) attachPlot(c *curves, losses []soak.Loss, end time.Time) {
	plot := &Plot{Clock: c.name, Low: t.Settings.MinOffset, High: t.Settings.MaxOffset, Offset: points(c.offset), TrueError: points(c.trueError)}
	if len(plot.TrueError) > 0 {
		plot.Bound = t.Settings.TrueErrorBound
	}
	for _, l := range losses {
		if l.Until.IsZero() {
			l.Until = end
		}
		plot.Losses = append(plot.Losses, PlotLoss{l.From, l.Until, l.State})
	}
	t.attach(Attachment{Name: "time error of " + c.name, Plot: plot})
}

func points(s *record.Series) []PlotPoint {
	var all []PlotPoint
	for _, p := range s.Points {
		if !math.IsNaN(p.NS) && !math.IsInf(p.NS, 0) { // JSON has no word for them
			all = append(all, PlotPoint{p.At, p.NS})
		}
	}
	return all
}
