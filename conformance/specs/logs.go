package specs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func logsSpecs() []Spec {
	return []Spec{{
		Area:     AreaLogs,
		Name:     "does not log what its stdoutFilter matches, and its metrics move all the same",
		Needs:    []Need{NeedConfigure, NeedLogs},
		Subjects: firstConfigured,
		Check:    checkFilter,
	}, {
		Area:     AreaLogs,
		Name:     "does not log offsets with logReduce basic, and its metrics move all the same",
		Needs:    []Need{NeedConfigure, NeedLogs},
		Subjects: firstConfigured,
		Check:    checkBasic,
	}, {
		Area:     AreaLogs,
		Name:     "logs summaries of offsets with logReduce enhanced, and large offsets in full",
		Needs:    []Need{NeedConfigure, NeedLogs},
		Subjects: firstConfigured,
		Check:    checkEnhanced,
	}}
}

const (
	logWindow = 3 * time.Second // of log that is looked at: ptp4l logs an offset with each Sync, or at least each second
	// filterText is a stdoutFilter that matches what ptp4l logs of its measurements.
	filterText = `offset +-?[0-9]+ s[0-3] freq|rms +[0-9]+ max`
)

// What logReduce enhanced is tried with.
const (
	reduceEvery   = 2 * time.Second  // between two summaries
	reduceFor     = 10 * time.Second // how long they are counted
	reduceDefault = 30 * time.Second // between two summaries, if the setting does not say
)

// checkFilter sees the lines go that a stdoutFilter matches.
func checkFilter(ctx context.Context, t *Test) error {
	return t.filtered(ctx, "stdoutFilter", filterText, func(line string) bool {
		_, ok := loggedOffset(line)
		return ok
	})
}

// checkBasic sees the lines go that tell an offset from the master.
func checkBasic(ctx context.Context, t *Test) error {
	return t.filtered(ctx, "logReduce", "basic", func(line string) bool { return strings.Contains(line, "master offset") })
}

// filtered sets one of the subject's ptpSettings and sees that lines are not logged any more while metrics move; without the setting they
// are logged again.
func (t *Test) filtered(ctx context.Context, key, value string, drops func(line string) bool) error {
	if err := t.needSync(receivers(t.Inventory)...); err != nil {
		return err
	}
	e, err := t.editable(ctx, t.Subject)
	if err != nil {
		return err
	}
	if err := t.untilLogged(ctx, "without "+key, drops); err != nil {
		return err
	}
	if err := e.set(ctx, key, value); err != nil {
		return err
	}
	what := fmt.Sprintf("with %s %q", key, value)
	if err := t.untilQuiet(ctx, what, drops); err != nil {
		return err
	}
	if err := t.movesUnseen(ctx, what, drops); err != nil {
		return err
	}
	return t.unfiltered(ctx, e, drops)
}

// unfiltered puts the object back and waits until lines are logged again and all clocks are locked.
func (t *Test) unfiltered(ctx context.Context, e *edit, drops func(line string) bool) error {
	if err := e.restore(ctx); err != nil {
		return err
	}
	if e.original.Spec.Profile[e.profile].PtpSettings["stdoutFilter"] == "" && e.original.Spec.Profile[e.profile].PtpSettings["logReduce"] == "" {
		if err := t.untilLogged(ctx, "with the profile as it was", drops); err != nil {
			return err
		}
	}
	return t.allLocked(ctx)
}

// movesUnseen steps the subject's clock: metrics must tell it, the log must not.
func (t *Test) movesUnseen(ctx context.Context, what string, drops func(line string) bool) error {
	start, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	if _, err := t.moves(ctx, t.Subject); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	lines, err := t.matching(ctx, start, drops)
	if err != nil {
		return err
	}
	if len(lines) > 0 {
		return fmt.Errorf("%s, %d lines of %s were logged that should be left out when its clock was stepped, the first: %s", what, len(lines), t.Subject, lines[0].Text)
	}
	return nil
}

