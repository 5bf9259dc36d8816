package specs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// A clock that is stepped shows whether its metrics move.
const (
	kickTimes     = 50                     // how far it is stepped, in bounds of the offset: ptp4l needs seconds to get over it
	kickSeen      = 10                     // the part of the step, 1/kickSeen, that metrics must show
	kickWithin    = 5 * time.Second        // how soon
	kickPoll      = 100 * time.Millisecond // between two looks: what is left of the step halves in half a second
	kickLookEarly = time.Second            // lines of so long before a step may be told by metrics just after it
)

// kick steps the clock of an instance with phc_ctl(8), as no time transmitter would, and returns by how many ns.
func (t *Test) kick(ctx context.Context, i sut.Instance, iface string) (float64, error) {
	ns := kickTimes * max(math.Abs(t.Settings.MinOffset), math.Abs(t.Settings.MaxOffset))
	argv := []string{"phc_ctl", iface, "adj", strconv.FormatFloat(ns/1e9, 'f', 9, 64)}
	result, err := t.System.Exec(ctx, i.Node, argv)
	if err != nil || result.Exit == 127 {
		return 0, Skipped(fmt.Sprintf("%s has no phc_ctl to step the clock of %s", i.Node, iface))
	}
	if result.Exit != 0 {
		return 0, fmt.Errorf("step the clock of %s on %s: phc_ctl: exit status %d: %s", iface, i.Node, result.Exit, strings.TrimSpace(result.Stderr))
	}
	return ns, nil
}

// checkFollows steps the subject's clock: its metrics must tell the very offset that ptp4l's log tells, and that it goes
// away again. An exporter that repeats a good time is found out.
func checkFollows(ctx context.Context, t *Test) error {
	if err := needConfig(t.Subject); err != nil {
		return err
	}
	if err := t.needSync(receivers(t.Inventory)...); err != nil {
		return err
	}
	seen, err := t.moves(ctx, t.Subject)
	if err != nil {
		return err
	}
	if err := t.sameAsLog(ctx, t.Subject, seen); err != nil {
		return lookAt(err, process(t.Subject), "what else writes the metrics of "+t.Subject.Node)
	}
	return t.allLocked(ctx)
}

// moved is a sight of metrics that have moved.
type moved struct {
	offset float64   // as the metric tells it, ns
	since  time.Time // what was written from here on may be what it tells
	until  time.Time
}

// moves steps the clock of an instance and sees its offset and frequency move in the metrics.
func (t *Test) moves(ctx context.Context, i sut.Instance) (moved, error) {
	if _, err := t.until(ctx, i.String()+" to be locked", t.Settings.LockWithin, t.lockedProbe(i)); err != nil {
		return moved{}, err
	}
	before, err := t.measurement(ctx, i)
	if err != nil {
		return moved{}, err
	}
	start, err := t.System.Now(ctx)
	if err != nil {
		return moved{}, err
	}
	ns, err := t.kick(ctx, i, before.iface)
	if err != nil {
		return moved{}, err
	}
	found := moved{since: start.Add(-kickLookEarly)}
	subject := fmt.Sprintf("the metrics of %s to show that its clock was stepped by %g ns: an offset of %g ns or more, and a changed frequency", i, ns, ns/kickSeen)
	_, err = wait.Until(ctx, t.System, subject, kickWithin, kickPoll, func(ctx context.Context) (bool, string, error) {
		now, err := t.measurement(ctx, i)
		if err != nil {
			return false, "", err
		}
		text := fmt.Sprintf("offset %g ns, frequency %g ppb, before %g ns, %g ppb", now.offset, now.frequency, before.offset, before.frequency)
		found.offset = now.offset
		return math.Abs(now.offset) >= ns/kickSeen && now.frequency != before.frequency, text, nil
	})
	if err != nil {
		return found, lookAt(err, "whether the metrics of "+i.Node+" change at all", process(i))
	}
	found.until, err = t.System.Now(ctx)
	return found, err
}

// measured is what a node's metrics tell of a clock at one time.
type measured struct {
	iface             string
	offset, frequency float64 // ns, ppb
}

func (t *Test) measurement(ctx context.Context, i sut.Instance) (measured, error) {
	set, err := t.scrape(ctx, i.Node)
	if err != nil {
		return measured{}, err
	}
	active, err := activePort(set, i)
	if err != nil {
		return measured{}, err
	}
	from := map[string]string{"from": "master"}
	offset, err1 := set.OfClock(metrics.Prefix+"offset_ns", "ptp4l", i.Node, active, from)
	frequency, err2 := set.OfClock(metrics.Prefix+"frequency_adjustment_ns", "ptp4l", i.Node, active, from)
	return measured{active, offset, frequency}, errors.Join(err1, err2)
}

// sameAsLog looks for the offset that metrics have told among those that ptp4l has logged then. Where the log is filtered or not
// kept there is nothing to compare.
func (t *Test) sameAsLog(ctx context.Context, i sut.Instance, seen moved) error {
	lines, err := t.logs(ctx, i.Node, path.Base(i.Config), seen.since)
	if errors.As(err, new(Skipped)) {
		return nil
	}
	if err != nil {
		return err
	}
	var logged []string
	for _, l := range lines {
		ns, ok := loggedOffset(l.Text)
		if !ok || l.At.After(seen.until.Add(kickPoll)) {
			continue
		}
		if float64(ns) == seen.offset {
			return nil
		}
		logged = append(logged, strconv.FormatInt(ns, 10))
	}
	if len(logged) == 0 {
		return nil
	}
	return fmt.Errorf("%soffset_ns of %s was %g ns, which its ptp4l has not measured; it has logged %s ns", metrics.Prefix, i, seen.offset, strings.Join(logged, ", "))
}

// allLocked waits until all time receivers are locked, and have been for a while.
func (t *Test) allLocked(ctx context.Context) error {
	all := receivers(t.Inventory)
	probe := func(ctx context.Context) (bool, string, error) {
		for _, i := range all {
			if done, seen, err := t.lockedProbe(i)(ctx); err != nil || !done {
				return false, fmt.Sprintf("%s: %s", i, seen), err
			}
		}
		return true, "all are", nil
	}
	subject := fmt.Sprintf("all time receivers to be locked for %s, that is, %s", t.Settings.LockedFor, t.locked())
	_, err := t.until(ctx, subject, t.Settings.LockWithin, wait.Holding(t.System, t.Settings.LockedFor, probe))
	return err
}
