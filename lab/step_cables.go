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
		a, b := directions(c)
		ok, err := s.world.carries(s.plan, c.A, a)
		if err != nil || !ok {
			return false, err
		}
		return s.world.carries(s.plan, c.B, b)
	})
}

func (s *cablesStep) Apply(ctx context.Context) error {
	return each(ctx, &s.part, s.plan.Cables, func(_ context.Context, c topology.Cable) error {
		if err := s.world.plug(c); err != nil {
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
func (w *World) end(ref topology.PortRef) (nsim.End, error) {
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
func (w *World) plug(c topology.Cable) error {
	if up, err := w.carrier(c.A); up || err != nil {
		return err
	}
	a, err := w.end(c.A)
	if err != nil {
		return err
	}
	defer a.NS.Close()
	b, err := w.end(c.B)
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
func (w *World) unplug(ref topology.PortRef) error {
	e, err := w.end(ref)
	if err != nil {
		return err
	}
	defer e.NS.Close()
	return nsim.Kernel.Unlink(e)
}

// directions are how the two ends of a cable send: each takes the delay and half of the asymmetry, with the sign of its
// direction.
func directions(c topology.Cable) (a, b nsim.LinkModel) {
	half := c.AsymmetryNs / 2
	a = nsim.LinkModel{DelayNs: c.DelayNs, AsymmetryNs: half, JitterNs: c.JitterNs, LossPPM: c.LossPPM}
	b = nsim.LinkModel{DelayNs: c.DelayNs, AsymmetryNs: half - c.AsymmetryNs, JitterNs: c.JitterNs, LossPPM: c.LossPPM}
	return a, b
}

// setCable sets how a cable carries frames.
func (w *World) setCable(plan *topology.Plan, c topology.Cable) error {
	a, b := directions(c)
	return errors.Join(setEnd(plan, c.A, a), setEnd(plan, c.B, b))
}

func setEnd(plan *topology.Plan, ref topology.PortRef, m nsim.LinkModel) error {
	device, port, seed, err := deviceOf(plan, ref)
	if err != nil {
		return err
	}
	m.Seed = seed
	return device.SetLink(port, m)
}

// carries says whether a port has carrier and sends as it should.
func (w *World) carries(plan *topology.Plan, ref topology.PortRef, want nsim.LinkModel) (bool, error) {
	up, err := w.carrier(ref)
	if err != nil || !up {
		return false, err
	}
	device, port, seed, err := deviceOf(plan, ref)
	if err != nil {
		return false, err
	}
	want.Seed = seed
	have, err := device.LinkModel(port)
	return have == want, err
}

// deviceOf is where a port is in the driver, and the seed of its noise.
func deviceOf(plan *topology.Plan, ref topology.PortRef) (d nsim.Device, port int, seed uint64, err error) {
	nic, p := plan.PortByRef(ref)
	if nic == nil {
		return d, 0, 0, fmt.Errorf("there is no port %s", ref)
	}
	return nsim.Kernel.Device(nic.ID), p.Index, seedOf(plan.Seed, nic.ID, p.Index+1), nil
}
