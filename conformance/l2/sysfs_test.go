package l2

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Lines of the real pci.ids.
const pciIDsText = `#	Comment
1af4  Red Hat, Inc.
	1041  Virtio 1.0 network device
8086  Intel Corporation
	1592  Ethernet Controller E810-C for QSFP
		8086 0002  Ethernet Network Adapter E810-C-Q2
	159b  Ethernet Controller E810-XXV for SFP
		8086 0003  Ethernet Network Adapter E810-XXV-2
		8086 000e  Ethernet Network Adapter E810-XXV-4T
	1889  Ethernet Adaptive Virtual Function
8087  Intel Corp.
	159b  Not this one
C 01  Mass storage controller
	00  SCSI storage controller
C 02  Network controller
	00  Ethernet controller
	80  Network controller
`

func testNames() *pciNames {
	return &pciNames{open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(pciIDsText)), nil }}
}

// fakeSys makes a /sys with files, by path, and the links of interfaces to their devices.
func fakeSys(t *testing.T, files map[string]string, interfaces map[string]string) sysfs {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "class/net"), 0o755))
	for name, parent := range interfaces {
		own := filepath.Join(parent, "net", name)
		must(os.MkdirAll(filepath.Join(dir, own), 0o755))
		must(os.Symlink("../../"+own, filepath.Join(dir, "class/net", name)))
		must(os.Symlink("../..", filepath.Join(dir, own, "device")))
	}
	for name, text := range files {
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	root, err := os.OpenRoot(dir)
	must(err)
	t.Cleanup(func() { root.Close() })
	return sysfs{root, testNames()}
}

func TestPCI(t *testing.T) {
	const bus = "devices/pci0000:85/0000:86:00"
	ids := func(function, class, vendor, device, subVendor, subDevice string) map[string]string {
		return map[string]string{
			function + "/class": "0x" + class + "\n", function + "/vendor": "0x" + vendor + "\n", function + "/device": "0x" + device + "\n",
			function + "/subsystem_vendor": "0x" + subVendor + "\n", function + "/subsystem_device": "0x" + subDevice + "\n",
		}
	}
	for name, c := range map[string]struct {
		parent string
		files  map[string]string
		want   PCI
	}{
		"card": {bus + ".1", ids(bus+".1", "020000", "8086", "159b", "8086", "000e"),
			PCI{"0000:86:00", "1", "Ethernet controller: Intel Corporation Ethernet Controller E810-XXV for SFP", "Intel Corporation Ethernet Network Adapter E810-XXV-4T"}},
		"virtio": {bus + ".0/virtio3", ids(bus+".0", "020000", "1af4", "1041", "1af4", "1100"),
			PCI{"0000:86:00", "0", "Ethernet controller: Red Hat, Inc. Virtio 1.0 network device", "Red Hat, Inc. Device 1100"}},
		"unknown numbers": {bus + ".0", ids(bus+".0", "0299aa", "1b36", "0100", "0000", "0000"),
			PCI{"0000:86:00", "0", "Class 0299aa: Vendor 1b36 Device 0100", ""}},
		"virtual function": {bus + ".2", merge(ids(bus+".2", "020000", "8086", "1592", "8086", "0002"), map[string]string{bus + ".2/physfn/x": ""}),
			PCI{"0000:86:00", "2", "Ethernet controller: Intel Corporation Ethernet Controller E810-C for QSFP (Virtual Function)", "Intel Corporation Ethernet Network Adapter E810-C-Q2"}},
		"no numbers": {"devices/0000:1f:01.0", nil, PCI{"0000:1f:01", "0", "", ""}},
		"veth":       {"devices/virtual", nil, PCI{}},
		"USB":        {"devices/usb1/1-1/1-1:1.0", nil, PCI{}},
	} {
		got, err := fakeSys(t, c.files, map[string]string{"ens1f0": c.parent}).pci("ens1f0")
		if err != nil || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", name, got, err, c.want)
		}
	}
	if _, err := fakeSys(t, nil, nil).pci("gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("interface that is gone: %v", err)
	}
}

func merge(a, b map[string]string) map[string]string {
	for k, v := range b {
		a[k] = v
	}
	return a
}

func TestPinsAndGNSS(t *testing.T) {
	const card = "devices/pci0000:85/0000:86:00"
	s := fakeSys(t, map[string]string{card + ".0/ptp/ptp4/pins/SMA1": "", card + ".0/gnss/gnss0/dev": "", card + ".1/ptp/ptp4/n_pins": ""},
		map[string]string{"leader": card + ".0", "sibling": card + ".1", "veth": "devices/virtual"})
	for name, c := range map[string]struct {
		phc  int
		pins bool
		gnss string
	}{"leader": {4, true, "gnss0"}, "sibling": {4, false, ""}, "veth": {-1, false, ""}} {
		if pins, gnss := s.hasPins(name, c.phc), s.gnss(name); pins != c.pins || gnss != c.gnss {
			t.Errorf("%s: pins %v, GNSS %q", name, pins, gnss)
		}
	}
	if s.hasPins("leader", 5) || s.hasPins("leader", -1) {
		t.Error("pins of another clock")
	}
}

// TestNoPCIIDs holds that numbers stand in for names where pciutils is not installed, as in a small image.
func TestNoPCIIDs(t *testing.T) {
	n := &pciNames{open: func() (io.ReadCloser, error) { return nil, os.ErrNotExist }}
	ids := pciIDs{"020000", "8086", "159b", "8086", "000e"}
	if got, want := n.description(ids)+", "+n.subsystem(ids), "Class 020000: Vendor 8086 Device 159b, Vendor 8086 Device 000e"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
