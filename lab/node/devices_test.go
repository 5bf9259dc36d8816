package node

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDescribe wants a port of a PCI device to have its address and vendor, one of another bus to have neither, and an
// interface of no device to have nothing but its name.
func TestDescribe(t *testing.T) {
	sysfs := t.TempDir()
	for _, dir := range []string{"class/net/ens1f0", "class/net/eni1", "class/net/eth0", "devices/0000:1f:01.0", "devices/netdevsim1", "bus/pci/drivers/ice"} {
		if err := os.MkdirAll(filepath.Join(sysfs, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"class/net/ens1f0/device": "devices/0000:1f:01.0", "class/net/eni1/device": "devices/netdevsim1", "devices/0000:1f:01.0/driver": "bus/pci/drivers/ice",
	} {
		if err := os.Symlink(filepath.Join(sysfs, to), filepath.Join(sysfs, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(sysfs, "devices/0000:1f:01.0/vendor"), []byte("0x8086\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Device{
		{Name: "ens1f0", PCI: "0000:1f:01.0", Vendor: "0x8086", Driver: "ice"}, {Name: "eni1"}, {Name: "eth0"},
	} {
		if got, err := describe(sysfs, want.Name); got != want || err != nil {
			t.Errorf("%s: %+v, %v, want %+v", want.Name, got, err, want)
		}
	}
}

// TestHardwareClockOfNone wants an interface without a hardware clock to be its own group.
func TestHardwareClockOfNone(t *testing.T) {
	if got := HardwareClock("lo"); got != "lo" {
		t.Errorf("lo has hardware clock %s", got)
	}
	if got := HardwareClock("no-such-port"); got != "no-such-port" {
		t.Errorf("an interface that is not there has hardware clock %s", got)
	}
}
