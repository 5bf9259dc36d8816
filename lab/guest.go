package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

// greeting is what the agent sends first on each stream, so that a caller knows that it is its turn.
const greeting = "\n"

// RunGuest is all that ptplab does as the init of a lab's kernel. It ends with the kernel.
//
// The kernel takes the root directory away from all of init's threads once the first of them, number 1, leaves the
// file system state that they share (fs/fs_struct.c, validate_fs_switch). So that thread is kept from all work: some of
// it happens in other namespaces.
func RunGuest() {
	runtime.LockOSThread()
	ended := make(chan error)
	go func() { ended <- runGuest() }()
	fmt.Fprintln(os.Stderr, "ptplab:", <-ended)
	if err := sim.Halt(); err != nil {
		fmt.Fprintln(os.Stderr, "ptplab: halt:", err)
	}
	os.Exit(1) // which panics the kernel, as the end of init does
}

func runGuest() error {
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
	world := NewWorld(WorldOptions{Lab: guest.Lab, Base: "/lab", Log: log, Aligned: guest.Mode == sim.Virtual})
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
