package lab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/topology"
)

// UpOptions is a lab to make and how.
type UpOptions struct {
	Plan     *topology.Plan
	Topology string        // where the plan is from, for the record
	Stack    Stack         // of a lab with a cluster; "" means as it is, or StackAgent for a new lab
	Time     sim.Mode      // how time passes; "" means as it is, or Virtual for a new lab
	Recreate bool          // take away what runs under this name first
	Keep     bool          // what a failed run has made
	NoWait   bool          // do not wait for the clocks to lock
	Fresh    bool          // make a cluster anew, also where a copy of one like it is kept
	Images   image.Options // where the kernel and the root file system are
	OnStep   func(StepEvent)
	OnImage  image.Progress
}

// copyStep is the name of the step that keeps a copy of a lab's nodes for the next one.
const copyStep = "keep the cluster"

// kernelStep is the name of the first step, the only one that is made from outside.
const kernelStep = "lab kernel"

// DifferentError says that a lab of this name runs with another topology or time mode.
type DifferentError struct{ Name, What string }

// Error tells how to replace it.
func (e *DifferentError) Error() string {
	return fmt.Sprintf("lab %s runs with another %s; replace it with --recreate, or: ptplab down %s", e.Name, e.What, e.Name)
}

// Up makes the lab what the plan says and returns when its clocks have locked. Where it fails or is cancelled,
// it takes away what it made, and only that, unless o.Keep.
func Up(ctx context.Context, home Home, o UpOptions) (*UpReport, error) {
	l, err := open(home, o.Plan.Name, "up")
	if l == nil {
		return nil, err
	}
	defer l.Close()
	if err != nil && !o.Recreate {
		return nil, err
	}
	running, err := l.Running()
	if err != nil {
		return nil, err
	}
	if running && !o.Recreate {
		if err := l.sameAs(o); err != nil {
			return nil, err
		}
		o.OnStep(StepEvent{kernelStep, StepReady, State{Have: 1, Want: 1}})
		return l.makeInside(ctx, o)
	}
	if !running { // else it takes the place of what is there
		if err := l.checkRoom(o.Plan); err != nil {
			return nil, errors.Join(err, l.closeUnmade())
		}
	}
	files, err := images(ctx, o)
	if err != nil { // nothing is made or removed yet
		return nil, errors.Join(err, l.closeUnmade())
	}
	report, err := l.bootAndMake(ctx, o, files)
	if err != nil && !o.Keep {
		// What this run made is the whole lab.
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), downLimit)
		defer cancel()
		err = errors.Join(err, l.down(undo))
	}
	return report, err
}

// sameAs checks that the running lab is the one that was asked for.
func (l *Lab) sameAs(o UpOptions) error {
	have, err1 := json.Marshal(l.Plan)
	want, err2 := json.Marshal(o.Plan)
	switch {
	case errors.Join(err1, err2) != nil:
		return errors.Join(err1, err2)
	case !bytes.Equal(have, want):
		return &DifferentError{l.Name, "topology"}
	case o.Stack != "" && o.Stack != l.Stack:
		return &DifferentError{l.Name, fmt.Sprintf("stack (%s)", l.Stack)}
	case o.Time != "" && o.Time != l.Time:
		return &DifferentError{l.Name, fmt.Sprintf("time mode (%s)", l.Time)}
	}
	return nil
}

func (l *Lab) bootAndMake(ctx context.Context, o UpOptions, files imageFiles) (*UpReport, error) {
	hold, err := use(files.all()...)
	if err != nil {
		return nil, err
	}
	defer closeAll(hold)
	if err := l.clear(ctx); err != nil { // what a killed run left, or what is to be recreated
		return nil, err
	}
	mode := o.Time
	if mode == "" {
		mode = defaultTime(o.Plan)
	}
	l.Record = Record{Name: o.Plan.Name, Engine: l.engine.Name(), Time: mode, Topology: o.Topology, Created: time.Now(), Plan: o.Plan}
	if hasCluster(o.Plan) {
		node, err := image.ReadNode(files.node)
		if err != nil {
			return nil, err
		}
		l.Stack, l.Node = cmp.Or(o.Stack, StackAgent), &node
	}
	if err := l.save(); err != nil {
		return nil, fmt.Errorf("record lab %s: %w", l.Name, err)
	}
	o.OnStep(StepEvent{kernelStep, StepMaking, State{Want: 1}})
	spec := sim.Spec{Lab: l.Name, Kernel: files.kernel, RootFS: files.rootfs, Mode: mode, MemoryMB: memoryMB(o.Plan), Hold: hold}
	if hasCluster(o.Plan) {
		spec.Network, spec.DiskMB, spec.Tape = true, diskMB, files.node
	}
	l.engine.(*simEngine).spec = spec
	restored := false
	if hasCluster(o.Plan) {
		if restored, err = l.restore(ctx, o, files); ctx.Err() != nil {
			return nil, context.Cause(ctx)
		} else if err != nil {
			return nil, fmt.Errorf("start with the disk of an earlier lab: %w; make one anew with --fresh", err)
		}
	}
	if err := l.engine.Boot(ctx); err != nil {
		return nil, err
	}
	o.OnStep(StepEvent{kernelStep, StepMade, State{Have: 1, Want: 1, Note: "time " + string(mode)}})
	if hasCluster(o.Plan) && !restored {
		return l.makeAndKeep(ctx, o, files)
	}
	report, err := l.makeInside(ctx, o)
	if err != nil && restored && ctx.Err() == nil {
		err = fmt.Errorf("%w; the cluster was started from a copy of an earlier one, --fresh makes it anew", err)
	}
	return report, err
}

