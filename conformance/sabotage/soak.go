package sabotage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// soakSabotages break a system in the midst of a long test, and only then: all that comes before sees it well.
func soakSabotages() []Sabotage {
	return []Sabotage{
		disturbs("sync lost now and then", oftenEvery, losesSync),
		disturbs("offset with a spike", seldomEvery, spikes),
		disturbs("ptp4l starts anew in a soak", seldomEvery, restarts),
		mutedSoak(),
		hog(),
	}
}

// The pace of disturbances, in the system's time.
const (
	disturbAfter = 25 * time.Second // from the first time that a soak lets pass, while it sees that all is well
	oftenEvery   = 20 * time.Second // from one to the next, of what happens often
	seldomEvery  = time.Minute      // of what happens seldom
	lossTime     = 3 * time.Second  // for which a link is down
)

// disturbed is a system that is disturbed while a soak lets time pass.
type disturbed struct {
	sut.System
	disturb func(ctx context.Context) error
	every   time.Duration
	next    time.Time
}

// Unwrap is the system.
func (d *disturbed) Unwrap() sut.System { return d.System }

// Sleep lets time pass, after a disturbance if it is time for one.
func (d *disturbed) Sleep(ctx context.Context, t time.Duration) error {
	if err := d.maybe(ctx); err != nil {
		return err
	}
	return d.System.Sleep(ctx, t)
}

// TrueError measures, after a disturbance if it is time for one.
func (d *disturbed) TrueError(ctx context.Context, ports []sut.PortRef, duration, interval time.Duration) ([]sut.Series, error) {
	truth, ok := sut.As[sut.Truth](d.System)
	if !ok {
		return nil, &sut.UnavailableError{Reason: "this system does not know the true error of its clocks"}
	}
	if duration > 0 {
		if err := d.maybe(ctx); err != nil {
			return nil, err
		}
	}
	return truth.TrueError(ctx, ports, duration, interval)
}

// maybe disturbs the system if a soak asks and it is time.
func (d *disturbed) maybe(ctx context.Context) error {
	if specs.AreaOf(ctx) != specs.AreaSoak {
		return nil
	}
	now, err := d.Now(ctx)
	if err != nil {
		return err
	}
	if d.next.IsZero() {
		d.next = now.Add(disturbAfter)
	}
	if now.Before(d.next) {
		return nil
	}
	d.next = now.Add(d.every)
	return d.disturb(ctx)
}

// disturbs makes a sabotage of a way to disturb the furthest receiver.
func disturbs(name string, every time.Duration, how func(system sut.System, victim sut.Instance) (func(context.Context) error, error)) Sabotage {
	return Sabotage{
		Name: name, Area: specs.AreaSoak, Modes: []specs.Mode{specs.OC, specs.BC},
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			victim, err := soaked(ctx, system)
			if err != nil {
				return nil, nil, err
			}
			disturb, err := how(system, victim)
			if err != nil {
				return nil, nil, err
			}
			return wrapped(&disturbed{System: system, disturb: disturb, every: every}), nothing, nil
		},
	}
}

// wrapped has the method for true errors only if the system has it.
func wrapped(d *disturbed) sut.System {
	if _, ok := sut.As[sut.Truth](d.System); ok {
		return d
	}
	return blindly{d.System, d}
}

// blindly is a disturbed system that does not know its true errors.
type blindly struct {
	sut.System
	disturbed *disturbed
}

// Unwrap is the system.
func (b blindly) Unwrap() sut.System { return b.System }

// Sleep lets time pass.
func (b blindly) Sleep(ctx context.Context, t time.Duration) error { return b.disturbed.Sleep(ctx, t) }

// soaked is the clock that a soak watches first: a boundary clock that is no part of the network, or where there is none the first
// receiver.
func soaked(ctx context.Context, system sut.System) (sut.Instance, error) {
	inv, err := system.Inventory(ctx)
	if err != nil {
		return sut.Instance{}, fmt.Errorf("list the system: %w", err)
	}
	var first sut.Instance
	for _, i := range inv.Instances {
		switch {
		case i.InSwitch || !i.IsReceiver():
		case i.Type == sut.Boundary:
			return i, nil
		case first.Name == "":
			first = i
		}
	}
	if first.Name == "" {
		return first, fmt.Errorf("%w: no receiver", ErrNotApplicable)
	}
	return first, nil
}

// losesSync takes the receive links of the victim down for some seconds, again and again.
func losesSync(system sut.System, victim sut.Instance) (func(context.Context) error, error) {
	set := func(ctx context.Context, up bool) error {
		var faults []error
		for _, port := range victim.ReceivePorts {
			faults = append(faults, system.SetLink(ctx, sut.PortRef{Node: victim.Node, Interface: port}, up))
		}
		return errors.Join(faults...)
	}
	return func(ctx context.Context) error {
		err := set(ctx, false)
		if err == nil {
			err = system.Sleep(ctx, lossTime)
		}
		return errors.Join(err, set(context.WithoutCancel(ctx), true))
	}, nil
}

