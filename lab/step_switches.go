package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ptplab/ptplab/lab/ovs"
	"github.com/ptplab/ptplab/lab/topology"
)

// switchesStep is the Open vSwitch switches: their daemons, bridges, access ports and flows.
type switchesStep struct{ part }

func (s *switchesStep) Name() string { return "switches" }
func (s *switchesStep) size() State  { return State{Want: len(s.plan.Switches)} }

func (s *switchesStep) Observe(ctx context.Context) (State, error) {
	return count(s.plan.Switches, func(sw topology.Switch) (bool, error) {
		o, err := s.world.openSwitch(sw.Name)
		if err != nil {
			return false, err
		}
		missing, err := o.Differences(ctx, bridge(sw))
		return len(missing) == 0, err
	})
}

func (s *switchesStep) Apply(ctx context.Context) error {
	return each(ctx, &s.part, s.plan.Switches, func(ctx context.Context, sw topology.Switch) error {
		o, err := s.world.openSwitch(sw.Name)
		if err != nil {
			return err
		}
		if err := o.Apply(ctx, bridge(sw)); err != nil {
			return fmt.Errorf("switch %s: %w", sw.Name, err)
		}
		return nil
	})
}

func (s *switchesStep) Remove(ctx context.Context) error {
	w := s.world
	dirs, err := filepath.Glob(filepath.Join(w.Base, "work", "*", "ovs"))
	if err != nil {
		return err
	}
	var faults []error
	for _, dir := range dirs {
		name := filepath.Base(filepath.Dir(dir))
		o, err := w.openSwitch(name)
		if err == nil {
			err = o.Remove(ctx)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("switch %s: %w", name, err))
			continue
		}
		w.mu.Lock()
		delete(w.switches, name)
		w.mu.Unlock()
	}
	return errors.Join(faults...)
}

// openSwitch is the one handle of a switch; it starts nothing.
func (w *World) openSwitch(name string) (*ovs.Switch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o := w.switches[name]; o != nil {
		return o, nil
	}
	place := w.place(name)
	o, err := ovs.New(ovs.Config{
		Lab: w.Lab, RunDir: filepath.Join(place.workDir(), "ovs"), Command: place.command, Log: w.Log,
	})
	if err == nil {
		w.switches[name] = o
	}
	return o, err
}

// bridge is what Open vSwitch is to make of a switch: one bridge, its ports by their VLAN.
func bridge(sw topology.Switch) ovs.Bridge {
	b := ovs.Bridge{Name: "br0", Datapath: ovs.DatapathKernel}
	for _, v := range sw.VLANs {
		for _, p := range v.Ports {
			b.Ports = append(b.Ports, ovs.Port{Name: p, VLAN: v.ID})
		}
	}
	return b
}
