package l2

import (
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// nodePort is an interface that looks physical.
type nodePort struct {
	Local
	hardware net.HardwareAddr
}

// inventory is what a node has.
type inventory struct {
	ports []nodePort
	own   map[string]bool // MAC addresses of all its interfaces
}

// takeInventory lists the Ethernet interfaces of a network namespace, the caller's if ns is nil, that look physical: those without
// a link kind, or all but loopback if all is set.
func takeInventory(ns *os.File, all bool) (inventory, error) {
	inv := inventory{own: map[string]bool{}}
	err := inNamespace(ns, func() error {
		links, err := netlink.LinkList()
		if err != nil {
			return fmt.Errorf("list interfaces: %w", err)
		}
		root, err := openSysfs(ns)
		if err != nil {
			return fmt.Errorf("open /sys: %w", err)
		}
		defer root.Close()
		stamps, err := newTSInfo()
		if err != nil {
			return err
		}
		sys := sysfs{root, systemPCINames()}
		for _, link := range links {
			inv.own[address(link.Attrs().HardwareAddr)] = true
			if !isPort(link, all) {
				continue
			}
			local, err := describe(link, links, sys, stamps)
			if err != nil {
				return err
			}
			inv.ports = append(inv.ports, nodePort{local, link.Attrs().HardwareAddr})
		}
		return nil
	})
	return inv, err
}

// isPort says whether an interface is to be probed: Ethernet, and physical as far as one can see.
func isPort(link netlink.Link, all bool) bool {
	a := link.Attrs()
	return a.EncapType == "ether" && a.Flags&net.FlagLoopback == 0 && len(a.HardwareAddr) == 6 && (all || link.Type() == "device")
}

// describe gathers what is known of an interface.
func describe(link netlink.Link, links []netlink.Link, sys sysfs, stamps tsInfo) (Local, error) {
	a := link.Attrs()
	details := Details{IfUp: isUp(a)}
	if i := slices.IndexFunc(links, func(l netlink.Link) bool { return l.Attrs().Index == a.MasterIndex }); a.MasterIndex > 0 && i >= 0 {
		details.IfMaster, details.IfSlaveType = links[i].Attrs().Name, links[i].Type()
	}
	var err error
	if details.IfPci, err = sys.pci(a.Name); err != nil {
		return Local{}, err
	}
	if details.IfPTPCaps, err = stamps.get(a.Index); err != nil {
		return Local{}, fmt.Errorf("%s: %w", a.Name, err)
	}
	details.IfPTPCaps.HasPtpPins = sys.hasPins(a.Name, details.IfPTPCaps.PhcIndex)
	details.IfPTPCaps.GnssDevice = sys.gnss(a.Name)
	return Local{IfName: a.Name, IfMac: MAC{address(a.HardwareAddr)}, IfIndex: a.Index, Details: &details}, nil
}

// isUp says whether an interface has a link. Drivers that do not say count as up when the interface runs.
func isUp(a *netlink.LinkAttrs) bool {
	return a.OperState == netlink.OperUp || a.OperState == netlink.OperUnknown && a.RawFlags&unix.IFF_RUNNING != 0 && a.Flags&net.FlagUp != 0
}
