package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// dualFollowerSpecs are of a clock that loses all that it can take time from.
func dualFollowerSpecs() []Spec {
	return []Spec{{
		Area:     AreaFailover,
		Name:     "holds over with all its upstream links down and takes whichever comes back first",
		Modes:    []Mode{DualFollower},
		Subjects: func(inv sut.Inventory) []sut.Instance { return withPorts(inv, func(n int) bool { return n > 1 }) },
		Check:    checkAllPortsDown,
	}, {
		Area:     AreaFailover,
		Name:     "holds over without its grandmaster and locks again when it is back",
		Modes:    []Mode{OC, DualFollower},
		Needs:    []Need{NeedConfigure},
		Subjects: withConfiguredGrandmaster,
		Check:    checkGrandmasterLost,
	}}
}

// withConfiguredGrandmaster lists the clocks under test if every grandmaster has a PtpConfig, which can be deleted. An external one
// has none.
func withConfiguredGrandmaster(inv sut.Inventory) []sut.Instance {
	for _, i := range inv.Instances {
		if i.Type == sut.Grandmaster && i.Object == "" {
			return nil
		}
	}
	return underTest(inv)
}

// checkAllPortsDown takes all upstream links down: HOLDOVER, then FREERUN must follow. The link that comes up first, which is not the
// one that the clock had used, must be enough to lock; the other then makes it as it was.
func checkAllPortsDown(ctx context.Context, t *Test) error {
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
	used := sut.PortRef{Node: t.Subject.Node, Interface: active}
	other := sut.PortRef{Node: t.Subject.Node, Interface: t.Subject.ReceivePorts[0]}
	if other == used {
		other.Interface = t.Subject.ReceivePorts[1]
	}
	for _, port := range t.Subject.ReceivePorts {
		if err := t.linkDown(ctx, sut.PortRef{Node: t.Subject.Node, Interface: port}); err != nil {
			return err
		}
	}
	if err := t.coasts(ctx, "all its links were set down", metrics.RoleFaulty); err != nil {
		return err
	}
	if err := t.System.SetLink(ctx, other, true); err != nil {
		return fmt.Errorf("set link %s up: %w", other, err)
	}
	subject := fmt.Sprintf("%s to be locked on %s, with %s FAULTY, after only the link of the first was set up again", t.Subject, other, used)
	took, err := t.until(ctx, subject, t.Settings.LockWithin, t.otherPortProbe(active))
	if err != nil {
		return lookAt(err, t.linkPlaces(other)...)
	}
	t.measureSeconds("first link up to locked", took)
	for _, port := range t.Subject.ReceivePorts {
		if err := t.System.SetLink(ctx, sut.PortRef{Node: t.Subject.Node, Interface: port}, true); err != nil {
			return fmt.Errorf("set link %s up: %w", port, err)
		}
	}
	if err := t.comeBack(ctx, used, before); err != nil {
		return err
	}
	_, err = t.until(ctx, fmt.Sprintf("%s to have its other ports ready again", t.Subject), t.Settings.LockWithin, t.readyProbe(t.Subject))
	return lookAt(err, t.linkPlaces(other)...)
}

// coasts waits until all receive ports of the subject have one of the roles and the clock is in HOLDOVER, then in FREERUN.
func (t *Test) coasts(ctx context.Context, after string, roles ...metrics.Role) error {
	for _, step := range []struct {
		state    metrics.ClockState
		deadline time.Duration
		name     string
	}{
		{metrics.Holdover, t.Settings.HoldoverWithin, "lost to HOLDOVER"},
		{metrics.FreeRun, t.Settings.Holdover + t.Settings.HoldoverWithin, "HOLDOVER to FREERUN"},
	} {
		subject := fmt.Sprintf("%s to be in %s with every receive port %s, after %s", t.Subject, step.state, oneOf(roles), after)
		took, err := wait.Until(ctx, t.System, subject, step.deadline, t.holdoverPoll(), t.portsProbe(t.Subject, step.state, roles...))
		if err != nil {
			return lookAt(err, append([]string{process(t.Subject), "whether the metrics of " + t.Subject.Node + " change at all"}, t.upstreams(t.Subject)...)...)
		}
		t.measureSeconds(step.name, took)
	}
	return nil
}

// portsProbe looks whether every receive port of an instance has one of the roles and its clock the state.
func (t *Test) portsProbe(i sut.Instance, want metrics.ClockState, roles ...metrics.Role) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		set, err := t.scrape(ctx, i.Node)
		if err != nil {
			return false, "", err
		}
		state, err := set.ClockState(i.Node, i.ReceivePorts[0])
		if err != nil {
			return false, "", err
		}
		done, seen := state == want, "clock "+state.String()
		for _, port := range i.ReceivePorts {
			role, err := set.Role(i.Node, port)
			if err != nil {
				return false, "", err
			}
			done = done && slices.Contains(roles, role)
			seen += fmt.Sprintf(", %s %s", port, role)
		}
		return done, seen, nil
	}
}

