package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/topology"
)

// upResult is what up prints as JSON.
type upResult struct {
	Name     string            `json:"name"`
	Engine   string            `json:"engine"`
	TimeMode sim.Mode          `json:"timeMode"` // how the lab's time passes
	Nodes    topology.NodeKind `json:"nodes"`    // what the workers are
	*lab.UpReport
}

// tellUp prints what up has made: on stdout the clocks, on stderr what it is and what to do next.
func (a *app) tellUp(home lab.Home, name string, report *lab.UpReport, format string) error {
	r := upResult{Name: name, UpReport: report}
	if record, err := home.Record(name); err == nil {
		r.Engine, r.TimeMode, r.Nodes = record.Engine, record.Time, record.Plan.Nodes
	}
	return a.printUp(r, format)
}

func (a *app) printUp(r upResult, format string) error {
	a.talk.Printf("%s", r.headline())
	if format == "json" {
		return writeJSON(a.stdout, r)
	}
	if len(r.Locks) > 0 {
		if err := locksTable(r.Locks).write(a.stdout); err != nil {
			return err
		}
	}
	if r.Nodes == topology.NodesKind {
		a.talk.Printf("%s", nextInCluster(r.Name))
	} else {
		a.talk.Printf("%s", nextCommands(r.Name))
	}
	return nil
}

// headline says which lab is up, where and how.
func (r upResult) headline() string {
	text := fmt.Sprintf(`lab %s is up.
  engine  %s, its kernel is a process of yours; this version has no other
  time    %s, %s; now %s`, r.Name, r.Engine, r.TimeMode, timeText(r.TimeMode), clockText(r.Time))
	if len(r.Locks) > 0 {
		text += fmt.Sprintf("\n  clocks  %s locked after %s of its time", plural(len(r.Locks), "receiver"), r.Took.Round(time.Millisecond))
	}
	return text
}

// timeText says what a time mode means, in a few words.
func timeText(mode sim.Mode) string {
	switch mode {
	case sim.Real:
		return "passes as here"
	case sim.Skip:
		return "skips what is idle"
	}
	return "passes only while a command asks"
}

func locksTable(locks []lab.ClockLock) *table {
	t := newTable("CLOCK", "LOCKED ON")
	for _, l := range locks {
		t.add(l.Clock, l.Port)
	}
	return t
}

// nextCommands are worth trying in a lab that is up.
func nextCommands(name string) string {
	return fmt.Sprintf(`Now try:
  ptplab status          each port, its offset and its true error
  ptplab run 1h          let time pass
  ptplab exec -it NODE   look around in a node
  ptplab test            run the conformance suite
  ptplab down %-10s take it away`, name)
}

// nextInCluster are worth trying in a lab with a cluster.
func nextInCluster(name string) string {
	return fmt.Sprintf(`Now try:
  export KUBECONFIG=$(ptplab kubeconfig)
  kubectl get nodes,pods -A
  ptplab status          each port, its offset and its true error
  ptplab load IMAGE.tar  put an image of yours into the cluster
  ptplab test            run the conformance suite
  ptplab down %-10s take it away`, name)
}

// size is what a plan has of each thing.
type size struct{ workers, grandmasters, nics, ports, cables, vlans int }

// sizeOf counts the NICs of the workers alone, since a switch has one of its own for each VLAN.
func sizeOf(p *topology.Plan) size {
	s := size{workers: len(p.Workers), grandmasters: len(p.Grandmasters), cables: len(p.Cables)}
	for _, sw := range p.Switches {
		s.vlans += len(sw.VLANs)
	}
	for _, n := range p.NICs {
		s.ports += len(n.Ports)
		if n.OwnerKind == topology.OwnerWorker {
			s.nics++
		}
	}
	return s
}

func (s size) String() string {
	var all []string
	for _, one := range []struct {
		n    int
		what string
	}{{s.workers, "worker"}, {s.grandmasters, "external grandmaster"}, {s.nics, "NIC"}, {s.ports, "port"}, {s.cables, "cable"}, {s.vlans, "VLAN"}} {
		if one.n > 0 {
			all = append(all, plural(one.n, one.what))
		}
	}
	return strings.Join(all, ", ")
}

// clockText is the lab's time for people.
func clockText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// dryRun prints what up would do.
func (a *app) dryRun(ctx context.Context, home lab.Home, o lab.UpOptions, format string) error {
	events := []lab.StepEvent{}
	o.OnStep = func(e lab.StepEvent) { events = append(events, e) }
	if err := lab.DryRun(ctx, home, o); err != nil {
		return ended(ctx, err)
	}
	if format == "json" {
		return writeJSON(a.stdout, events)
	}
	return dryRunTable(events).write(a.stdout)
}

func dryRunTable(events []lab.StepEvent) *table {
	t := newTable("STEP", ">HAVE", ">WANT", "UP WOULD")
	for _, e := range events {
		would := "leave it"
		if e.Event == lab.StepMissing {
			would = "make it"
		}
		t.add(e.Step, fmt.Sprint(e.State.Have), fmt.Sprint(e.State.Want), would)
	}
	return t
}

// ended says why a context has ended, where that is what an error is about.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}
