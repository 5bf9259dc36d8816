// Package nsim makes simulated NICs with the kernel's netdevsim driver: devices of one or more ports that share a PTP
// hardware clock, cables between ports, and the knobs of clocks and cables (kernel/README.md lists them).
package nsim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Driver is the netdevsim driver of a kernel, by the folder where that kernel's sysfs is mounted. The debugfs is
// expected below it, in kernel/debug.
type Driver string

// Kernel is the driver of the running kernel.
const Kernel Driver = "/sys"

// patience bounds each wait for the kernel to make what it was asked for.
const patience = 10 * time.Second

func (k Driver) bus(name string) string { return filepath.Join(string(k), "bus/netdevsim", name) }

// Loaded tells whether the kernel has the driver.
func (k Driver) Loaded() bool {
	_, err := os.Stat(k.bus("new_device"))
	return err == nil
}

// MaxPCIPorts is how many ports a device with a PCI address can have: one for each function of a slot.
const MaxPCIPorts = 8

// Create makes device number id with the given number of ports. With a PCI address, of function 0 such as
// "0000:1f:01.0", port i is PCI function i. It returns when every port has its interface, all of them in the caller's
// network namespace. The error is fs.ErrExist if there is a device of that number.
func (k Driver) Create(ctx context.Context, id, ports int, pci string) (Device, error) {
	d := k.Device(id)
	if id < 0 || ports < 1 || pci != "" && ports > MaxPCIPorts {
		return d, fmt.Errorf("create %s with %d ports and PCI address %q: %w", d, ports, pci, fs.ErrInvalid)
	}
	request := fmt.Sprintf("%d %d 1", id, ports)
	if pci != "" {
		if !validPCI.MatchString(pci) {
			return d, fmt.Errorf("create %s: PCI address %q is not of the form 0000:1f:01.0: %w", d, pci, fs.ErrInvalid)
		}
		request += " " + pci
	}
	if d.Exists() {
		return d, fmt.Errorf("create %s: %w", d, fs.ErrExist)
	}
	if err := write(k.bus("new_device"), request); err != nil {
		return d, fmt.Errorf("create %s: %w", d, err)
	}
	if err := d.awaitPorts(ctx, ports); err != nil {
		return d, errors.Join(fmt.Errorf("create %s: %w", d, err), d.Delete())
	}
	return d, nil
}

// awaitPorts waits until each port has an interface. The kernel gives no event for the debugfs files, which mostly
// are there at once.
func (d Device) awaitPorts(ctx context.Context, ports int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for i := range ports {
		for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
			_, err := d.Port(i)
			if err == nil {
				break
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return fmt.Errorf("wait for port %d: %w (last: %w)", i, context.Cause(ctx), err)
			}
		}
	}
	return nil
}

// List returns the devices of this kernel, whoever made them, by number.
func (k Driver) List() ([]Device, error) {
	entries, err := os.ReadDir(k.bus("devices"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list netdevsim devices: %w", err)
	}
	var ids []int
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), "netdevsim")
		if id, err := strconv.Atoi(number); ok && err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	devices := make([]Device, len(ids))
	for i, id := range ids {
		devices[i] = k.Device(id)
	}
	return devices, nil
}

// End is one end of a cable: an interface by its number in a network namespace.
type End struct {
	NS      *os.File
	IfIndex int
}

func (e End) String() string { return fmt.Sprintf("%d:%d", e.NS.Fd(), e.IfIndex) }

// Link joins two ports with a cable. The kernel takes the namespaces by their file descriptors in this process.
func (k Driver) Link(a, b End) error {
	if err := write(k.bus("link_device"), a.String()+" "+b.String()); err != nil {
		return fmt.Errorf("link interface %d of %s to interface %d of %s: %w", a.IfIndex, a.NS.Name(), b.IfIndex, b.NS.Name(), err)
	}
	return nil
}

// Unlink takes the cable off one end, and so off the other.
func (k Driver) Unlink(e End) error {
	if err := write(k.bus("unlink_device"), e.String()); err != nil {
		return fmt.Errorf("unlink interface %d of %s: %w", e.IfIndex, e.NS.Name(), err)
	}
	return nil
}

// write gives a knob a value. The error names both.
func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("write %q: %w", value, err)
	}
	_, err = f.WriteString(value + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %q: %w", value, err)
	}
	return nil
}

// read returns a knob's value without the newline.
func read(file string) (string, error) {
	text, err := os.ReadFile(file)
	return string(bytes.TrimSuffix(text, []byte("\n"))), err
}

// readNumber returns a knob's value as a decimal number.
func readNumber(file string) (int64, error) {
	text, err := read(file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s: %q is not a decimal number", file, text)
	}
	return n, nil
}

// readSeed returns a knob's value as an unsigned 64-bit number.
func readSeed(file string) (uint64, error) {
	text, err := read(file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s: %q is not an unsigned decimal number", file, text)
	}
	return n, nil
}
