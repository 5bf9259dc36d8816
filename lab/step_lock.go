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

func (s *lockStep) Observe(ctx context.Context) (State, error) {
	return count(receivers(s.plan), func(c topology.Clock) (bool, error) {
		port, err := s.world.lockedPort(ctx, c)
		return port != "", err
	})
}

func (s *lockStep) Apply(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockLimit, errLockLimit)
	defer cancel()
	last := -1
	before, err := s.world.starts(ctx, s.plan)
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
				return fmt.Errorf("%w: %s", err, s.world.unlocked(context.WithoutCancel(ctx), s.plan))
			}
			return err
		}
	}
}

var errLockLimit = fmt.Errorf("not all time receivers have locked in %s of the lab's time", lockLimit)

// maxStarts is how often a program may be started in vain before waiting for it is pointless.
const maxStarts = 3

// starts counts how often each program of the lab has been started, by owner and configuration.
func (w *World) starts(ctx context.Context, plan *topology.Plan) (map[string]int, error) {
	all := map[string]int{}
	for _, owner := range owners(plan) {
		status, err := w.statusOf(ctx, owner)
		if err != nil && !errors.Is(err, errSilent) {
			return nil, err
		}
		for _, p := range status.Processes {
			all[owner+"/"+p.Config] = p.Starts
		}
	}
	return all, nil
}

// restless names a program that has not stayed up since its starts were counted, with its last words.
func (w *World) restless(ctx context.Context, plan *topology.Plan, before map[string]int) error {
	for _, owner := range owners(plan) {
		status, err := w.statusOf(ctx, owner)
		if err != nil && !errors.Is(err, errSilent) {
			return err
		}
		for _, p := range status.Processes {
			if p.State != node.Dead || p.Starts < before[owner+"/"+p.Config]+maxStarts {
				continue
			}
			return fmt.Errorf("%s of %s (%s) does not stay up: %s; it last said: %s", p.Program, owner, p.Profile, p.End, w.lastLine(ctx, owner, p.Config))
		}
	}
	return nil
}

// lastLine is the last thing that a program has printed.
func (w *World) lastLine(ctx context.Context, owner, config string) string {
	n, err := w.node(owner)
	if err != nil { // a node of a cluster: its daemon's pod has the log
		return "what the log of its linuxptp-daemon pod says"
	}
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
func (w *World) lockedPort(ctx context.Context, c topology.Clock) (string, error) {
	status, err := w.statusOf(ctx, c.Worker)
	if err != nil && !errors.Is(err, errSilent) {
		return "", err
	}
	for _, p := range status.Ports {
		if slices.Contains(c.ReceivePorts, p.Interface) && p.Clock != nil && p.Clock.State == "LOCKED" && p.Role == "SLAVE" {
			return p.Interface, nil
		}
	}
	return "", nil
}

// locks are the clocks that have locked, and where.
func (w *World) locks(ctx context.Context, plan *topology.Plan) ([]ClockLock, error) {
	var all []ClockLock
	for _, c := range receivers(plan) {
		port, err := w.lockedPort(ctx, c)
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
func (w *World) unlocked(ctx context.Context, plan *topology.Plan) string {
	var all []string
	for _, c := range receivers(plan) {
		if port, err := w.lockedPort(ctx, c); err != nil || port != "" {
			continue
		}
		all = append(all, fmt.Sprintf("%s (%s)", c.Name, strings.Join(w.portStates(ctx, c), ", ")))
	}
	return strings.Join(all, "; ")
}

func (w *World) portStates(ctx context.Context, c topology.Clock) []string {
	status, err := w.statusOf(ctx, c.Worker)
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, p := range status.Ports {
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
