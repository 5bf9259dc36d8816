package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/topology"
)

// lockLimit is how long, in the lab's time, all time receivers may take to lock. A chain of five clocks without noise
// takes some seconds.
const lockLimit = 5 * time.Minute

// lockEvery is how often, in the lab's time, the clocks are looked at while they lock. Nodes read their processes'
// output four times a second.
const lockEvery = 250 * time.Millisecond

// lockStep is the wait until each clock that receives time is locked. It makes nothing.
type lockStep struct{ part }

func (s *lockStep) Name() string                 { return "clocks locked" }
func (s *lockStep) size() State                  { return State{Want: len(receivers(s.plan))} }
func (s *lockStep) Remove(context.Context) error { return nil }

func (s *lockStep) Observe(context.Context) (State, error) {
	return count(receivers(s.plan), func(c topology.Clock) (bool, error) {
		port, err := s.world.lockedPort(c)
		return port != "", err
	})
}

func (s *lockStep) Apply(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockLimit, errLockLimit)
	defer cancel()
	last := -1
	before, err := s.world.starts(s.plan)
	if err != nil {
		return err
	}
	for {
		state, err := s.Observe(ctx)
		if err != nil || state.Done() {
			return err
		}
		if err := s.world.restless(ctx, s.plan, before); err != nil {
			return err
		}
		if state.Have != last {
			s.made(state.Have, state.Want)
			last = state.Have
		}
		if err := sleep(ctx, lockEvery); err != nil {
			if errors.Is(err, errLockLimit) {
				return fmt.Errorf("%w: %s", err, s.world.unlocked(s.plan))
			}
			return err
		}
	}
}

var errLockLimit = fmt.Errorf("not all time receivers have locked in %s of the lab's time", lockLimit)

// maxStarts is how often a program may be started in vain before waiting for it is pointless.
const maxStarts = 3

// starts counts how often each program of the lab has been started, by owner and configuration.
func (w *World) starts(plan *topology.Plan) (map[string]int, error) {
	all := map[string]int{}
	for _, owner := range owners(plan) {
		n, err := w.node(owner)
		if err != nil {
			return nil, err
		}
		for _, p := range n.Status().Processes {
			all[owner+"/"+p.Config] = p.Starts
		}
	}
	return all, nil
}

// restless names a program that has not stayed up since its starts were counted, with its last words.
func (w *World) restless(ctx context.Context, plan *topology.Plan, before map[string]int) error {
	for _, owner := range owners(plan) {
		n, err := w.node(owner)
		if err != nil {
			return err
		}
		for _, p := range n.Status().Processes {
			if p.State != node.Dead || p.Starts < before[owner+"/"+p.Config]+maxStarts {
				continue
			}
			return fmt.Errorf("%s of %s (%s) does not stay up: %s; it last said: %s", p.Program, owner, p.Profile, p.End, lastLine(ctx, n, p.Config))
		}
	}
	return nil
}

// lastLine is the last thing that a program has printed.
func lastLine(ctx context.Context, n *node.Node, config string) string {
	last := "nothing"
	for line := range n.Logs(ctx, false) {
		if line.Config == config && !strings.HasPrefix(line.Text, "ended:") {
			last = line.Text
		}
	}
	return last
}

// receivers are the clocks that take time from another.
func receivers(p *topology.Plan) []topology.Clock {
	return slices.DeleteFunc(slices.Clone(p.Clocks), func(c topology.Clock) bool { return len(c.ReceivePorts) == 0 })
}

// lockedPort is the port by which a clock is locked, or "".
func (w *World) lockedPort(c topology.Clock) (string, error) {
	n, err := w.node(c.Worker)
	if err != nil {
		return "", err
	}
	for _, p := range n.Status().Ports {
		if slices.Contains(c.ReceivePorts, p.Interface) && p.Clock != nil && p.Clock.State == "LOCKED" && p.Role == "SLAVE" {
			return p.Interface, nil
		}
	}
	return "", nil
}

// locks are the clocks that have locked, and where.
func (w *World) locks(plan *topology.Plan) ([]ClockLock, error) {
	var all []ClockLock
	for _, c := range receivers(plan) {
		port, err := w.lockedPort(c)
		if err != nil {
			return nil, err
		}
		if port != "" {
			all = append(all, ClockLock{Clock: c.Name, Port: topology.PortRef{Owner: c.Worker, Port: port}.String()})
		}
	}
	return all, nil
}

// unlocked says what the clocks that have not locked do instead.
func (w *World) unlocked(plan *topology.Plan) string {
	var all []string
	for _, c := range receivers(plan) {
		if port, err := w.lockedPort(c); err != nil || port != "" {
			continue
		}
		all = append(all, fmt.Sprintf("%s (%s)", c.Name, strings.Join(w.portStates(c), ", ")))
	}
	return strings.Join(all, "; ")
}

func (w *World) portStates(c topology.Clock) []string {
	n, err := w.node(c.Worker)
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, p := range n.Status().Ports {
		if slices.Contains(c.ReceivePorts, p.Interface) {
			all = append(all, p.Interface+" is "+stateOf(p))
		}
	}
	if len(all) == 0 {
		all = append(all, "its ptp4l does not run")
	}
	return all
}

func stateOf(p node.PortStatus) string {
	if p.Clock == nil {
		return p.PortState
	}
	return fmt.Sprintf("%s, %s, offset %d ns", p.PortState, p.Clock.State, p.Clock.OffsetNs)
}