// spikes steps the clock of the victim.
func spikes(system sut.System, victim sut.Instance) (func(context.Context) error, error) {
	saboteur, err := saboteurWithTruth(system)
	if err != nil {
		return nil, err
	}
	truth, _ := sut.As[sut.Truth](system)
	k := kicked{system, truth, saboteur, victim.ClockPort()}
	return k.kick, nil
}

// restarts kills the ptp4l of the victim; its daemon starts it again.
func restarts(system sut.System, victim sut.Instance) (func(context.Context) error, error) {
	if victim.Config == "" {
		return nil, fmt.Errorf("%w: the process of %s is not known", ErrNotApplicable, victim)
	}
	return func(ctx context.Context) error { return signal(ctx, system, victim, "KILL") }, nil
}

// mutedSystem is a system that is disturbed during a soak, and whose nodes then tell nobody.
type mutedSystem struct {
	sut.System
	notifications sut.Notifications
}

// Unwrap is the system.
func (m mutedSystem) Unwrap() sut.System { return m.System }

// CrashNotifier is the system's.
func (m mutedSystem) CrashNotifier(ctx context.Context, node string) error {
	return m.notifications.CrashNotifier(ctx, node)
}

// OpenMailbox opens a mailbox that a soak gets no news from.
func (m mutedSystem) OpenMailbox(ctx context.Context, node string) (sut.Mailbox, error) {
	box, err := m.notifications.OpenMailbox(ctx, node)
	if err != nil || specs.AreaOf(ctx) != specs.AreaSoak {
		return box, err
	}
	now, err := m.Now(ctx)
	return mutedBox{box, now.Add(disturbAfter / 2)}, err
}

// mutedBox loses the mail that arrives after an instant.
type mutedBox struct {
	sut.Mailbox
	from time.Time
}

// Take gives the mail of before.
func (m mutedBox) Take(ctx context.Context) ([]sut.Mail, error) {
	all, err := m.Mailbox.Take(ctx)
	var kept []sut.Mail
	for _, one := range all {
		if one.At.Before(m.from) {
			kept = append(kept, one)
		}
	}
	return kept, err
}

// mutedSoak loses the events of a soak while sync is lost: who listens to events alone sees nothing.
func mutedSoak() Sabotage {
	return Sabotage{
		Name: "no event of a loss of sync", Area: specs.AreaSoak, Modes: []specs.Mode{specs.OC, specs.BC},
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			notifications, ok := sut.As[sut.Notifications](system)
			if !ok {
				return nil, nil, fmt.Errorf("%w: it has no events", ErrNotApplicable)
			}
			victim, err := soaked(ctx, system)
			if err != nil {
				return nil, nil, err
			}
			lose, err := losesSync(system, victim)
			if err != nil {
				return nil, nil, err
			}
			return mutedSystem{wrapped(&disturbed{System: system, disturb: lose, every: oftenEvery}), notifications}, nothing, nil
		},
	}
}

// hogged is a system one of whose nodes uses much more CPU time during a soak.
type hogged struct {
	sut.System
	nodes []string
}

// hogMillicores is what a hog uses: all of a core.
const hogMillicores = 1000

// Unwrap is the system.
func (h hogged) Unwrap() sut.System { return h.System }

// Loads are the system's and the hog's. Where the system knows none, as a lab in virtual time, they are the hog's alone.
func (h hogged) Loads(ctx context.Context, window time.Duration) ([]sut.Load, error) {
	var all []sut.Load
	var unavailable *sut.UnavailableError
	if loads, ok := sut.As[sut.Loads](h.System); ok {
		var err error
		if all, err = loads.Loads(ctx, window); err != nil && !errors.As(err, &unavailable) {
			return nil, err
		}
	}
	if specs.AreaOf(ctx) != specs.AreaSoak {
		return all, nil
	}
	if len(all) > 0 {
		all[0].Millicores += hogMillicores
		return all, nil
	}
	return []sut.Load{{Node: h.nodes[0], PodType: "linuxptp-daemon", Pod: "linuxptp-daemon-hog", Container: "linuxptp-daemon-container", Millicores: hogMillicores}}, nil
}

// hog uses a core.
func hog() Sabotage {
	return Sabotage{
		Name: "a program that uses a whole core", Area: specs.AreaSoak,
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			inv, err := system.Inventory(ctx)
			if err != nil {
				return nil, nil, fmt.Errorf("list the system: %w", err)
			}
			if len(inv.Nodes) == 0 {
				return nil, nil, fmt.Errorf("%w: it has no node", ErrNotApplicable)
			}
			return hogged{system, inv.Nodes}, nothing, nil
		},
	}
}
