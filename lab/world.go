package lab

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/ovs"
	"github.com/ptplab/ptplab/lab/topology"
)

// World is a lab seen from inside its kernel: what makes its parts and watches over its processes.
type World struct {
	WorldOptions
	mu        sync.Mutex // guards what follows; held for short
	plan      *topology.Plan
	nodes     map[string]*node.Node  // by owner: workers, switches and external grandmasters
	endpoints map[string]*endpoints  // by worker
	switches  map[string]*ovs.Switch // by name
	configs   configs                // of the workers
	cluster   *cluster               // of which the workers are nodes; nil if they are plain; set once
	frozen    frozen

	making      chan struct{} // holds an element while the lab is made
	orphans     orphans       // of commands that have ended
	configuring sync.Mutex    // held while what the workers run is changed
	notify      *notifications
}

// WorldOptions says where a World is.
type WorldOptions struct {
	Lab  string // its name, the mark of what it makes
	Base string // directory of all that it makes, its own
	Log  *slog.Logger

	Aligned bool    // noise and programs start on a grid of instants, so that a run can be repeated to the nanosecond
	Real    bool    // time passes as it does outside
	Extras  []Extra // operations of other packages
}

// NewWorld is a world with nothing in it yet.
func NewWorld(o WorldOptions) *World {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &World{
		WorldOptions: o, nodes: map[string]*node.Node{}, endpoints: map[string]*endpoints{}, switches: map[string]*ovs.Switch{},
		notify: newNotifications(), making: make(chan struct{}, 1),
	}
}

// Handle does one operation for a caller outside.
func (w *World) Handle(ctx context.Context, req *agent.Request) (any, error) {
	switch req.Op {
	case opUp:
		return handle(ctx, req, w.up)
	case opObserve:
		return handle(ctx, req, w.observe)
	case opStatus:
		return w.status(ctx)
	case opRun:
		return handle(ctx, req, w.run)
	case opExec:
		return handle(ctx, req, w.exec)
	case opTerminal:
		return handle(ctx, req, w.terminal)
	case opLink:
		return handle(ctx, req, w.link)
	case opCable:
		return handle(ctx, req, w.cable)
	case opClock:
		return handle(ctx, req, w.clock)
	case opTruth:
		return handle(ctx, req, w.truth)
	case opMetrics:
		return handle(ctx, req, w.metrics)
	case opLogs:
		return handle(ctx, req, w.logs)
	case opApply:
		return handle(ctx, req, w.apply)
	case opConfigs:
		return w.listConfigs()
	case opPutConfig:
		return handle(ctx, req, w.putConfig)
	case opDeleteConfig:
		return handle(ctx, req, w.deleteConfig)
	case opLabel:
		return handle(ctx, req, w.label)
	case opPutSecret:
		return handle(ctx, req, w.putSecret)
	case opDeleteSecret:
		return handle(ctx, req, w.deleteSecret)
	case opRestart:
		return handle(ctx, req, w.restart)
	case opReady:
		return handle(ctx, req, w.ready)
	case opDevices:
		return handle(ctx, req, w.devices)
	case opLoads:
		return handle(ctx, req, w.loads)
	case opFreeze:
		return w.freeze(ctx)
	case opThaw:
		return w.unfreeze(ctx)
	case opKubeconfig:
		return w.kubeconfig(ctx)
	case opLoad:
		return handle(ctx, req, w.load)
	case opCollect:
		return handle(ctx, req, w.collect)
	case opExtra:
		return handle(ctx, req, w.extra)
	case opSelftest:
		return nil, w.selftest(req)
	}
	if do := w.notification(req.Op); do != nil {
		return do(ctx, req)
	}
	return nil, agent.Errorf("usage", "the lab does not know the operation %q; is it from another version of ptplab?", req.Op)
}

// handle decodes the arguments of a request for one operation.
func handle[A, R any](ctx context.Context, req *agent.Request, do func(context.Context, *agent.Request, A) (R, error)) (any, error) {
	var args A
	if err := req.Decode(&args); err != nil {
		return nil, err
	}
	return do(ctx, req, args)
}

// place is where an owner's things are.
func (w *World) place(owner string) place { return place{owner: owner, base: w.Base} }

// current is the plan of the lab, or an error where nothing has been made yet.
func (w *World) current() (*topology.Plan, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.plan == nil {
		return nil, fmt.Errorf("lab %s is not made yet; run ptplab up again", w.Lab)
	}
	return w.plan, nil
}

// node is a running node by its owner's name.
func (w *World) node(owner string) (*node.Node, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.nodes[owner]; n != nil {
		return n, nil
	}
	return nil, agent.Errorf("usage", "there is no node %s in lab %s; there is %s", owner, w.Lab, names(w.nodes))
}

func (w *World) up(ctx context.Context, req *agent.Request, args UpArgs) (*UpReport, error) {
	select { // one whose caller was killed may still take away what it made
	case w.making <- struct{}{}:
		defer func() { <-w.making }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	w.mu.Lock()
	w.plan = args.Plan
	w.mu.Unlock()
	w.meetCluster(args)

	begun := time.Now()
	report := &UpReport{}
	tell := func(e StepEvent) {
		report.Steps = append(report.Steps, e)
		req.Event(e)
	}
	steps := w.Steps(args.Plan, args.Stack)
	switch {
	case args.Nodes:
		steps = steps[:slices.IndexFunc(steps, func(s Step) bool { return s.Name() == (&placesStep{}).Name() })]
	case !args.Wait:
		steps = slices.DeleteFunc(steps, func(s Step) bool { return s.Name() == (&lockStep{}).Name() })
	}
	for _, s := range steps {
		s.(piecewise).onPiece(func(st State) { req.Event(StepEvent{s.Name(), StepMaking, st}) })
	}
	touched, err := steps.Apply(ctx, tell)
	if err != nil {
		if !args.Keep {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), downLimit)
			defer cancel()
			err = joinUndo(err, touched.Remove(undo, tell))
		}
		return nil, err
	}
	if args.Nodes {
		report.Took = time.Since(begun)
		return report, nil
	}
	report.Time, report.Took = time.Now(), time.Since(begun)
	if args.Stack != StackNone {
		report.Locks, err = w.locks(ctx, args.Plan)
	}
	return report, err
}

// meetCluster makes the cluster known that a lab is to have.
func (w *World) meetCluster(args UpArgs) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if args.Node != nil && w.cluster == nil {
		w.cluster = w.newCluster(args.Plan, *args.Node, args.Stack)
	}
}

func joinUndo(err, undo error) error {
	if undo == nil {
		return err
	}
	return fmt.Errorf("%w; and then, taking away what was made: %w", err, undo)
}

func (w *World) observe(ctx context.Context, req *agent.Request, args UpArgs) (any, error) {
	w.meetCluster(args)
	return nil, w.Steps(args.Plan, args.Stack).Observe(ctx, func(e StepEvent) { req.Event(e) })
}

// run lets time pass, to the nanosecond and a system call. In virtual time, sleeping is what makes it.
func (w *World) run(ctx context.Context, _ *agent.Request, args RunArgs) (time.Time, error) {
	at, err := monotonic()
	if err != nil {
		return time.Time{}, err
	}
	for end := at + int64(args.Duration); at < end && ctx.Err() == nil; {
		at = min(at+int64(time.Second), end) // the caller may hang up
		if err := sleepUntil(at); err != nil {
			return time.Time{}, err
		}
	}
	return time.Now(), context.Cause(ctx)
}

// sleep waits for d of the lab's time.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