// oneOf is "LISTENING or PASSIVE".
func oneOf(roles []metrics.Role) string {
	var words []string
	for _, r := range roles {
		words = append(words, r.String())
	}
	return strings.Join(words, " or ")
}

// checkGrandmasterLost deletes the PtpConfig of the grandmaster: the clock must hear nobody, hold over and then run free. When the
// object is there again, the clock must find back to where it was.
func checkGrandmasterLost(ctx context.Context, t *Test) error {
	if err := errors.Join(t.needSync(t.Subject), t.needPath(t.Subject)); err != nil {
		return err
	}
	grandmaster, err := t.grandmaster(ctx, t.Subject)
	if err != nil {
		return err
	}
	if grandmaster.Object == "" {
		return Skipped(fmt.Sprintf("grandmaster %s has no PtpConfig that could be deleted", grandmaster))
	}
	before, err := t.baseline(ctx)
	if err != nil {
		return err
	}
	restore, err := t.deleteObject(ctx, grandmaster.Object)
	if err != nil {
		return err
	}
	if err := t.coasts(ctx, fmt.Sprintf("the PtpConfig of grandmaster %s was deleted", grandmaster), metrics.RoleListening); err != nil {
		return err
	}
	if err := restore(ctx); err != nil {
		return err
	}
	return t.isBack(ctx, before, fmt.Sprintf("the PtpConfig of grandmaster %s was created again", grandmaster))
}

// isBack waits until the subject has been locked for a while and its true error is what it was.
func (t *Test) isBack(ctx context.Context, before *float64, after string) error {
	subject := fmt.Sprintf("%s to be as before for %s, that is, %s, after %s", t.Subject, t.Settings.LockedFor, t.locked(), after)
	probe := wait.Holding(t.System, t.Settings.LockedFor, both(t.lockedProbe(t.Subject), t.errorProbe(before)))
	took, err := t.until(ctx, subject, t.Settings.LockWithin, probe)
	if err != nil {
		return lookAt(err, append([]string{process(t.Subject)}, t.upstreams(t.Subject)...)...)
	}
	t.measureSeconds("back to locked again", max(0, took-t.Settings.LockedFor))
	return nil
}

// configNamed finds a PtpConfig of the system by name.
func (t *Test) configNamed(ctx context.Context, name string) (ptpconfig.PtpConfig, error) {
	c, err := t.configurer()
	if err != nil {
		return ptpconfig.PtpConfig{}, err
	}
	all, err := c.Configs(ctx)
	if err != nil {
		return ptpconfig.PtpConfig{}, fmt.Errorf("list the PtpConfigs: %w", err)
	}
	n := slices.IndexFunc(all, func(o ptpconfig.PtpConfig) bool { return o.Metadata.Name == name })
	if n < 0 {
		return ptpconfig.PtpConfig{}, fmt.Errorf("there is no PtpConfig %s any more", name)
	}
	return all[n], nil
}

// configurer is the way to change PtpConfigs.
func (t *Test) configurer() (sut.Configurer, error) {
	c, ok := sut.As[sut.Configurer](t.System)
	if !ok {
		return nil, Skipped(NeedConfigure.Missing(t.System))
	}
	return c, nil
}

// deleteObject deletes a PtpConfig. It comes back with restore, which waits until the instances of the object run from the same
// files as before, or after the check in any case.
func (t *Test) deleteObject(ctx context.Context, name string) (restore func(context.Context) error, err error) {
	c, err := t.configurer()
	if err != nil {
		return nil, err
	}
	object, err := t.configNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	put := t.putBack(c, object)
	t.Cleanup("create PtpConfig "+name+" again", put)
	if err := c.DeleteConfig(ctx, name); err != nil {
		return nil, fmt.Errorf("delete PtpConfig %s: %w", name, err)
	}
	return func(ctx context.Context) error {
		if err := put(ctx); err != nil {
			return err
		}
		return t.untilRuns(ctx, name)
	}, nil
}

// putBack makes a function that puts an object as it is now, once.
func (t *Test) putBack(c sut.Configurer, object ptpconfig.PtpConfig) func(context.Context) error {
	done := false
	return func(ctx context.Context) error {
		if done {
			return nil
		}
		if err := c.PutConfig(ctx, object); err != nil {
			return fmt.Errorf("put PtpConfig %s as it was: %w", object.Metadata.Name, err)
		}
		done = true
		return nil
	}
}
