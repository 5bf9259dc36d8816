package lab

import (
	"context"
	"fmt"
	"slices"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/topology"
)

// worker is a running node that must be one of the workers.
func (w *World) worker(name string) (*topology.Plan, *node.Node, error) {
	plan, err := w.current()
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(plan.Workers, name) {
		return nil, nil, agent.Errorf("usage", "there is no worker %s in lab %s; there is %v", name, w.Lab, plan.Workers)
	}
	n, err := w.node(name)
	return plan, n, err
}

// restart replaces a worker's node by a new one with the same objects: new processes, new log, new counters. Its
// endpoints are the new node's.
func (w *World) restart(ctx context.Context, _ *agent.Request, args NodeArgs) (any, error) {
	w.configuring.Lock()
	defer w.configuring.Unlock()
	plan, old, err := w.worker(args.Node)
	if err != nil {
		return nil, err
	}
	if err := w.closeEndpoints(args.Node); err != nil {
		return nil, fmt.Errorf("close the endpoints of %s: %w", args.Node, err)
	}
	if err := old.Stop(ctx); err != nil {
		return nil, fmt.Errorf("stop the clocks of %s: %w", args.Node, err)
	}
	fresh, err := w.newNode(plan, args.Node)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.nodes[args.Node] = fresh
	w.mu.Unlock()
	if err := w.openEndpoints(args.Node, fresh.Handler()); err != nil {
		return nil, err
	}
	c := w.configured()
	return nil, c.configure(ctx, fresh, args.Node, c.steersSystemClock(plan.Workers))
}

// ready is what a worker's /ready says.
func (w *World) ready(_ context.Context, _ *agent.Request, args NodeArgs) (*Readiness, error) {
	_, n, err := w.worker(args.Node)
	if err != nil {
		return nil, err
	}
	if err := n.Ready(); err != nil {
		return &Readiness{Why: err.Error()}, nil
	}
	return &Readiness{Ready: true}, nil
}
