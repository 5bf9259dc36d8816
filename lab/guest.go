package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

// greeting is what the agent sends first on each stream, so that a caller knows that it is its turn.
const greeting = "\n"

// Extra is an operation that another package adds to those of the lab; Lab.Extra calls it from outside. It runs in the
// lab's kernel and so in the lab's time.
type Extra struct {
	Name string
	Do   func(ctx context.Context, workers []Namespace, args json.RawMessage) (any, error)
}

// Namespace is the network namespace of a worker.
type Namespace struct {
	Worker string
	File   string // to be opened and entered with setns
}

// RunGuest is all that ptplab does as the init of a lab's kernel, with operations that others add. It ends with the kernel.
//
// The kernel takes the root directory away from all of init's threads once the first of them, number 1, leaves the
// file system state that they share (fs/fs_struct.c, validate_fs_switch). So that thread is kept from all work: some of
// it happens in other namespaces.
func RunGuest(extras ...Extra) {
	runtime.LockOSThread()
	ended := make(chan error)
	go func() { ended <- runGuest(extras) }()
	fmt.Fprintln(os.Stderr, "ptplab:", <-ended)
	if err := sim.Halt(); err != nil {
		fmt.Fprintln(os.Stderr, "ptplab: halt:", err)
	}
	os.Exit(1) // which panics the kernel, as the end of init does
}

func runGuest(extras []Extra) error {
	if unix.Gettid() == os.Getpid() {
		return errors.New("start the lab: the first thread is not kept apart")
	}
	guest, err := sim.Enter()
	if err != nil {
		return fmt.Errorf("start the lab: %w", err)
	}
	if err := dropTimerSlack(); err != nil {
		return fmt.Errorf("start the lab: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	world := NewWorld(WorldOptions{Lab: guest.Lab, Base: "/lab", Log: log, Aligned: guest.Mode == sim.Virtual, Real: guest.Mode == sim.Real, Extras: extras})
	for {
		conn, err := guest.Accept()
		if err != nil {
			return err
		}
		if _, err := conn.Write([]byte(greeting)); err != nil {
			conn.Close()
			continue
		}
		if guest.Mode != sim.Real {
			// One caller at a time: while the guest waits for one, nothing else could run.
			serve(conn, world, log)
			continue
		}
		go serve(conn, world, log)
	}
}

func serve(conn agent.Conn, world *World, log *slog.Logger) {
	if err := agent.Serve(context.Background(), conn, world.Handle); err != nil {
		log.Warn("call ended", "error", err)
	}
}

// extra does an operation that another package has added.
func (w *World) extra(ctx context.Context, _ *agent.Request, args ExtraArgs) (any, error) {
	plan, err := w.current()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(w.Extras, func(e Extra) bool { return e.Name == args.Name })
	if i < 0 {
		return nil, agent.Errorf("usage", "the lab does not know the operation %q; is it from another version of ptplab?", args.Name)
	}
	var workers []Namespace
	for _, worker := range plan.Workers {
		workers = append(workers, Namespace{worker, w.place(worker).nets().Path(worker)})
	}
	return w.Extras[i].Do(ctx, workers, args.Args)
}
