package l2

import (
	"bufio"
	"io"
	"os"
	"strings"
	"sync"
)

// pciNames looks up what PCI functions are called in the file pci.ids of pciutils. Without that file a name is its number.
type pciNames struct {
	open  func() (io.ReadCloser, error)
	once  sync.Once
	lines []string
}

// systemPCINames uses the file of this machine, at the places where distributions put it.
func systemPCINames() *pciNames {
	return &pciNames{open: func() (io.ReadCloser, error) {
		file, err := os.Open("/usr/share/misc/pci.ids")
		if err != nil {
			file, err = os.Open("/usr/share/hwdata/pci.ids")
		}
		return file, err
	}}
}

func (n *pciNames) load() {
	file, err := n.open()
	if err != nil {
		return // numbers will do
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); line != "" && line[0] != '#' {
			n.lines = append(n.lines, line)
		}
	}
}

// description is "class: vendor device", as lspci says it.
func (n *pciNames) description(ids pciIDs) string {
	if ids.vendor == "" {
		return ""
	}
	class := "Class " + ids.class
	if len(ids.class) >= 4 {
		if name := n.find("C "+ids.class[:2], ids.class[2:4]); name != "" {
			class = name
		}
	}
	return class + ": " + n.vendor(ids.vendor) + " " + or(n.find(ids.vendor, ids.device), "Device "+ids.device)
}

// subsystem is "vendor device".
func (n *pciNames) subsystem(ids pciIDs) string {
	if ids.subVendor == "" || ids.subVendor == "0000" || ids.subVendor == "ffff" {
		return ""
	}
	name := n.find(ids.vendor, ids.device, ids.subVendor+" "+ids.subDevice)
	return n.vendor(ids.subVendor) + " " + or(name, "Device "+ids.subDevice)
}

func (n *pciNames) vendor(id string) string { return or(n.find(id), "Vendor "+id) }

func or(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

// find returns the name at the end of a path of numbers. Each level of the file is indented by one more tab:
//
//	8086  Intel Corporation
//		1593  Ethernet Controller E810-C for SFP
//			8086 0002  Ethernet Network Adapter E810-L-2
func (n *pciNames) find(path ...string) string {
	n.once.Do(n.load)
	depth := 0
	for _, line := range n.lines {
		text := strings.TrimLeft(line, "\t")
		indent := len(line) - len(text)
		if indent < depth {
			return ""
		}
		if indent != depth {
			continue
		}
		name, found := strings.CutPrefix(text, path[depth]+"  ")
		if !found {
			continue
		}
		if depth++; depth == len(path) {
			return name
		}
	}
	return ""
}
