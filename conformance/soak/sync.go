package soak

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// The states of a clock that PTP steers, as events and metrics tell them.
const (
	Locked   = "LOCKED"
	Holdover = "HOLDOVER"
	FreeRun  = "FREERUN"
)

// Change is a state that a clock has from an instant on.
type Change struct {
	At    time.Time
	State string
}

// Loss is a time in which a clock that had been LOCKED was not.
type Loss struct {
	From  time.Time
	Until time.Time // zero: it still lasts
	State string    // HOLDOVER or FREERUN, the first of them
}

// Clock counts how often a clock loses its sync: how often it leaves LOCKED for HOLDOVER or FREERUN. HOLDOVER that ends in FREERUN is
// one loss. What comes before the first LOCKED does not count, and a state of another name says nothing of sync.
type Clock struct {
	Name    string // "CLOCK_REALTIME of w1"
	Changes []Change
	Losses  []Loss
	Locked  bool // it has been at least once

	lost bool
}

// See takes a state; ascending in time. It says whether a loss begins with it.
func (c *Clock) See(at time.Time, state string) (lost bool) {
	if n := len(c.Changes); n == 0 || c.Changes[n-1].State != state {
		c.Changes = append(c.Changes, Change{at, state})
	}
	switch state {
	case Locked:
		if c.lost {
			c.Losses[len(c.Losses)-1].Until = at
		}
		c.Locked, c.lost = true, false
	case Holdover, FreeRun:
		if c.Locked && !c.lost {
			c.Losses = append(c.Losses, Loss{From: at, State: state})
			c.lost = true
			return true
		}
	}
	return false
}

// State is the present one; "" if none was seen.
func (c *Clock) State() string {
	if len(c.Changes) == 0 {
		return ""
	}
	return c.Changes[len(c.Changes)-1].State
}

// Untold lists the changes that one source showed of a clock of which another, that should have told them, says otherwise for a
// time of slack before and after. The state that a source begins with stands for all time before.
func Untold(shown, told []Change, slack time.Duration) []Change {
	return slices.DeleteFunc(slices.Clone(shown), func(c Change) bool {
		return was(told, c.State, c.At.Add(-slack), c.At.Add(slack))
	})
}

// was says whether a clock was in a state at some time between two instants.
func was(changes []Change, state string, from, to time.Time) bool {
	for n, c := range changes {
		begins := n == 0 || !c.At.After(to)
		ended := n+1 < len(changes) && changes[n+1].At.Before(from)
		if c.State == state && begins && !ended {
			return true
		}
	}
	return false
}

// JudgeSync holds clocks to what the test asks: each has been LOCKED, and none has lost its sync threshold times or more. A threshold
// below 1 stands for 1.
func JudgeSync(clocks []*Clock, threshold int64, start time.Time) []error {
	var faults []error
	for _, c := range clocks {
		switch {
		case !c.Locked:
			faults = append(faults, fmt.Errorf("%s was never %s: %s", c.Name, Locked, c.history(start)))
		case int64(len(c.Losses)) >= cmp.Or(max(threshold, 0), 1):
			faults = append(faults, fmt.Errorf("%s lost its sync %s, which fails at %d: %s", c.Name, times(len(c.Losses)), cmp.Or(max(threshold, 0), 1), c.losses(start)))
		}
	}
	return faults
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// shown is how many items a list in a message has.
const shown = 5

// history is the end of a clock's states in words.
func (c *Clock) history(start time.Time) string {
	if len(c.Changes) == 0 {
		return "nothing told of its state"
	}
	var texts []string
	for _, one := range c.Changes {
		texts = append(texts, one.State+" "+After(start, one.At))
	}
	return list(texts)
}

func (c *Clock) losses(start time.Time) string {
	var texts []string
	for _, l := range c.Losses {
		text := l.State + " " + After(start, l.From)
		if !l.Until.IsZero() {
			text += fmt.Sprintf(" for %s", l.Until.Sub(l.From).Round(time.Millisecond))
		}
		texts = append(texts, text)
	}
	return list(texts)
}

// After says how long after the start of a test something was: "at 1m2.5s".
func After(start, at time.Time) string { return "at " + at.Sub(start).Round(time.Millisecond).String() }

// list is the beginning of a list in one line.
func list(texts []string) string {
	text := ""
	for n, one := range texts[:min(len(texts), shown)] {
		if n > 0 {
			text += ", "
		}
		text += one
	}
	if more := len(texts) - shown; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}
