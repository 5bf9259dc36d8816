package specs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func failoverSpecs() []Spec {
	return slices.Concat(oneClockSpecs(), dualFollowerSpecs(), disturbanceSpecs(), highAvailabilitySpecs())
}

// oneClockSpecs are of a clock whose link goes down.
func oneClockSpecs() []Spec {
	return []Spec{{
		Area:     AreaFailover,
		Name:     "holds over without its upstream link and comes back",
		Subjects: func(inv sut.Inventory) []sut.Instance { return withPorts(inv, func(n int) bool { return n == 1 }) },
		Check:    checkHoldover,
	}, {
		Area:     AreaFailover,
		Name:     "fails over to its other upstream link and stays locked",
		Subjects: func(inv sut.Inventory) []sut.Instance { return withPorts(inv, func(n int) bool { return n > 1 }) },
		Check:    checkOtherPort,
	}}
}

// withPorts lists the clocks under test by how many receive ports they have.
func withPorts(inv sut.Inventory, fits func(int) bool) []sut.Instance {
	return slices.DeleteFunc(underTest(inv), func(i sut.Instance) bool { return !fits(len(i.ReceivePorts)) })
}

// checkHoldover takes the only upstream link of a clock down: HOLDOVER must follow, FREERUN after the time-out, and with
// the link up again the clock must find back to where it was.
func checkHoldover(ctx context.Context, t *Test) error {
	if err := t.mayTakeDown(t.Subject, t.Subject.ReceivePorts...); err != nil {
		return err
	}
	before, err := t.baseline(ctx)
	if err != nil {
		return err
	}
	port := sut.PortRef{Node: t.Subject.Node, Interface: t.Subject.ReceivePorts[0]}
	if err := t.linkDown(ctx, port); err != nil {
		return err
	}
	if err := t.checkStates(ctx, port); err != nil {
		return err
	}
	return t.comeBack(ctx, port, before)
}

// checkStates waits for HOLDOVER and FREERUN, each at its time.
func (t *Test) checkStates(ctx context.Context, port sut.PortRef) error {
	took, err := t.untilState(ctx, port, metrics.Holdover, t.Settings.HoldoverWithin)
	if err != nil {
		return err
	}
	t.measureSeconds("link down to HOLDOVER", took)
	took, err = t.untilState(ctx, port, metrics.FreeRun, t.Settings.Holdover+t.Settings.HoldoverWithin)
	if err != nil {
		return err
	}
	t.measureSeconds("HOLDOVER to FREERUN", took)
	if took+t.holdoverPoll() < t.Settings.Holdover-time.Second {
		return lookAt(fmt.Errorf("%s was in FREERUN %s after HOLDOVER had shown, expected after about %s, its holdOverTimeout", t.Subject, took, t.Settings.Holdover),
			"the clock thresholds of the profile of "+t.Subject.String(), process(t.Subject))
	}
	return nil
}

// checkOtherPort takes down the link that a clock takes its time from: another receive port must take over with the clock
// still locked, and with the link up again all must be well.
func checkOtherPort(ctx context.Context, t *Test) error {
	if err := t.mayTakeDown(t.Subject, t.Subject.ReceivePorts...); err != nil {
		return err
	}
	before, err := t.baseline(ctx)
	if err != nil {
		return err
	}
	set, err := t.scrape(ctx, t.Subject.Node)
	if err != nil {
		return err
	}
	active, err := activePort(set, t.Subject)
	if err != nil {
		return err
	}
	port := sut.PortRef{Node: t.Subject.Node, Interface: active}
	if err := t.linkDown(ctx, port); err != nil {
		return err
	}
	subject := fmt.Sprintf("%s to be locked on another port than %s, with that FAULTY, after its link was set down", t.Subject, port)
	took, err := t.until(ctx, subject, t.Settings.LockWithin, t.otherPortProbe(active))
	if err != nil {
		return lookAt(err, t.linkPlaces(port)...)
	}
	t.measureSeconds("link down to locked on the other port", took)
	return t.comeBack(ctx, port, before)
}

// otherPortProbe looks whether the subject is locked, the given receive port is FAULTY and another one SLAVE.
func (t *Test) otherPortProbe(down string) wait.Probe {
	locked := t.lockedProbe(t.Subject)
	return func(ctx context.Context) (bool, string, error) {
		set, err := t.scrape(ctx, t.Subject.Node)
		if err != nil {
			return false, "", err
		}
		role, err := set.Role(t.Subject.Node, down)
		if err != nil {
			return false, "", err
		}
		if role != metrics.RoleFaulty {
			return false, fmt.Sprintf("%s is %s, not FAULTY", down, role), nil
		}
		return locked(ctx)
	}
}

// baseline waits for the subject to be locked and returns its true error, ns; nil where the system does not know it. The fail-over
// specs hold a clock to where it was before; whether that was right is for the accuracy area.
func (t *Test) baseline(ctx context.Context) (*float64, error) {
	if err := t.needSync(t.Subject); err != nil {
		return nil, err
	}
	if _, err := t.untilLocked(ctx, t.Subject); err != nil {
		return nil, err
	}
	return t.errorNow(ctx)
}

