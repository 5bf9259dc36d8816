package specs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func syncSpecs() []Spec {
	return []Spec{{
		Area:     AreaSync,
		Name:     "locks to its time transmitter",
		Subjects: receivers,
		Check:    checkLocks,
	}, {
		Area:     AreaSync,
		Name:     "has one port SLAVE and its others ready to take over",
		Modes:    []Mode{DualFollower},
		Subjects: func(inv sut.Inventory) []sut.Instance { return withPorts(inv, func(n int) bool { return n > 1 }) },
		Check:    checkReady,
	}}
}

// checkLocks waits until the node's metrics show the subject locked, and keep showing it.
func checkLocks(ctx context.Context, t *Test) error {
	took, err := t.untilLocked(ctx, t.Subject)
	if err != nil {
		return err
	}
	t.measureSeconds("time until locked", max(0, took-t.Settings.LockedFor))
	set, err := t.scrape(ctx, t.Subject.Node)
	if err != nil {
		return err
	}
	active, err := activePort(set, t.Subject)
	if err != nil {
		return err
	}
	offset, err := set.Offset(t.Subject.Node, active)
	if err != nil {
		return err
	}
	t.Measured(Measurement{Name: "offset as ptp4l measures it", Value: offset, Unit: "ns"})
	return nil
}

// untilLocked waits until an instance has been locked for a while, and returns how long that took.
func (t *Test) untilLocked(ctx context.Context, i sut.Instance) (time.Duration, error) {
	probe := wait.Holding(t.System, t.Settings.LockedFor, t.lockedProbe(i))
	subject := fmt.Sprintf("%s to be locked for %s, that is, %s", i, t.Settings.LockedFor, t.locked())
	took, err := t.until(ctx, subject, t.Settings.LockWithin, probe)
	return took, lookAt(err, append([]string{process(i)}, t.upstreams(i)...)...)
}

// locked says what a locked clock is.
func (t *Test) locked() string {
	return fmt.Sprintf("one receive port SLAVE, clock LOCKED, offset from %g to %g ns", t.Settings.MinOffset, t.Settings.MaxOffset)
}

// lockedProbe looks whether an instance is locked: exactly one receive port is SLAVE, all transmit ports are MASTER, the clock is
// LOCKED and its offset within bounds.
func (t *Test) lockedProbe(i sut.Instance) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		set, err := t.scrape(ctx, i.Node)
		if err != nil {
			return false, "", err
		}
		active, err := activePort(set, i)
		if err != nil {
			return false, "", err
		}
		if seen, ok, err := transmits(set, i); !ok || err != nil {
			return false, seen, err
		}
		state, err := set.ClockState(i.Node, active)
		if err != nil {
			return false, "", err
		}
		offset, err := set.Offset(i.Node, active)
		if err != nil {
			return false, "", err
		}
		seen := fmt.Sprintf("%s SLAVE, clock %s, offset %g ns", active, state, offset)
		return state == metrics.Locked && t.Settings.MinOffset <= offset && offset <= t.Settings.MaxOffset, seen, nil
	}
}

// checkReady waits until a clock with several receive ports has one that is SLAVE while the others hear the grandmaster, or at least
// listen for it: PASSIVE or LISTENING.
func checkReady(ctx context.Context, t *Test) error {
	subject := fmt.Sprintf("%s to have one receive port SLAVE and each other PASSIVE or LISTENING for %s", t.Subject, t.Settings.LockedFor)
	_, err := t.until(ctx, subject, t.Settings.LockWithin, wait.Holding(t.System, t.Settings.LockedFor, t.readyProbe(t.Subject)))
	return lookAt(err, append([]string{process(t.Subject)}, t.upstreams(t.Subject)...)...)
}

// readyProbe looks whether exactly one receive port of an instance is SLAVE and each other could be.
func (t *Test) readyProbe(i sut.Instance) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		set, err := t.scrape(ctx, i.Node)
		if err != nil {
			return false, "", err
		}
		active, err := activePort(set, i)
		if err != nil {
			return false, "", err
		}
		seen, ready := active+" SLAVE", true
		for _, port := range i.ReceivePorts {
			role, err := set.Role(i.Node, port)
			if err != nil {
				return false, "", err
			}
			if port != active {
				seen += fmt.Sprintf(", %s %s", port, role)
				ready = ready && (role == metrics.RolePassive || role == metrics.RoleListening)
			}
		}
		return ready, seen, nil
	}
}

func (t *Test) scrape(ctx context.Context, node string) (metrics.Set, error) {
	text, err := t.System.Metrics(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("scrape %s: %w", node, err)
	}
	set, err := metrics.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("scrape %s: %w", node, err)
	}
	return set, nil
}

// activePort is the one receive port that is SLAVE. It is an error if there is none or more than one.
func activePort(set metrics.Set, i sut.Instance) (string, error) {
	var slaves, roles []string
	for _, port := range i.ReceivePorts {
		role, err := set.Role(i.Node, port)
		if err != nil {
			return "", err
		}
		if role == metrics.RoleSlave {
			slaves = append(slaves, port)
		}
		roles = append(roles, fmt.Sprintf("%s %s", port, role))
	}
	if len(slaves) != 1 {
		return "", fmt.Errorf("receive ports %s: exactly one must be SLAVE", strings.Join(roles, ", "))
	}
	return slaves[0], nil
}

// transmits says whether all transmit ports are MASTER, and if not, what was seen.
func transmits(set metrics.Set, i sut.Instance) (string, bool, error) {
	for _, port := range i.TransmitPorts {
		role, err := set.Role(i.Node, port)
		if err != nil {
			return "", false, err
		}
		if role != metrics.RoleMaster {
			return fmt.Sprintf("transmit port %s is %s, not MASTER", port, role), false, nil
		}
	}
	return "", true, nil
}
