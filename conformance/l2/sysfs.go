package l2

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
)

// pciAddress is domain, bus and device, then the function: "0000:1f:01.0".
var pciAddress = regexp.MustCompile(`^([0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2})\.([0-7])$`)

// sysfs is a /sys in which to look interfaces up.
type sysfs struct {
	root  *os.Root
	names *pciNames
}

// device is the path of the device behind an interface.
func device(interfaceName string) string { return path.Join("class/net", interfaceName, "device") }

// pci returns the PCI function behind an interface; zero if there is none. A device on a bus behind the function, such as virtio,
// counts as the function.
func (s sysfs) pci(interfaceName string) (PCI, error) {
	link, err := s.root.Readlink(path.Join("class/net", interfaceName))
	if err != nil {
		return PCI{}, fmt.Errorf("device of %s: %w", interfaceName, err)
	}
	// devices/pci0000:00/0000:00:03.0/virtio0/net/eth0
	function := path.Join("class/net", link, "../..")
	parts := pciAddress.FindStringSubmatch(path.Base(function))
	if parts == nil {
		function = path.Dir(function)
		parts = pciAddress.FindStringSubmatch(path.Base(function))
	}
	if parts == nil {
		return PCI{}, nil
	}
	ids := s.ids(function)
	pci := PCI{parts[1], parts[2], s.names.description(ids), s.names.subsystem(ids)}
	if s.exists(path.Join(function, "physfn")) && !strings.Contains(pci.Description, "Virtual") {
		pci.Description += " (Virtual Function)"
	}
	return pci, nil
}

// pciIDs are the numbers by which a PCI function says what it is, as four hexadecimal digits each; six for the class.
type pciIDs struct{ class, vendor, device, subVendor, subDevice string }

func (s sysfs) ids(function string) pciIDs {
	read := func(file string) string {
		text, err := s.root.ReadFile(path.Join(function, file))
		if err != nil {
			return "" // some buses have no such number; the words are for people
		}
		return strings.TrimPrefix(strings.TrimSpace(string(text)), "0x")
	}
	return pciIDs{read("class"), read("vendor"), read("device"), read("subsystem_vendor"), read("subsystem_device")}
}

// hasPins says whether the clock ptpN of an interface has programmable pins.
func (s sysfs) hasPins(interfaceName string, phc int) bool {
	return phc >= 0 && s.exists(path.Join(device(interfaceName), "ptp", fmt.Sprintf("ptp%d", phc), "pins"))
}

// gnss is the name of the GNSS receiver of an interface's card, or "". Whether it receives is not looked at.
func (s sysfs) gnss(interfaceName string) string {
	entries, err := fs.ReadDir(s.root.FS(), path.Join(device(interfaceName), "gnss"))
	if err != nil || len(entries) == 0 {
		return ""
	}
	return entries[0].Name()
}

func (s sysfs) exists(name string) bool {
	_, err := s.root.Stat(name)
	return err == nil
}
