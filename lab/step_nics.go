package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/ptplab/ptplab/lab/netns"
	"github.com/ptplab/ptplab/lab/nsim"
	"github.com/ptplab/ptplab/lab/topology"
)

// nicsStep is the simulated NICs: devices with their clocks, and their ports in the namespaces of their owners.
type nicsStep struct{ part }

func (s *nicsStep) Name() string { return "NICs" }
func (s *nicsStep) size() State  { return State{Want: len(s.plan.NICs)} }

func (s *nicsStep) Observe(context.Context) (State, error) {
	return count(s.plan.NICs, func(n topology.NIC) (bool, error) { return s.inPlace(n) })
}

// inPlace says whether a NIC exists and its ports are where they belong, by their names.
func (s *nicsStep) inPlace(n topology.NIC) (bool, error) {
	d := nsim.Kernel.Device(n.ID)
	if !d.Exists() {
		return false, nil
	}
	ns, err := s.world.place(n.Owner).open()
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer ns.Close()
	inode, err := netns.Inode(ns)
	if err != nil {
		return false, err
	}
	for _, p := range n.Ports {
		state, err := d.Port(p.Index)
		if errors.Is(err, os.ErrNotExist) || err == nil && (state.NetNS != inode || state.Name != p.Name) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *nicsStep) Apply(ctx context.Context) error {
	here, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	defer here.Close()
	return each(ctx, &s.part, s.plan.NICs, func(ctx context.Context, n topology.NIC) error {
		if ok, err := s.inPlace(n); ok || err != nil {
			return err
		}
		if err := s.make(ctx, here, n); err != nil {
			return fmt.Errorf("NIC %s of %s: %w", n.Name, n.Owner, err)
		}
		return nil
	})
}

// make creates a NIC anew: one that was left half made starts over.
func (s *nicsStep) make(ctx context.Context, here *os.File, n topology.NIC) error {
	if err := nsim.Kernel.Device(n.ID).Delete(); err != nil {
		return err
	}
	d, err := nsim.Kernel.Create(ctx, n.ID, len(n.Ports), n.PCI)
	if err != nil {
		return err
	}
	if err := s.world.align(); err != nil {
		return err
	}
	if err := setOscillator(d.Clock(), n, s.plan.Seed); err != nil {
		return err
	}
	ns, err := s.world.place(n.Owner).open()
	if err != nil {
		return err
	}
	defer ns.Close()
	for _, p := range n.Ports {
		if err := placePort(ctx, d, here, ns, p); err != nil {
			return fmt.Errorf("port %s: %w", p.Name, err)
		}
	}
	if !s.world.inContainer(s.plan, n.Owner) {
		return nil
	}
	one, _ := s.world.cluster.node(n.Owner) // which settled before
	return showClock(n, one)
}

// placePort brings a new port to its owner, under its name and MAC address, and up.
func placePort(ctx context.Context, d nsim.Device, here, ns *os.File, p topology.Port) error {
	state, err := d.Port(p.Index)
	if err != nil {
		return err
	}
	return bringPort(ctx, here, state.IfIndex, ns, p)
}

// bringPort moves the interface of a port between namespaces, where it gets its name and MAC address, and sets it up.
func bringPort(ctx context.Context, from *os.File, ifindex int, to *os.File, p topology.Port) error {
	mac, err := net.ParseMAC(p.MAC)
	if err != nil {
		return err
	}
	if err := nsim.MoveAndName(ctx, from, ifindex, to, p.Name, mac); err != nil {
		return err
	}
	return nsim.SetUp(to, p.Name, true)
}

// setOscillator makes a clock err as the topology says. Each clock has a seed of its own, so that no two wander alike.
func setOscillator(c nsim.Clock, n topology.NIC, seed uint64) error {
	o := n.Oscillator
	return errors.Join(
		c.SetSeed(seedOf(seed, n.ID, 0)),
		c.SetDriftPPB(o.DriftPPB),
		c.SetWanderPPB(o.WanderPPB),
		c.SetTrueErrorNs(o.OffsetNs),
	)
}

// seedOf derives the seed of one source of noise from the lab's.
func seedOf(lab uint64, device, port int) uint64 {
	// The finalizer of splitmix64 (Steele, Lea, Flood 2014) spreads neighbouring numbers apart.
	x := lab ^ uint64(device)<<32 ^ uint64(port)<<16
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (s *nicsStep) Remove(context.Context) error {
	devices, err := nsim.Kernel.List()
	if err != nil {
		return err
	}
	var faults []error
	for _, d := range devices { // in a kernel of its own, all are the lab's
		faults = append(faults, d.Delete())
	}
	return errors.Join(faults...)
}
