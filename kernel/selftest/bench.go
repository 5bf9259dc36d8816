package selftest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	busRoot   = "/sys/bus/netdevsim"
	debugRoot = "/sys/kernel/debug/netdevsim"
	firstID   = 900 // of the devices that the checks make
)

// A bench is what one check works with: the devices that it made.
type bench struct {
	devices []*device
	nextID  int
}

// device is a netdevsim device.
type device struct {
	id    int
	ports int
}

// make creates a device with so many ports, without PCI if pci is empty.
func (b *bench) make(ports int, pci string) (*device, error) {
	d := &device{id: firstID + b.nextID, ports: ports}
	b.nextID++
	line := strings.TrimSpace(fmt.Sprintf("%d %d 1 %s", d.id, ports, pci))
	if err := newDevice(line); err != nil {
		return nil, err
	}
	b.devices = append(b.devices, d)
	return d, nil
}

// clear removes what the check made.
func (b *bench) clear() error {
	var errs []error
	for _, d := range b.devices {
		if _, err := os.Stat(d.debug()); err != nil {
			continue // the check removed it
		}
		errs = append(errs, d.remove())
	}
	return errors.Join(errs...)
}

func newDevice(line string) error {
	return put(busRoot+"/new_device", line)
}

func (d *device) remove() error {
	return put(busRoot+"/del_device", strconv.Itoa(d.id))
}

// debug is the directory of the device in debugfs.
func (d *device) debug() string {
	return fmt.Sprintf("%s/netdevsim%d", debugRoot, d.id)
}

// clockKnob is the path of a file of the device's clock.
func (d *device) clockKnob(name string) string {
	return filepath.Join(d.debug(), "clock", name)
}

// linkKnob is the path of a file of a port's cable.
func (d *device) linkKnob(port int, name string) string {
	return filepath.Join(d.debug(), "ports", strconv.Itoa(port), "link", name)
}

// port is where a port is.
type port struct {
	index int
	netns uint64
	name  string
}

// port reads where a port is.
func (d *device) port(i int) (port, error) {
	path := filepath.Join(d.debug(), "ports", strconv.Itoa(i), "netdev")
	text, err := os.ReadFile(path)
	if err != nil {
		return port{}, err
	}
	var p port
	if _, err := fmt.Sscanf(string(text), "%d %d %s\n", &p.index, &p.netns, &p.name); err != nil {
		return port{}, fmt.Errorf("%s: %q: %w", path, text, err)
	}
	return p, nil
}

// link connects two ports that are in this network namespace.
func link(a, b port) error {
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer ns.Close()
	return put(busRoot+"/link_device", fmt.Sprintf("%d:%d %d:%d", ns.Fd(), a.index, ns.Fd(), b.index))
}

func unlink(a port) error {
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer ns.Close()
	return put(busRoot+"/unlink_device", fmt.Sprintf("%d:%d", ns.Fd(), a.index))
}

// put writes a text to a file of the kernel in one write.
func put(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	return nil
}

// get reads a one-line file of the kernel.
func get(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimSuffix(string(text), "\n"), err
}

// getInt reads a number from a file of the kernel.
func getInt(path string) (int64, error) {
	text, err := get(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// set writes numbers to files.
func set(values map[string]int64) error {
	for path, n := range values {
		if err := put(path, strconv.FormatInt(n, 10)+"\n"); err != nil {
			return err
		}
	}
	return nil
}
