package node

import (
	"context"
	"slices"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// supervise sees that the node's goroutine runs while the node has processes.
func (n *Node) supervise() {
	if n.halt != nil || len(n.processes) == 0 {
		return
	}
	ctx, halt := context.WithCancel(context.Background())
	halted := make(chan struct{})
	n.halt, n.halted = halt, halted
	go func() {
		defer close(halted)
		n.run(ctx)
	}()
}

// run looks after the processes at instants that are multiples of pace.
func (n *Node) run(ctx context.Context) {
	timer := time.NewTimer(untilNext(time.Now(), n.o.ReadEvery))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		n.mu.Lock()
		every := n.pace() // before those who wait are told
		n.tick(now)
		every = min(every, n.pace())
		n.mu.Unlock()
		timer.Reset(untilNext(now, every))
	}
}

// pace is how often output is to be read. Who follows the log or waits for a change wants it soon, and so does a process
// that is to be started.
func (n *Node) pace() time.Duration {
	idle := func(p *process) bool { return p.state != Running }
	if n.history.more != nil || n.changes != nil || slices.ContainsFunc(n.processes, idle) {
		return min(n.o.ReadEvery, watchedReadEvery)
	}
	return n.o.ReadEvery
}

// look reads what the processes have written until now, so that who asks gets the present, however rarely the node
// reads by itself. Ended processes are left to the next tick.
func (n *Node) look() {
	now := time.Now()
	for _, p := range n.processes {
		if p.state == Running {
			n.drain(p, now)
		}
		if p.clock.expire(now) {
			n.dirty = true
		}
	}
	n.publish()
}

// untilNext is the time until the next multiple of every.
func untilNext(now time.Time, every time.Duration) time.Duration {
	return now.Truncate(every).Add(every).Sub(now)
}

// tick does all that is due: output, ended processes, restarts, delayed starts, ends of holdovers.
func (n *Node) tick(now time.Time) {
	for _, p := range n.processes {
		if p.state == Running && n.drain(p, now) {
			n.reap(p, now)
		}
	}
	for _, p := range n.processes {
		switch {
		case p.state == Waiting && n.open(p), p.state == Dead && !now.Before(p.due):
			n.start(p, now)
			n.dirty = true
		}
		if p.clock.expire(now) {
			n.dirty = true
		}
	}
	n.publish()
}

// open tells whether a clock of one of the profiles that the process waits for is within 1 s of its master.
func (n *Node) open(p *process) bool {
	for _, profile := range p.gates {
		for _, o := range n.processes {
			if o.profile == profile && o.kind != linuxptp.Phc2sys && o.clock.near {
				return true
			}
		}
	}
	return false
}
