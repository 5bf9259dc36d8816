package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/netns"
	"github.com/ptplab/ptplab/lab/phc"
)

// devices are the interfaces of a worker that can do PTP, as its own kernel interfaces say.
func (w *World) devices(_ context.Context, _ *agent.Request, args NodeArgs) ([]Device, error) {
	if _, _, err := w.worker(args.Node); err != nil {
		return nil, err
	}
	var all []Device
	err := w.place(args.Node).within(func() (err error) {
		all, err = findDevices("/sys")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("devices of %s: %w", args.Node, err)
	}
	return all, nil
}

// findDevices looks at the interfaces of the calling thread's network namespace; sysfs is where it is mounted.
func findDevices(sysfs string) ([]Device, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []Device
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		stamps, err := phc.Interface(nil, i.Name)
		if err != nil {
			return nil, err
		}
		if !stamps.Hardware() {
			continue
		}
		one, err := describe(sysfs, i.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// describe says on which device an interface is.
func describe(sysfs, name string) (Device, error) {
	one := Device{Name: name}
	device := filepath.Join(sysfs, "class/net", name, "device")
	at, err := filepath.EvalSymlinks(device)
	if errors.Is(err, os.ErrNotExist) { // of no device
		return one, nil
	}
	if err != nil {
		return one, err
	}
	vendor, err := os.ReadFile(filepath.Join(at, "vendor"))
	if err == nil { // only a PCI device has one
		one.PCI, one.Vendor = filepath.Base(at), strings.TrimSpace(string(vendor))
	} else if !errors.Is(err, os.ErrNotExist) {
		return one, err
	}
	driver, err := os.Readlink(filepath.Join(at, "driver"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return one, err
	}
	if driver != "" {
		one.Driver = filepath.Base(driver)
	}
	return one, nil
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
