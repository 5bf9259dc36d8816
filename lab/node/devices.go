package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/phc"
)

// Device is a network interface that can do PTP with hardware time stamps.
type Device struct {
	Name   string `json:"name"`
	PCI    string `json:"pci,omitempty"`    // "0000:1f:01.0"; "" if it is on no PCI device
	Vendor string `json:"vendor,omitempty"` // of the PCI device, "0x8086"
	Driver string `json:"driver,omitempty"`
}

// Devices looks at the interfaces of the calling thread's network namespace, and gives those with a hardware clock and
// hardware time stamps (ethtool -T), by name. sysfs is where that file system is mounted. An interface that goes away
// meanwhile is left out.
func Devices(sysfs string) ([]Device, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the interfaces: %w", err)
	}
	var all []Device
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		stamps, err := phc.Interface(nil, i.Name)
		if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EOPNOTSUPP) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !stamps.Hardware() {
			continue
		}
		one, err := describe(sysfs, i.Name)
		if err != nil {
			return nil, fmt.Errorf("device of %s: %w", i.Name, err)
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Device) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// describe says on which device an interface is.
func describe(sysfs, name string) (Device, error) {
	one := Device{Name: name}
	at, err := filepath.EvalSymlinks(filepath.Join(sysfs, "class/net", name, "device"))
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

// HardwareClock names the hardware clock of an interface of the calling thread's network namespace, "ptp0". One without
// has its own name: it shares a clock with nobody.
func HardwareClock(iface string) string {
	index, err := phc.Index(nil, iface)
	if err != nil {
		return iface
	}
	return fmt.Sprintf("ptp%d", index)
}