// errorNow is the true error of the subject against its grandmaster, ns; nil where the system does not know it.
func (t *Test) errorNow(ctx context.Context) (*float64, error) {
	truth, err := t.truth()
	if errors.As(err, new(Skipped)) {
		return nil, nil
	}
	pairs, err := t.pairs(ctx, []sut.Instance{t.Subject})
	if err != nil {
		return nil, err
	}
	now, err := t.sample(ctx, truth, pairs)
	if err != nil {
		return nil, err
	}
	return &now[0], nil
}

// mayTakeDown skips a check that would take down an interface of an instance that the settings exclude.
func (t *Test) mayTakeDown(i sut.Instance, interfaces ...string) error {
	for _, name := range interfaces {
		if slices.Contains(t.Settings.SkipInterfaces, name) {
			return Skipped(fmt.Sprintf("interface %s of %s must not be taken down, by the settings", name, i))
		}
	}
	return nil
}

// linkDown takes a link down and sees to it that it comes up again whatever happens. One that the settings exclude stays as it is.
func (t *Test) linkDown(ctx context.Context, port sut.PortRef) error {
	if slices.Contains(t.Settings.SkipInterfaces, port.Interface) {
		return Skipped(fmt.Sprintf("%s must not be taken down, by the settings", port))
	}
	t.Cleanup(fmt.Sprintf("set link %s up", port), func(ctx context.Context) error { return t.System.SetLink(ctx, port, true) })
	if err := t.System.SetLink(ctx, port, false); err != nil {
		return fmt.Errorf("set link %s down: %w", port, err)
	}
	return nil
}

// holdoverPoll looks often enough to see HOLDOVER before it is over.
func (t *Test) holdoverPoll() time.Duration { return min(t.Settings.Poll, t.Settings.Holdover/5) }

// untilState waits until a receive port is FAULTY and its clock in the given state.
func (t *Test) untilState(ctx context.Context, port sut.PortRef, want metrics.ClockState, deadline time.Duration) (time.Duration, error) {
	subject := fmt.Sprintf("%s to be in %s with port %s FAULTY, after its link was set down", t.Subject, want, port)
	took, err := wait.Until(ctx, t.System, subject, deadline, t.holdoverPoll(), func(ctx context.Context) (bool, string, error) {
		set, err := t.scrape(ctx, port.Node)
		if err != nil {
			return false, "", err
		}
		role, err := set.Role(port.Node, port.Interface)
		if err != nil {
			return false, "", err
		}
		state, err := set.ClockState(port.Node, port.Interface)
		if err != nil {
			return false, "", err
		}
		return role == metrics.RoleFaulty && state == want, fmt.Sprintf("port %s, clock %s", role, state), nil
	})
	return took, lookAt(err, t.linkPlaces(port)...)
}

// linkPlaces tells where to look when a change of a link does not have the effect that it should.
func (t *Test) linkPlaces(port sut.PortRef) []string {
	return []string{
		"the carrier at both ends of " + t.cable(port),
		"whether the metrics of " + port.Node + " change at all",
		process(t.Subject),
	}
}

// comeBack takes the link up and waits until the subject is locked, no receive port is faulty and the true error back to what it was before.
func (t *Test) comeBack(ctx context.Context, port sut.PortRef, before *float64) error {
	if err := t.System.SetLink(ctx, port, true); err != nil {
		return fmt.Errorf("set link %s up: %w", port, err)
	}
	subject := fmt.Sprintf("%s to be as before for %s, that is, %s", t.Subject, t.Settings.LockedFor, t.locked())
	if before != nil {
		subject += fmt.Sprintf(", true error up to %g ns from what it was", t.Settings.TrueErrorBound)
	}
	subject += fmt.Sprintf(", after link %s was set up again", port)
	probe := wait.Holding(t.System, t.Settings.LockedFor, t.recoveredProbe(port, before))
	took, err := t.until(ctx, subject, t.Settings.LockWithin, probe)
	if err != nil {
		return lookAt(err, append(t.linkPlaces(port), "whether the delay of the cable is what it was")...)
	}
	t.measureSeconds("link up to locked again", max(0, took-t.Settings.LockedFor))
	return nil
}

// recoveredProbe looks whether the subject is locked, a port of it is not FAULTY and the true error what it was before.
func (t *Test) recoveredProbe(port sut.PortRef, before *float64) wait.Probe {
	up := func(ctx context.Context) (bool, string, error) {
		set, err := t.scrape(ctx, port.Node)
		if err != nil {
			return false, "", err
		}
		role, err := set.Role(port.Node, port.Interface)
		if err != nil || role == metrics.RoleFaulty {
			return false, fmt.Sprintf("%s is still FAULTY", port), err
		}
		return true, "", nil
	}
	return both(t.lockedProbe(t.Subject), up, t.errorProbe(before))
}

// errorProbe looks whether the true error of the subject is what it was before. Where it is not known, it is.
func (t *Test) errorProbe(before *float64) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		if before == nil {
			return true, "", nil
		}
		now, err := t.errorNow(ctx)
		if err != nil {
			return false, "", err
		}
		return math.Abs(*now-*before) <= t.Settings.TrueErrorBound, fmt.Sprintf("true error %+.0f ns, before %+.0f ns", *now, *before), nil
	}
}
