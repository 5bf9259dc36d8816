package specs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

func schedulingSpecs() []Spec {
	return []Spec{{
		Area:     AreaScheduling,
		Name:     "programs run with the scheduling policy and priority of their profiles, real-time ones too",
		Needs:    []Need{NeedConfigure},
		Subjects: configured,
		Check:    checkScheduling,
	}}
}

// configured is the whole system where an object configures a clock under test; nothing elsewhere.
func configured(inv sut.Inventory) []sut.Instance {
	if firstConfigured(inv) == nil {
		return nil
	}
	return []sut.Instance{{}}
}

// fifoPriority is given to a profile that had none, and is no number that a profile has by default.
const fifoPriority = 42

// checkScheduling asks the kernel how every program is scheduled. If no profile asks for SCHED_FIFO, that of the first clock under test does for
// the length of the check.
func checkScheduling(ctx context.Context, t *Test) error {
	if err := t.needSync(receivers(t.Inventory)...); err != nil {
		return err
	}
	wanted, err := t.schedulings(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(wanted, func(s scheduling) bool { return s.policy == fifo }) {
		return t.scheduled(ctx, wanted)
	}
	if err := t.scheduled(ctx, wanted); err != nil {
		return err
	}
	e, err := t.editable(ctx, firstConfigured(t.Inventory)[0])
	if err != nil {
		return err
	}
	err = e.put(ctx, func(p *ptpconfig.Profile) { p.PtpSchedulingPolicy, p.PtpSchedulingPriority = fifo, fifoPriority })
	if err != nil {
		return err
	}
	if wanted, err = t.schedulings(ctx); err != nil {
		return err
	}
	if !slices.ContainsFunc(wanted, func(s scheduling) bool { return s.policy == fifo }) {
		return fmt.Errorf("PtpConfig %s was given %s, and has it not", e.original.Metadata.Name, fifo)
	}
	if err := t.scheduled(ctx, wanted); err != nil {
		return err
	}
	if err := t.allLocked(ctx); err != nil {
		return fmt.Errorf("with %s: %w", fifo, err)
	}
	if err := e.restore(ctx); err != nil {
		return err
	}
	if wanted, err = t.schedulings(ctx); err != nil {
		return err
	}
	return errors.Join(t.scheduled(ctx, wanted), t.allLocked(ctx))
}

// scheduling is how a program should be scheduled.
type scheduling struct {
	node, config string // where it runs and with which file
	policy       string // "SCHED_FIFO", "SCHED_OTHER"
	priority     int64
}

// schedulings lists what the profiles ask for their programs.
func (t *Test) schedulings(ctx context.Context) ([]scheduling, error) {
	keeper, ok := sut.As[sut.Configurer](t.System)
	if !ok {
		return nil, Skipped("the suite may not change the PtpConfigs of this system")
	}
	objects, err := keeper.Configs(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the PtpConfigs: %w", err)
	}
	profiles := map[string]ptpconfig.Profile{}
	for _, o := range objects {
		for _, p := range o.Spec.Profile {
			profiles[o.Metadata.Name+"_"+p.Name] = p
		}
	}
	var all []scheduling
	add := func(node, config, profile string) {
		if p, ok := profiles[profile]; ok && config != "" {
			all = append(all, scheduling{node, config, p.PtpSchedulingPolicy, p.PtpSchedulingPriority})
		}
	}
	for _, i := range t.Inventory.Instances {
		add(i.Node, i.Config, i.Profile)
	}
	for _, c := range t.Inventory.SystemClocks {
		add(c.Node, c.Config, c.Profile)
	}
	if len(all) == 0 {
		return nil, Skipped("no PtpConfig configures a program of this system")
	}
	return all, nil
}

// scheduled waits until the kernel schedules every program as it should.
func (t *Test) scheduled(ctx context.Context, wanted []scheduling) error {
	_, err := t.until(ctx, "programs to be scheduled as their profiles say", t.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
		err := t.compareScheduling(ctx, wanted)
		return err == nil, "", err
	})
	return lookAt(err, "chrt -p of the programs", "whether the daemon starts them by chrt")
}

func (t *Test) compareScheduling(ctx context.Context, wanted []scheduling) error {
	var faults []error
	nodes := map[string][]running{}
	for _, w := range wanted {
		if nodes[w.node] == nil {
			all, err := t.processes(ctx, w.node)
			if err != nil {
				return err
			}
			nodes[w.node] = all
		}
		r, err := one(nodes[w.node], w.node, w.config)
		if err == nil {
			err = w.check(r)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// check compares one program with what its profile asks for.
func (w scheduling) check(r running) error {
	seen := fmt.Sprintf("policy %d, priority %d", r.Policy, r.Priority)
	asksFIFO := w.policy == fifo
	if asksFIFO != (r.Policy == policyFIFO) || asksFIFO && int64(r.Priority) != w.priority {
		return fmt.Errorf("%s on %s runs with %s (sched(7)), its profile says %s", path.Base(w.config), w.node, seen, schedulingText(w.policy, w.priority))
	}
	return nil
}
