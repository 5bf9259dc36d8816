package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/nsim"
	"github.com/ptplab/ptplab/lab/topology"
)

// inContainer says whether an owner is a node of the cluster.
func (w *World) inContainer(plan *topology.Plan, owner string) bool {
	return hasCluster(plan) && slices.Contains(plan.Workers, owner)
}

// holds says whether a place has the namespaces of its node's container.
func (c *cluster) holds(ctx context.Context, p place) (bool, error) {
	one, err := c.worker(ctx, p.owner)
	if err != nil {
		return false, err
	}
	return p.isOf(one.PID)
}

// settle lets a place have the namespaces of its node's container. Ports that are in those that it had move along.
func (c *cluster) settle(ctx context.Context, p place, plan *topology.Plan) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	one, err := c.worker(ctx, p.owner)
	if err != nil {
		return err
	}
	c.remember(one)
	if ok, err := p.isOf(one.PID); ok || err != nil {
		return err
	}
	old, err := p.open()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if old != nil {
		defer old.Close()
	}
	if err := p.adopt(one.PID); err != nil {
		return err
	}
	if old == nil || plan == nil {
		return nil
	}
	return errors.Join(moveAll(ctx, p, old, plan), showClocks(plan, p.owner, one))
}

// moveAll moves an owner's ports from where they were to its place, and sets them up.
func moveAll(ctx context.Context, p place, from *os.File, plan *topology.Plan) error {
	to, err := p.open()
	if err != nil {
		return err
	}
	defer to.Close()
	var faults []error
	for _, n := range plan.NICs {
		if n.Owner != p.owner {
			continue
		}
		for _, port := range n.Ports {
			if err := moveBack(ctx, from, to, port); err != nil {
				faults = append(faults, fmt.Errorf("bring port %s back to %s: %w", port.Name, p.owner, err))
			}
		}
	}
	return errors.Join(faults...)
}

func moveBack(ctx context.Context, from, to *os.File, port topology.Port) error {
	found, err := nsim.Find(from, port.Name)
	if err != nil {
		return err
	}
	return bringPort(ctx, from, found.Index, to, port)
}

// showClocks makes the devices of an owner's hardware clocks in its container.
func showClocks(plan *topology.Plan, owner string, in kind.Container) error {
	for _, n := range plan.NICs {
		if n.Owner != owner || !nsim.Kernel.Device(n.ID).Exists() {
			continue
		}
		if err := showClock(n, in); err != nil {
			return err
		}
	}
	return nil
}

// showClock makes the device of a NIC's hardware clock in a container.
func showClock(n topology.NIC, in kind.Container) error {
	index, err := nsim.Kernel.Device(n.ID).ClockIndex()
	if err == nil {
		err = makeClockDevice(in.PID, index)
	}
	if err != nil {
		return fmt.Errorf("device of the clock of NIC %s in %s: %w", n.Name, n.Owner, err)
	}
	return nil
}

// makeClockDevice makes /dev/ptpN in the mount namespace of a process.
func makeClockDevice(pid, index int) error {
	text, err := os.ReadFile(fmt.Sprintf("/sys/class/ptp/ptp%d/dev", index))
	if err != nil {
		return err
	}
	first, second, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
	major, err1 := strconv.ParseUint(first, 10, 32)
	minor, err2 := strconv.ParseUint(second, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	path := fmt.Sprintf("/proc/%d/root/dev/ptp%d", pid, index)
	err = unix.Mknod(path, unix.S_IFCHR|0o660, int(unix.Mkdev(uint32(major), uint32(minor))))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