// memoryMB is what the guest may use. The host gives only what it touches.
func memoryMB(p *topology.Plan) int {
	own := 512 + 8*len(p.NICs)
	if hasCluster(p) {
		own += clusterMB + nodeMB*len(p.Workers)
	}
	return own
}

// imageFiles are where the parts of a lab are in the image cache.
type imageFiles struct {
	kernel, rootfs string
	node           string // "" where no node is a container
}

func (f imageFiles) all() []string {
	return slices.DeleteFunc([]string{f.kernel, f.rootfs, f.node}, func(path string) bool { return path == "" })
}

// images builds the images of a lab, or finds them.
func images(ctx context.Context, o UpOptions) (files imageFiles, err error) {
	o.Images.Docker = hasCluster(o.Plan)
	wanted := []func(image.Options) (image.Image, error){image.Kernel, image.RootFS}
	if hasCluster(o.Plan) {
		wanted = append(wanted, image.Node)
	}
	var all []image.Image
	for _, describe := range wanted {
		one, err := describe(o.Images)
		if err != nil {
			return files, err
		}
		all = append(all, one)
	}
	paths, err := image.Ensure(ctx, o.OnImage, all...)
	if err != nil {
		return files, err
	}
	files = imageFiles{kernel: paths[0], rootfs: paths[1]}
	if len(paths) > 2 {
		files.node = paths[2]
	}
	return files, nil
}

// use keeps images from being pruned while the files are open.
func use(images ...string) (files []*os.File, err error) {
	for _, path := range images {
		f, err := image.Use(path)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func (l *Lab) makeInside(ctx context.Context, o UpOptions) (*UpReport, error) {
	return l.makePart(ctx, o, UpArgs{Plan: o.Plan, Stack: l.Stack, Keep: o.Keep, Wait: !o.NoWait})
}

// makeAndKeep makes the nodes, keeps a copy of them for the next lab, and makes the rest.
func (l *Lab) makeAndKeep(ctx context.Context, o UpOptions, files imageFiles) (*UpReport, error) {
	nodes, err := l.makePart(ctx, o, UpArgs{Plan: o.Plan, Stack: l.Stack, Keep: o.Keep, Nodes: true})
	if err != nil {
		return nil, err
	}
	o.OnStep(StepEvent{copyStep, StepMaking, State{Want: 1}})
	kept := State{Have: 1, Want: 1}
	if err := l.keepSnapshot(ctx, o, files); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		kept.Note = "not kept: " + err.Error() // the lab itself is fine
	}
	o.OnStep(StepEvent{copyStep, StepMade, kept})
	tell := o.OnStep
	o.OnStep = func(e StepEvent) {
		if !slices.ContainsFunc(nodes.Steps, func(told StepEvent) bool { return told.Step == e.Step }) {
			tell(e)
		}
	}
	report, err := l.makeInside(ctx, o)
	if err == nil {
		report.Took += nodes.Took
	}
	return report, err
}

// makePart makes what the arguments ask for.
func (l *Lab) makePart(ctx context.Context, o UpOptions, args UpArgs) (*UpReport, error) {
	var report UpReport
	args.Node = l.Node
	if err := l.call(ctx, opUp, args, &report, onEvent(o.OnStep)); err != nil {
		return nil, err
	}
	if hasCluster(o.Plan) && !args.Nodes {
		if _, err := l.Kubeconfig(ctx); err != nil {
			return nil, err
		}
	}
	return &report, nil
}

// DryRun tells what Up would make, and changes nothing.
func DryRun(ctx context.Context, home Home, o UpOptions) error {
	l, err := open(home, o.Plan.Name, "up --dry-run")
	if l == nil {
		return err
	}
	defer l.closeUnmade()
	if err != nil {
		return err
	}
	running, err := l.Running()
	if err != nil {
		return err
	}
	if !running || o.Recreate {
		o.OnStep(StepEvent{kernelStep, StepMissing, State{Want: 1}})
		for _, s := range NewWorld(WorldOptions{}).Steps(o.Plan, o.Stack) {
			o.OnStep(StepEvent{s.Name(), StepMissing, s.(sized).size()})
		}
		return nil
	}
	if err := l.sameAs(o); err != nil {
		return err
	}
	o.OnStep(StepEvent{kernelStep, StepReady, State{Have: 1, Want: 1}})
	return l.call(ctx, opObserve, UpArgs{Plan: o.Plan, Stack: l.Stack, Node: l.Node}, nil, onEvent(o.OnStep))
}

// closeUnmade gives the lock back, and takes its file away where there is no lab.
func (l *Lab) closeUnmade() error {
	if l.exists() {
		return l.Close()
	}
	err := l.lock.remove()
	l.home.tidy()
	return err
}
