package l2

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// Options say from where to discover what. The zero value discovers what the physical-looking ports of this machine hear.
type Options struct {
	Nodes    []Node        // where to probe from; empty for this machine under its host name
	Expect   []sut.PortRef // ports that must be heard; nil for all that have a link
	Deadline time.Duration // when to give up on them; 0 for 10 s
	Interval time.Duration // between two probe frames of a port; 0 for 200 ms
	Listen   time.Duration // listen at least so long; clocks announce every 2^logAnnounceInterval s
	Skip     Skip          // interfaces to leave alone
	All      bool          // also probe from interfaces that do not look physical, such as veth and VLAN ones
	Clock    wait.Clock    // time of the nodes; nil for MachineClock
	Log      *slog.Logger  // nil for none
}

// quietRounds is how many probes must bring nothing new before the picture counts as complete.
const quietRounds = 2

func (o Options) withDefaults() (Options, error) {
	if len(o.Nodes) == 0 {
		name, err := os.Hostname()
		if err != nil {
			return o, fmt.Errorf("name this node: %w", err)
		}
		o.Nodes = []Node{{Name: name}}
	}
	if o.Deadline == 0 {
		o.Deadline = 10 * time.Second
	}
	if o.Interval == 0 {
		o.Interval = 200 * time.Millisecond
	}
	if o.Clock == nil {
		o.Clock = MachineClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Discover probes until every expected port has been heard, all hearing is mutual and nothing new comes, or the deadline has passed.
// Ports that nobody heard by then are faults in the graph, not an error.
func Discover(ctx context.Context, o Options) (*Graph, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	probers, err := openAll(o.Nodes, o.Skip, o.All, o.Log)
	if err != nil {
		return nil, err
	}
	defer closeAll(probers)
	start, err := o.Clock.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the time to discover: %w", err)
	}
	for quiet, news := 0, 0; ; quiet++ {
		for _, p := range probers {
			if err := p.send(); err != nil {
				return nil, err
			}
		}
		if err := o.Clock.Sleep(ctx, o.Interval); err != nil {
			return nil, fmt.Errorf("discover: %w", err)
		}
		now, err := o.Clock.Now(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the time to discover: %w", err)
		}
		waited := now.Sub(start)
		reports, count := snapshots(probers)
		if count != news {
			quiet, news = 0, count
		}
		if quiet < quietRounds && waited < o.Deadline {
			continue
		}
		g := Merge(reports, o.Skip)
		unheard := g.Unheard(o.Expect)
		complete := len(unheard) == 0 && len(g.Faults) == 0 && waited >= o.Listen
		if complete || waited >= max(o.Deadline, o.Listen) {
			g.addUnheard(unheard, waited)
			return g, nil
		}
	}
}

func snapshots(probers []*prober) (map[string]Report, int) {
	reports, total := map[string]Report{}, 0
	for _, p := range probers {
		report, news := p.snapshot()
		reports[p.node.Name] = report
		total += news
	}
	return reports, total
}

// MachineClock is the clock of the machine on which the code runs: right for a prober, which is on the node that it probes from.
// In a lab with virtual time that node's time is virtual, and so is this.
type MachineClock struct{}

// Now is the time of the machine.
func (MachineClock) Now(context.Context) (time.Time, error) { return time.Now(), nil }

// Sleep waits for d or until ctx ends, whose error it then returns.
func (MachineClock) Sleep(ctx context.Context, d time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-waiting.Done()
	return ctx.Err()
}
