package nsim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Device is one simulated NIC. It need not exist.
type Device struct {
	ID     int
	driver Driver
}

var validPCI = regexp.MustCompile(`^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.0$`)

// Device names a device without looking for it.
func (k Driver) Device(id int) Device { return Device{ID: id, driver: k} }

// String is the kernel's name of the device, "netdevsim3".
func (d Device) String() string { return "netdevsim" + strconv.Itoa(d.ID) }

// Exists tells whether the kernel has the device.
func (d Device) Exists() bool {
	_, err := os.Stat(filepath.Join(d.driver.bus("devices"), d.String()))
	return err == nil
}

// Delete removes the device with its ports, wherever they were moved, and its clock. A device that does not exist is
// no error.
func (d Device) Delete() error {
	if !d.Exists() {
		return nil
	}
	err := write(d.driver.bus("del_device"), strconv.Itoa(d.ID))
	if errors.Is(err, unix.ENOENT) && !d.Exists() { // somebody was faster
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", d, err)
	}
	return nil
}

// knob is the path of a debugfs file of the device.
func (d Device) knob(name ...string) string {
	return filepath.Join(append([]string{string(d.driver), "kernel/debug/netdevsim", d.String()}, name...)...)
}

// PortState is where the interface of a port is now.
type PortState struct {
	IfIndex int    `json:"ifindex"` // interface number, in its namespace
	NetNS   uint64 `json:"netns"`   // inode of the namespace, see netns.Inode
	Name    string `json:"name"`    // interface name, in its namespace
}

// Port finds the interface of a port, in whatever namespace it is.
func (d Device) Port(index int) (PortState, error) {
	file := d.knob("ports", strconv.Itoa(index), "netdev")
	text, err := read(file)
	if err != nil {
		return PortState{}, fmt.Errorf("find port %d of %s: %w", index, d, err)
	}
	state, err := parsePort(text)
	if err != nil {
		return PortState{}, fmt.Errorf("find port %d of %s: read %s: %w", index, d, file, err)
	}
	return state, nil
}

// Ports returns how many ports the device has; 0 if it does not exist.
func (d Device) Ports() (int, error) {
	entries, err := os.ReadDir(d.knob("ports"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("count ports of %s: %w", d, err)
	}
	return len(entries), nil
}

// parsePort reads "IFINDEX NETNS_INODE NAME".
func parsePort(text string) (PortState, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return PortState{}, fmt.Errorf("%q is not IFINDEX NETNS NAME", text)
	}
	ifindex, err := strconv.ParseInt(fields[0], 10, 32)
	if err != nil || ifindex < 1 {
		return PortState{}, fmt.Errorf("interface number of %q is not a positive number", text)
	}
	inode, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return PortState{}, fmt.Errorf("namespace of %q is not a number", text)
	}
	return PortState{IfIndex: int(ifindex), NetNS: inode, Name: fields[2]}, nil
}