// matching are the subject's lines since an instant for which a condition holds.
func (t *Test) matching(ctx context.Context, since time.Time, holds func(line string) bool) ([]sut.LogLine, error) {
	lines, err := t.logs(ctx, t.Subject.Node, path.Base(t.Subject.Config), since)
	if err != nil {
		return nil, err
	}
	var found []sut.LogLine
	for _, l := range lines {
		if holds(l.Text) {
			found = append(found, l)
		}
	}
	return found, nil
}

// untilLogged waits until lines are logged for which a condition holds.
func (t *Test) untilLogged(ctx context.Context, what string, holds func(line string) bool) error {
	subject := fmt.Sprintf("%s to log its offsets %s", t.Subject, what)
	_, err := t.until(ctx, subject, t.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
		found, err := t.recent(ctx, holds)
		return len(found) > 0, fmt.Sprintf("%d lines in %s", len(found), logWindow), err
	})
	return lookAt(err, process(t.Subject), "stdoutFilter and logReduce of its profile")
}

// untilQuiet waits until the subject is locked and for a time no line is logged for which a condition holds.
func (t *Test) untilQuiet(ctx context.Context, what string, holds func(line string) bool) error {
	locked := t.lockedProbe(t.Subject)
	subject := fmt.Sprintf("%s to be locked and log no offsets for %s %s", t.Subject, logWindow, what)
	_, err := t.until(ctx, subject, t.Settings.LockWithin, wait.Holding(t.System, logWindow, func(ctx context.Context) (bool, string, error) {
		done, seen, err := locked(ctx)
		if err != nil || !done {
			return false, seen, err
		}
		found, err := t.recent(ctx, holds)
		return len(found) == 0, fmt.Sprintf("%d lines in %s", len(found), logWindow), err
	}))
	return lookAt(err, "what applies the ptpSettings on "+t.Subject.Node)
}

// recent are the lines of the last moment for which a condition holds.
func (t *Test) recent(ctx context.Context, holds func(line string) bool) ([]sut.LogLine, error) {
	now, err := t.System.Now(ctx)
	if err != nil {
		return nil, err
	}
	return t.matching(ctx, now.Add(-logWindow), holds)
}

// summaryLine matches what linuxptp-daemon writes in place of offsets:
//
//	ptp4l[1788394724.219]: [ptp4l.1.config:6] master offset summary: cnt=161, min=-12, max=10, avg=0.70, SD=4.48
var summaryLine = regexp.MustCompile(`offset summary: cnt=(\d{1,9}), min=(-?\d{1,15}), max=(-?\d{1,15}), avg=(-?[\d.]{1,20}|NaN), SD=([\d.]{1,20}|NaN)`)

// summary is what a summary line tells.
type summary struct {
	count          int
	least, largest float64 // ns
}

// parseSummary reads a summary line.
func parseSummary(line string) (summary, bool) {
	m := summaryLine.FindStringSubmatch(line)
	if m == nil {
		return summary{}, false
	}
	var s summary
	var errs [4]error
	var mean float64
	s.count, errs[0] = strconv.Atoi(m[1])
	s.least, errs[1] = strconv.ParseFloat(m[2], 64)
	s.largest, errs[2] = strconv.ParseFloat(m[3], 64)
	mean, errs[3] = strconv.ParseFloat(m[4], 64)
	const rounding = 0.01
	return s, errors.Join(errs[:]...) == nil && s.count > 0 && s.least-rounding <= mean && mean <= s.largest+rounding
}

// inFull says whether a line tells one measured offset, and which.
func inFull(line string) (float64, bool) {
	if !offsetLine.MatchString(line) {
		return 0, false
	}
	ns, ok := loggedOffset(line)
	return float64(ns), ok
}

