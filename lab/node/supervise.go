package node

import (
	"context"
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

// run looks after the processes at instants that are multiples of ReadEvery.
func (n *Node) run(ctx context.Context) {
	timer := time.NewTimer(untilNext(time.Now(), n.o.ReadEvery))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		n.mu.Lock()
		n.tick(time.Now(), monotonic())
		n.mu.Unlock()
		timer.Reset(untilNext(time.Now(), n.o.ReadEvery))
	}
}

// untilNext is the time until the next multiple of every.
func untilNext(now time.Time, every time.Duration) time.Duration {
	return now.Truncate(every).Add(every).Sub(now)
}

// tick does all that is due: output, ended processes, restarts, delayed starts, ends of holdovers.
func (n *Node) tick(now time.Time, mono time.Duration) {
	for _, p := range n.processes {
		if p.state == Running && n.drain(p, now, mono) {
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
