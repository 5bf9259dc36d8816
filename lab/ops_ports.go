package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/nsim"
	"github.com/ptplab/ptplab/lab/topology"
)

// port finds a port that a caller has named.
func (w *World) port(ref topology.PortRef) (*topology.Plan, *topology.NIC, error) {
	plan, err := w.current()
	if err != nil {
		return nil, nil, err
	}
	nic, _ := plan.PortByRef(ref)
	if nic == nil {
		return nil, nil, agent.Errorf("usage", "there is no port %s in lab %s; ptplab status lists them", ref, w.Lab)
	}
	return plan, nic, nil
}

// cableOf finds the cable of a port that a caller has named.
func (w *World) cableOf(ref topology.PortRef) (*topology.Plan, *topology.Cable, error) {
	plan, _, err := w.port(ref)
	if err != nil {
		return nil, nil, err
	}
	c := plan.CableOf(ref)
	if c == nil {
		return nil, nil, agent.Errorf("usage", "port %s has no cable in the topology", ref)
	}
	return plan, c, nil
}

// link plugs a cable in or out.
func (w *World) link(_ context.Context, _ *agent.Request, args LinkArgs) (any, error) {
	_, c, err := w.cableOf(args.Port)
	if err != nil {
		return nil, err
	}
	up, err := w.carrier(args.Port)
	if err != nil || up == args.Up {
		return nil, err
	}
	if args.Up {
		return nil, w.plug(*c)
	}
	return nil, w.unplug(args.Port)
}

// cable changes how the cable of a port carries frames.
func (w *World) cable(_ context.Context, _ *agent.Request, args CableArgs) (any, error) {
	plan, c, err := w.cableOf(args.Port)
	if err != nil {
		return nil, err
	}
	changed := args.Cable
	changed.A, changed.B = c.A, c.B
	return nil, w.setCable(plan, changed)
}

// clock sets a hardware clock wrong.
func (w *World) clock(_ context.Context, _ *agent.Request, args ClockArgs) (any, error) {
	_, nic, err := w.port(args.Port)
	if err != nil {
		return nil, err
	}
	return nil, nsim.Kernel.Device(nic.ID).Clock().SetTrueErrorNs(args.ErrorNs)
}

// maxSamples bounds what one call for true time errors may return, over all clocks.
const maxSamples = 4_000_000

// truth samples true time errors at instants that are an interval apart.
func (w *World) truth(ctx context.Context, _ *agent.Request, args TruthArgs) ([]TrueError, error) {
	clocks, all, err := w.truthClocks(args)
	if err != nil {
		return nil, err
	}
	for begun := time.Now(); ; {
		for i, c := range clocks {
			ns, err := c.TrueErrorNs()
			if err != nil {
				return nil, fmt.Errorf("true error of %s: %w", all[i].Port, err)
			}
			all[i].Samples = append(all[i].Samples, ns)
		}
		next := time.Duration(len(all[0].Samples)) * args.Interval
		if next > args.Duration {
			return all, nil
		}
		if err := sleep(ctx, time.Until(begun.Add(next))); err != nil {
			return nil, err
		}
	}
}

func (w *World) truthClocks(args TruthArgs) ([]nsim.Clock, []TrueError, error) {
	plan, err := w.current()
	if err != nil {
		return nil, nil, err
	}
	if len(args.Ports) == 0 {
		for _, n := range plan.NICs {
			args.Ports = append(args.Ports, topology.PortRef{Owner: n.Owner, Port: n.Ports[0].Name})
		}
	}
	if args.Interval <= 0 || args.Duration < 0 || int64(args.Duration/args.Interval)*int64(len(args.Ports)) > maxSamples {
		return nil, nil, agent.Errorf("usage", "true time errors of %d clocks over %s each %s: an interval is above 0, and a call returns at most %d samples",
			len(args.Ports), args.Duration, args.Interval, maxSamples)
	}
	var clocks []nsim.Clock
	var all []TrueError
	for _, ref := range args.Ports {
		_, nic, err := w.port(ref)
		if err != nil {
			return nil, nil, err
		}
		clocks = append(clocks, nsim.Kernel.Device(nic.ID).Clock())
		all = append(all, TrueError{Port: ref, Start: time.Now()})
	}
	return clocks, all, nil
}

// status reads the state of every port. No time passes.
func (w *World) status(ctx context.Context) (*Status, error) {
	plan, err := w.current()
	if err != nil {
		return nil, err
	}
	s := &Status{Now: time.Now()}
	ptp := w.ptpPorts(ctx, plan, s)
	for _, n := range plan.NICs {
		d := nsim.Kernel.Device(n.ID)
		phc, err1 := d.ClockIndex()
		te, err2 := d.Clock().TrueErrorNs()
		for _, fault := range []error{err1, err2} {
			if fault != nil {
				s.Faults = append(s.Faults, fmt.Sprintf("NIC %s of %s: %v", n.Name, n.Owner, fault))
			}
		}
		for _, p := range n.Ports {
			ref := topology.PortRef{Owner: n.Owner, Port: p.Name}
			ps := PortStatus{Owner: n.Owner, Port: p.Name, NIC: n.Name, PHC: phc, TrueErrorNs: te}
			w.describePort(plan, ref, &ps, s)
			describePTP(ptp[ref], &ps)
			s.Ports = append(s.Ports, ps)
		}
	}
	return s, nil
}

// ptpPorts is what the nodes say of their ports. What has died goes into the faults.
func (w *World) ptpPorts(ctx context.Context, plan *topology.Plan, s *Status) map[topology.PortRef]*node.PortStatus {
	all := map[topology.PortRef]*node.PortStatus{}
	for _, owner := range owners(plan) {
		ns, err := w.statusOf(ctx, owner)
		if errors.Is(err, errSilent) {
			s.Faults = append(s.Faults, fmt.Sprintf("node %s: %v", owner, err))
			continue
		}
		if err != nil {
			s.Faults = append(s.Faults, fmt.Sprintf("%s has no clocks yet", owner))
			continue
		}
		for i, p := range ns.Ports {
			all[topology.PortRef{Owner: owner, Port: p.Interface}] = &ns.Ports[i]
		}
		for _, p := range ns.Processes {
			if p.State == node.Dead {
				s.Faults = append(s.Faults, fmt.Sprintf("%s of %s (%s) has ended: %s", p.Program, owner, p.Profile, p.End))
			}
		}
	}
	return all
}

func (w *World) describePort(plan *topology.Plan, ref topology.PortRef, ps *PortStatus, s *Status) {
	if peer, ok := plan.Peer(ref); ok {
		ps.Peer = peer.String()
	}
	if _, v := plan.VLANOf(ref); v != nil {
		ps.VLAN = v.ID
	}
	up, err := w.carrier(ref)
	if err != nil {
		s.Faults = append(s.Faults, fmt.Sprintf("port %s: %v", ref, err))
	}
	ps.Carrier = up
}

func describePTP(p *node.PortStatus, ps *PortStatus) {
	if p == nil {
		return
	}
	ps.Clock, ps.Role = p.Profile, p.PortState
	if p.Clock != nil {
		offset := p.Clock.OffsetNs
		ps.State, ps.OffsetNs = p.Clock.State, &offset
	}
}