// checkEnhanced sees summaries in place of offsets, at the interval that the setting says, and an offset beyond its threshold in
// full.
func checkEnhanced(ctx context.Context, t *Test) error {
	if err := t.needSync(receivers(t.Inventory)...); err != nil {
		return err
	}
	e, err := t.editable(ctx, t.Subject)
	if err != nil {
		return err
	}
	anyOffset := func(line string) bool { _, ok := inFull(line); return ok }
	if err := t.untilLogged(ctx, "without logReduce", anyOffset); err != nil {
		return err
	}
	threshold := kickTimes / kickSeen * max(math.Abs(t.Settings.MinOffset), math.Abs(t.Settings.MaxOffset))
	value := fmt.Sprintf("enhanced %s %.0f", reduceEvery, threshold)
	if err := e.set(ctx, "logReduce", value); err != nil {
		return err
	}
	if err := t.untilQuiet(ctx, "with logReduce "+value, anyOffset); err != nil {
		return err
	}
	if err := t.summaries(ctx, value, reduceFor, reduceEvery); err != nil {
		return err
	}
	if err := t.largeInFull(ctx, value, threshold); err != nil {
		return err
	}
	if err := e.set(ctx, "logReduce", "enhanced"); err != nil {
		return err
	}
	if err := t.untilQuiet(ctx, "with logReduce enhanced", anyOffset); err != nil {
		return err
	}
	if err := t.summaries(ctx, "enhanced", reduceDefault+reduceEvery, reduceDefault); err != nil {
		return err
	}
	return t.unfiltered(ctx, e, anyOffset)
}

// summaries lets time pass and counts the summaries logged in it, which must come at an interval; no offset may be logged in full.
func (t *Test) summaries(ctx context.Context, value string, duration, interval time.Duration) error {
	start, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	if err := t.System.Sleep(ctx, duration); err != nil {
		return err
	}
	lines, err := t.logs(ctx, t.Subject.Node, path.Base(t.Subject.Config), start)
	if err != nil {
		return err
	}
	count := 0
	for _, l := range lines {
		if _, full := inFull(l.Text); full {
			return fmt.Errorf("with logReduce %s %s logs an offset in full: %s", value, t.Subject, l.Text)
		}
		if !strings.Contains(l.Text, "offset summary:") {
			continue
		}
		if _, ok := parseSummary(l.Text); !ok {
			return fmt.Errorf("with logReduce %s %s logs a summary that does not add up: %s", value, t.Subject, l.Text)
		}
		count++
	}
	// A summary comes with the first offset after its interval is over, so that there may be fewer, but not many.
	expected := float64(duration) / float64(interval)
	if low, high := max(1, math.Floor(expected*2/3)), math.Ceil(expected)+1; float64(count) < low || float64(count) > high {
		return lookAt(fmt.Errorf("with logReduce %s %s logged %d summaries of its offsets in %s, expected one each %s", value, t.Subject, count, duration, interval),
			"what applies the ptpSettings on "+t.Subject.Node)
	}
	return nil
}

// largeInFull steps the subject's clock: offsets beyond the threshold must be logged in full, others not.
func (t *Test) largeInFull(ctx context.Context, value string, threshold float64) error {
	start, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	if _, err := t.moves(ctx, t.Subject); err != nil {
		return fmt.Errorf("with logReduce %s: %w", value, err)
	}
	lines, err := t.logs(ctx, t.Subject.Node, path.Base(t.Subject.Config), start)
	if err != nil {
		return err
	}
	large := 0
	for _, l := range lines {
		ns, full := inFull(l.Text)
		switch {
		case full && math.Abs(ns) <= threshold:
			return fmt.Errorf("with logReduce %s %s logs an offset of %g ns in full: %s", value, t.Subject, ns, l.Text)
		case full:
			large++
		}
	}
	if large == 0 {
		return fmt.Errorf("with logReduce %s %s logged no offset in full when its clock was stepped beyond %g ns", value, t.Subject, threshold)
	}
	return nil
}
