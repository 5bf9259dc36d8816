package lab

import (
	"context"
	"time"

	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/topology"
)

// restartAfter is the time for which Docker may start a node's container anew by itself, after it has ended.
const restartAfter = 2 * time.Second

// watchNodes follows the containers of the cluster from now on: one that ends is started again, and one that has started gets
// its ports and clocks back. It does nothing if it watches already.
func (w *World) watchNodes(plan *topology.Plan) {
	c := w.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unwatch != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.unwatch = cancel
	go func() {
		err := c.options.Watch(ctx, func(id string, started bool) {
			if started {
				go w.resettle(ctx, plan, id)
			} else {
				go w.revive(ctx, id)
			}
		})
		if ctx.Err() == nil {
			w.Log.Error("the nodes of the cluster are not watched any more", "error", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unwatch = nil
	}()
}

// revive starts a container that has ended.
func (w *World) revive(ctx context.Context, id string) {
	if sleep(ctx, restartAfter) != nil {
		return
	}
	if err := kind.StartContainer(ctx, id); err != nil {
		w.Log.Error("a node of the cluster does not start again", "error", err)
	}
}

// resettle gives a worker whose container has been started anew its ports and clocks back.
func (w *World) resettle(ctx context.Context, plan *topology.Plan, id string) {
	all, err := w.cluster.options.Containers(ctx)
	for _, one := range all {
		if one.ID == id && w.inContainer(plan, one.Node) {
			err = w.cluster.settle(ctx, w.place(one.Node), plan)
		}
	}
	if err != nil {
		w.Log.Error("a node of the cluster does not get its ports back", "error", err)
	}
}
