package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/conformance/cluster"
	"github.com/ptplab/ptplab/conformance/podlogs"
	"github.com/ptplab/ptplab/conformance/report"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/topology"
)

// target is what the suite looks at: a lab of this machine, or a cluster.
type target struct {
	sut.System
	name     string // "lab dnbc"
	isLab    bool
	programs string // a node to ask for the versions of its programs
	facts    []report.Fact
	close    func() error
	logs     func(sut.Logs, []string) podlogs.Source // nil for none

	// Of a cluster; nil for a lab, which ptplab up makes anew.
	sweep func(context.Context) error // puts back what this run or one that was killed has left
	keep  func(context.Context) error // makes what is configured now stay
}

// Unwrap is the system itself.
func (t *target) Unwrap() sut.System { return t.System }

// about says what was tested and with what.
func (t *target) about(ctx context.Context) []report.Fact {
	facts := append(t.facts, report.Fact{Name: "ptplab", Value: strings.TrimPrefix(buildVersion(debug.ReadBuildInfo()).String(), "ptplab ")})
	return append(facts, report.Programs(ctx, t, t.programs)...)
}

// inTarget opens what the suite is to look at for as long as a function needs it.
func (a *app) inTarget(labName string, s *settings.Settings, cmd *cobra.Command, do func(context.Context, *target) error) error {
	t, err := a.openTarget(labName, s, cmd)
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), t), t.close())
}

// openTarget opens the cluster of --kubeconfig, else a lab, else, where there is none, the cluster of the variable: whoever
// has one set for other work still means the lab that runs.
func (a *app) openTarget(labName string, s *settings.Settings, cmd *cobra.Command) (*target, error) {
	asked := s.Origin("kubeconfig").Kind
	if asked == settings.Flag {
		if labName != "" {
			return nil, usageErrorf("--lab and --kubeconfig: one of them says what to test")
		}
		return a.openCluster(cmd.Context(), s)
	}
	l, err := a.open(labName, cmd.Name())
	if labName == "" && is[*lab.NotFoundError](err) && asked != settings.Default {
		return a.openCluster(cmd.Context(), s)
	}
	if err != nil {
		return nil, err
	}
	facts := []report.Fact{
		{Name: "Lab", Value: fmt.Sprintf("%s, engine %s, %s time", l.Name, l.Engine, l.Time)},
		{Name: "Topology", Value: filepath.Base(l.Topology)},
	}
	if l.Plan.Nodes == topology.NodesKind {
		t, err := a.openLabCluster(cmd.Context(), l, s)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		t.facts = append(facts, t.facts...)
		return t, nil
	}
	return &target{
		System: system.New(l, l.Plan), name: "lab " + l.Name, isLab: true, programs: l.Plan.NICs[0].Owner, close: l.Close,
		logs:  func(t sut.Logs, nodes []string) podlogs.Source { return podlogs.Plain(t, nodes) },
		facts: facts,
	}, nil
}

// openLabCluster opens the cluster of a lab, from outside as any other, with the lab's knowledge of the truth.
func (a *app) openLabCluster(ctx context.Context, l *lab.Lab, s *settings.Settings) (*target, error) {
	path, err := l.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	own := *s
	own.Kubeconfig = path
	t, err := a.openCluster(ctx, &own)
	if err != nil {
		return nil, err
	}
	t.System, t.name, t.isLab = system.NewKnown(t.System, l, l.Plan), "lab "+l.Name, true
	closeCluster := t.close
	t.close = func() error { return errors.Join(closeCluster(), l.Close()) }
	return t, nil
}

func (a *app) openCluster(ctx context.Context, s *settings.Settings) (*target, error) {
	a.talk.Begin("look at the cluster", talk.Wait)
	defer a.talk.End("")
	klog.SetSlogLogger(a.logger()) // what client-go has to say is for -v
	o := cluster.Options{
		Kubeconfig: s.Kubeconfig, NodesSelector: s.NodesSelector, Image: s.Image, PreconfiguredDiscovery: !s.L2Managed, Log: a.log,
	}
	if s.Origin("l2-image").Kind != settings.Default {
		o.DiscoveryImage = s.L2Image
	}
	c, err := cluster.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	inventory, err := c.Inventory(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	t := &target{
		System: c, name: "cluster " + c.Host(), close: c.Close, facts: []report.Fact{{Name: "Cluster", Value: c.Host()}},
		logs:  func(sut.Logs, []string) podlogs.Source { return c.PodLogs() },
		sweep: func(ctx context.Context) error { return a.sweep(ctx, c) }, keep: c.Keep,
	}
	if len(inventory.Nodes) > 0 {
		t.programs = inventory.Nodes[0]
	}
	return t, nil
}

// sweep puts a cluster back as it was before the suite, and tells what that took.
func (a *app) sweep(ctx context.Context, c *cluster.System) error {
	a.talk.Begin("look for what an earlier run has left", talk.Wait)
	done, err := c.Sweep(ctx)
	a.talk.End("")
	for _, what := range done {
		a.talk.Printf("  %s", what)
	}
	return err
}
