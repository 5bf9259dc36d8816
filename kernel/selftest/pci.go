package selftest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func pciChecks() []check {
	return []check{
		// Catches: a wrong subsystem, class or vendor, a function that is not
		// there, an empty ptp directory, a clock whose device is another one.
		{"each port has a PCI function, and each function shows port and clock", pciLayout},
		// Catches: a config space that is too short, a byte at a wrong place.
		{"the functions of a device have one serial number", pciSerial},
		// Catches: a bus that is made twice, or removed while it is in use.
		{"devices share a bus, and it goes with the last of them", pciSharedBus},
		// Catches: sscanf that takes what looks a little like an address, and a
		// bus, an id or a function that stays behind.
		{"a bad PCI address is refused and leaves nothing", pciRefused},
	}
}

const pciRoot = "/sys/bus/pci/devices/"

func base(path string) string { return filepath.Base(path) }

func countNames(dir, prefix string) (int, error) {
	entries, err := os.ReadDir(dir)
	n := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			n++
		}
	}
	return n, err
}

func pciLayout(b *bench) error {
	d, err := b.make(8, "0000:5a:1f.0")
	if err != nil {
		return err
	}
	clock, err := getInt(d.clockKnob("index"))
	if err != nil {
		return err
	}
	ptp := fmt.Sprintf("ptp%d", clock)
	if device, err := filepath.EvalSymlinks("/sys/class/ptp/" + ptp + "/device"); err != nil || base(device) != "0000:5a:1f.0" {
		return fmt.Errorf("device of the clock is %q, %v", device, err)
	}
	for i := range 8 {
		p, err := d.port(i)
		if err != nil {
			return err
		}
		at := "/sys/class/net/" + p.name + "/device"
		address := fmt.Sprintf("0000:5a:1f.%d", i)
		for path, want := range map[string]string{at: address, at + "/subsystem": "pci", at + "/driver": "netdevsim", at + "/ptp/" + ptp: ptp} {
			if got, err := filepath.EvalSymlinks(path); err != nil || base(got) != want {
				return fmt.Errorf("%s is %q, want %s: %v", path, got, want, err)
			}
		}
		for file, want := range map[string]string{"vendor": "0x1b36", "class": "0x020000"} {
			if got, err := get(pciRoot + address + "/" + file); err != nil || got != want {
				return fmt.Errorf("%s of %s is %s, want %s: %v", file, address, got, want, err)
			}
		}
		if _, err := os.Stat(pciRoot + address + "/net/" + p.name); err != nil {
			return err
		}
		if _, err := os.Lstat(at + "/physfn"); err == nil {
			return fmt.Errorf("%s has a physical function", p.name)
		}
		// from any function to the clock's own files
		if name, err := get(at + "/ptp/" + ptp + "/clock_name"); err != nil || name != "netdevsim" {
			return fmt.Errorf("clock of %s is %q, %v", p.name, name, err)
		}
	}
	return nil
}

func pciSerial(b *bench) error {
	if _, err := b.make(2, "0000:5a:02.0"); err != nil {
		return err
	}
	if _, err := b.make(1, "0000:5a:03.0"); err != nil {
		return err
	}
	seen := map[string]string{}
	for _, address := range []string{"0000:5a:02.0", "0000:5a:02.1", "0000:5a:03.0"} {
		config, err := os.ReadFile(pciRoot + address + "/config")
		if err != nil {
			return err
		}
		if len(config) != 4096 || config[0x100] != 3 || config[0x101] != 0 {
			return fmt.Errorf("%s: %d bytes, capability % x", address, len(config), config[min(0x100, len(config)):min(0x104, len(config))])
		}
		seen[address] = string(config[0x104:0x10c])
	}
	if seen["0000:5a:02.0"] != seen["0000:5a:02.1"] || seen["0000:5a:02.0"] == seen["0000:5a:03.0"] {
		return fmt.Errorf("serial numbers % x", seen)
	}
	return nil
}

func pciSharedBus(b *bench) error {
	const bus = "/sys/class/pci_bus/0000:5a"
	first, err := b.make(2, "0000:5a:00.0")
	if err != nil {
		return err
	}
	second, err := b.make(1, "0000:5a:01.0")
	if err != nil {
		return err
	}
	other, err := b.make(1, "0000:ff:00.0")
	if err != nil {
		return err
	}
	if err := first.remove(); err != nil {
		return err
	}
	if _, err := os.Stat(bus); err != nil {
		return fmt.Errorf("bus in use: %w", err)
	}
	if n, err := countNames(pciRoot, "0000:5a"); err != nil || n != 1 {
		return fmt.Errorf("%d functions, want 1: %v", n, err)
	}
	if err := second.remove(); err != nil {
		return err
	}
	if _, err := os.Stat(bus); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("bus without devices: %v", err)
	}
	if _, err := os.Stat(pciRoot + "0000:ff:00.0"); err != nil {
		return err
	}
	return other.remove()
}

// traces lists what a device leaves in sysfs.
func traces() (string, error) {
	var all []string
	for _, dir := range []string{pciRoot, "/sys/class/pci_bus", "/sys/class/ptp", "/sys/class/net", busRoot + "/devices", debugRoot, "/sys/devices"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			all = append(all, dir+"/"+e.Name())
		}
	}
	return strings.Join(all, "\n"), nil
}

func pciRefused(b *bench) error {
	empty, err := traces()
	if err != nil {
		return err
	}
	d, err := b.make(2, "0000:5a:00.0")
	if err != nil {
		return err
	}
	before, err := traces()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		args string
		want error
	}{
		{"2 1 0000:5a:00.0", unix.EBUSY},
		{"1 1 0000:5a:00.0", unix.EBUSY},
		{"1 1 0000:00:01.0", unix.EBUSY},
		{"1 1 0000:5a:00.1", unix.EINVAL},
		{"9 1 0000:5b:00.0", unix.EINVAL},
		{"0 1 0000:5b:00.0", unix.EINVAL},
		{"1 1 0001:5b:00.0", unix.EINVAL},
		{"1 1 0000:5b:20.0", unix.EINVAL},
		{"1 1 000:5b:00.0", unix.EINVAL},
		{"1 1 0000:5b:0.0", unix.EINVAL},
		{"1 1 0000:5b:00.00", unix.EINVAL},
		{"1 1 0000:5b:00.0 x", unix.EINVAL},
		{"1 1 0000:5b:00", unix.EINVAL},
		{"1 1 5b:00.0", unix.EINVAL},
		{"1 1 0000:5g:00.0", unix.EINVAL},
		{"1 1 -000:5b:00.0", unix.EINVAL},
		{"1 1 x", unix.EINVAL},
		{"1 1x", unix.EINVAL},
		{"1 0000:5b:00.0", unix.EINVAL},
	} {
		if err := newDevice(fmt.Sprintf("%d %s", firstID+50, c.args)); !errors.Is(err, c.want) {
			return fmt.Errorf("%q: %v, want %v", c.args, err, c.want)
		}
		after, err := traces()
		if err != nil {
			return err
		}
		if after != before {
			return fmt.Errorf("%q left something:\n%s\n--- before:\n%s", c.args, after, before)
		}
	}
	// What was refused must not keep the bus of the other device either.
	if err := d.remove(); err != nil {
		return err
	}
	if after, err := traces(); err != nil || after != empty {
		return fmt.Errorf("left at the end: %v\n%s\n--- before:\n%s", err, after, empty)
	}
	return nil
}
