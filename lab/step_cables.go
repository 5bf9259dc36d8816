package lab

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"

	"github.com/ptplab/ptplab/lab/nsim"
	"github.com/ptplab/ptplab/lab/topology"
)

// cablesStep is the cables between ports. They are virtual wires of the netdevsim driver and go with their ports.
type cablesStep struct{ part }

func (s *cablesStep) Name() string                 { return "cables" }
func (s *cablesStep) size() State                  { return State{Want: len(s.plan.Cables)} }
func (s *cablesStep) Remove(context.Context) error { return nil }

func (s *cablesStep) Observe(context.Context) (State, error) {
	return count(s.plan.Cables, func(c topology.Cable) (bool, error) {
		a, err := s.world.carrier(c.A)
		if err != nil || !a {
			return false, err
		}
		return s.world.carrier(c.B)
	})
}

func (s *cablesStep) Apply(ctx context.Context) error {
	return each(ctx, &s.part, s.plan.Cables, func(_ context.Context, c topology.Cable) error {
		if err := s.world.plug(s.plan, c); err != nil {
			return fmt.Errorf("cable %s to %s: %w", c.A, c.B, err)
		}
		return s.world.setCable(s.plan, c)
	})
}

// carrier says whether a port exists and has carrier.
func (w *World) carrier(ref topology.PortRef) (bool, error) {
	ns, err := w.place(ref.Owner).open()
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer ns.Close()
	up, err := nsim.Carrier(ns, ref.Port)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return false, nil
	}
	return up, err
}

// end is one end of a cable; close its NS.
func (w *World) end(plan *topology.Plan, ref topology.PortRef) (nsim.End, error) {
	ns, err := w.place(ref.Owner).open()
	if err != nil {
		return nsim.End{}, err
	}
	port, err := nsim.Find(ns, ref.Port)
	if err != nil {
		ns.Close()
		return nsim.End{}, err
	}
	return nsim.End{NS: ns, IfIndex: port.Index}, nil
}

// plug joins the two ends, unless they are joined.
func (w *World) plug(plan *topology.Plan, c topology.Cable) error {
	if up, err := w.carrier(c.A); up || err != nil {
		return err
	}
	a, err := w.end(plan, c.A)
	if err != nil {
		return err
	}
	defer a.NS.Close()
	b, err := w.end(plan, c.B)
	if err != nil {
		return err
	}
	defer b.NS.Close()
	if err := errors.Join(nsim.SetUp(a.NS, c.A.Port, true), nsim.SetUp(b.NS, c.B.Port, true)); err != nil {
		return err
	}
	// One that is joined but was down has carrier again by now.
	if up, err := w.carrier(c.A); up || err != nil {
		return err
	}
	return nsim.Kernel.Link(a, b)
}

// unplug takes the cable of a port out. Both ends lose carrier.
func (w *World) unplug(plan *topology.Plan, ref topology.PortRef) error {
	e, err := w.end(plan, ref)
	if err != nil {
		return err
	}
	defer e.NS.Close()
	return nsim.Kernel.Unlink(e)
}

// setCable sets how a cable carries frames. What an end sends takes the delay and half of the asymmetry, with the sign
// of its direction.
func (w *World) setCable(plan *topology.Plan, c topology.Cable) error {
	half := c.AsymmetryNs / 2
	return errors.Join(
		w.setEnd(plan, c.A, nsim.LinkModel{DelayNs: c.DelayNs, AsymmetryNs: half, JitterNs: c.JitterNs, LossPPM: c.LossPPM}),
		w.setEnd(plan, c.B, nsim.LinkModel{DelayNs: c.DelayNs, AsymmetryNs: half - c.AsymmetryNs, JitterNs: c.JitterNs, LossPPM: c.LossPPM}),
	)
}

func (w *World) setEnd(plan *topology.Plan, ref topology.PortRef, m nsim.LinkModel) error {
	nic, port := plan.PortByRef(ref)
	if nic == nil {
		return fmt.Errorf("there is no port %s", ref)
	}
	m.Seed = seedOf(plan.Seed, nic.ID, port.Index+1)
	return nsim.Kernel.Device(nic.ID).SetLink(port.Index, m)
}
