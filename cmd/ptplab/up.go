package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/topology"
)

// upLimit is how long up may take, on the wall clock. A first one builds a kernel.
const upLimit = 45 * time.Minute

// upFlags are the options of up.
type upFlags struct {
	dryRun, recreate, keep, noWait, fresh bool
	time, engine, nodes, stack            string
	timeout                               time.Duration
	output                                formatValue
}

func upCommand(a *app) *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up TOPOLOGY",
		Short: "Make the lab what a topology file says",
		Long: `Make the lab what a topology file says and wait until its clocks have locked.
It is safe to repeat. A run that fails or is interrupted takes away what it made.` + exitNote,
		Example: `  ptplab up topologies/dnbc.yaml
  ptplab up topologies/dnbc.yaml --dry-run
  ptplab up topologies/oc.yaml --time real
  ptplab up topologies/dnbc.yaml --nodes kind`,
		Args:              between(1, 1),
		ValidArgsFunction: completeTopologies,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.up(cmd, f, args[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "tell what would be made, and change nothing")
	flags.BoolVar(&f.recreate, "recreate", false, "take away a lab of this name first")
	flags.BoolVar(&f.keep, "keep", false, "when it fails, keep what was made, to look at it")
	flags.BoolVar(&f.fresh, "fresh", false, "make a cluster anew, also where a copy of one like it is kept")
	flags.BoolVar(&f.noWait, "no-wait", false, "do not wait for the clocks to lock")
	flags.StringVar(&f.time, "time", "", "how the lab's time passes, `mode` real, skip or virtual; a new lab has virtual, one with a cluster real")
	flags.StringVar(&f.nodes, "nodes", "", "what the workers are, `kind` plain or kind; the topology file says it otherwise")
	flags.StringVar(&f.stack, "stack", "", "what looks after the clocks of a cluster's nodes, `stack` agent (ptplab's own operator and daemon) or none (yours); a new lab has agent")
	flags.StringVar(&f.engine, "engine", "auto", "where the lab's kernel runs, `engine` auto or sim")
	timeoutFlag(cmd, &f.timeout, upLimit)
	outputFlag(cmd, &f.output, "table", "json")
	completeFlag(cmd, "time", string(sim.Real), string(sim.Skip), string(sim.Virtual))
	completeFlag(cmd, "engine", "auto", "sim")
	completeFlag(cmd, "stack", string(lab.StackAgent), string(lab.StackNone))
	completeFlag(cmd, "nodes", string(topology.NodesPlain), string(topology.NodesKind))
	return cmd
}

func (a *app) up(cmd *cobra.Command, f upFlags, file string) error {
	options, err := f.options(a, file)
	if err != nil {
		return err
	}
	home, err := lab.DefaultHome()
	if err != nil {
		return err
	}
	ctx, cancel := withTimeout(cmd.Context(), f.timeout)
	defer cancel()
	if f.dryRun {
		return a.dryRun(ctx, home, options, f.output.format)
	}
	a.talk.Printf("lab %s: %s", options.Plan.Name, sizeOf(options.Plan))
	report, err := lab.Up(ctx, home, options)
	if err != nil {
		return ended(ctx, err)
	}
	a.talk.End("")
	return a.tellUp(home, options.Plan.Name, report, f.output.format)
}

// options makes of the flags what the library asks for.
func (f upFlags) options(a *app, file string) (lab.UpOptions, error) {
	if err := checkEngine(f.engine); err != nil {
		return lab.UpOptions{}, err
	}
	o := lab.UpOptions{
		Topology: file, Time: sim.Mode(f.time), Recreate: f.recreate, Keep: f.keep, NoWait: f.noWait, Fresh: f.fresh,
		Images: image.Options{Log: a.log}, OnStep: a.tellStep, OnImage: a.tellImage,
	}
	if f.time != "" {
		if _, err := sim.ParseMode(f.time); err != nil {
			return o, usageErrorf("%w", err)
		}
	}
	plan, err := loadPlan(file)
	if err != nil {
		return o, err
	}
	if err := f.chooseNodes(plan); err != nil {
		return o, err
	}
	o.Plan = plan
	o.Stack, err = f.chooseStack(plan)
	return o, err
}

// chooseStack reads the flag of that name.
func (f upFlags) chooseStack(plan *topology.Plan) (lab.Stack, error) {
	stack := lab.Stack(f.stack)
	switch {
	case f.stack == "":
		return "", nil
	case f.stack == "ptp-operator":
		return "", hostErrorf("this version of ptplab does not build upstream's images; make the cluster with --stack none and deploy them, with ptplab load and kubectl")
	case stack != lab.StackAgent && stack != lab.StackNone:
		return "", usageErrorf("--stack %q: there are agent and none", f.stack)
	case plan.Nodes != topology.NodesKind:
		return "", usageErrorf("--stack %s: plain workers have none; add --nodes kind", f.stack)
	}
	return stack, nil
}

// chooseNodes lets the flag say what the workers are.
func (f upFlags) chooseNodes(plan *topology.Plan) error {
	switch nodes := topology.NodeKind(f.nodes); nodes {
	case "":
	case topology.NodesPlain, topology.NodesKind:
		plan.Nodes = nodes
	default:
		return usageErrorf("--nodes %q: there are plain and kind", f.nodes)
	}
	if plan.Nodes == topology.NodesKind && slices.Contains(plan.Workers, kind.ControlPlane) {
		return usageErrorf("a worker is called %s, which is the name of the node that is added to a cluster; give it another", kind.ControlPlane)
	}
	if plan.Nodes == topology.NodesKind && f.time != "" && sim.Mode(f.time) != sim.Real {
		return usageErrorf("--time %s: a lab whose workers are nodes of a cluster has real time; virtual time is for plain nodes", f.time)
	}
	return nil
}

// checkEngine refuses what this version does not have.
func checkEngine(engine string) error {
	switch {
	case engine == "auto", engine == "sim":
		return nil
	case engine == "host", strings.HasPrefix(engine, "ssh://"):
		return hostErrorf("this version of ptplab has no engine %s; it has sim, which needs neither root nor kernel modules: --engine sim", engine)
	}
	return usageErrorf("engine %q: there are auto and sim", engine)
}

// loadPlan reads a topology and allocates what it needs.
func loadPlan(file string) (*topology.Plan, error) {
	t, err := topology.Load(file)
	if err != nil {
		return nil, &codeError{exitUsage, err}
	}
	return topology.Expand(t, topology.Base{}), nil
}

// tellStep says what became of a step.
func (a *app) tellStep(e lab.StepEvent) {
	switch e.Event {
	case lab.StepReady:
		a.talk.Begin(e.Step, talk.Kept)
		a.talk.End(e.State.String() + ", nothing to do")
	case lab.StepMaking:
		a.talk.Begin(e.Step, talk.Kept)
		a.talk.Update(e.State.Note, e.State.Have, e.State.Want)
	case lab.StepMade:
		a.talk.Begin(e.Step, talk.Kept)
		a.talk.End(e.State.String())
	case lab.StepRemoving:
		a.talk.Close() // what was being made has failed
		a.talk.Begin("remove "+e.Step, talk.Kept)
	case lab.StepRemoved:
		a.talk.Begin("remove "+e.Step, talk.Kept)
		a.talk.End("gone")
	}
}

// tellImage says how far an image is.
func (a *app) tellImage(e image.Event) {
	a.talk.Begin(fmt.Sprintf("%s: %s", e.Image, e.Step), talk.Kept)
	a.talk.Update(e.Note, e.Done, e.Total)
}
