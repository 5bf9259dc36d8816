package lab

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/netns"
	"github.com/ptplab/ptplab/lab/node"
)

// devices are the interfaces of a worker that can do PTP, as its own kernel interfaces say.
func (w *World) devices(_ context.Context, _ *agent.Request, args NodeArgs) ([]Device, error) {
	if _, _, err := w.worker(args.Node); err != nil {
		return nil, err
	}
	var all []Device
	err := w.place(args.Node).within(func() (err error) {
		all, err = node.Devices("/sys")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("devices of %s: %w", args.Node, err)
	}
	return all, nil
}

// within calls a function on a thread that is in both namespaces of the place. Goroutines that it starts are not.
func (p place) within(do func() error) error {
	ns, err := p.open()
	if err != nil {
		return err
	}
	defer ns.Close()
	mounts, err := os.Open(p.mountFile())
	if err != nil {
		return err
	}
	defer mounts.Close()
	return netns.Do(ns, func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare the root directory: %w", err)
		}
		if err := unix.Setns(int(mounts.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mounts of %s: %w", p.owner, err)
		}
		return do()
	})
}
