package solver

import (
	"cmp"
	"fmt"
	"slices"
)

// Port is a network interface, as far as the solver must know.
type Port struct {
	Node        string
	Interface   string
	NIC         string     // the card within its node, as a user knows it; its ports share a hardware clock. Empty: a card of its own
	LAN         int        // connected component of ports that hear each other. 0: hears nobody
	PTP         bool       // time stamps frames in hardware, in both directions
	ReceivesPTP bool       // hears PTP from outside the known ports: an external grandmaster
	WPC         bool       // on a card with GNSS receiver and pins (Westport Channel), fit for T-GM and T-BC
	Announces   []Announce // what it hears, at most one per grandmaster and domain
}

// Announce is what a port learns from an Announce message, IEEE 1588-2019 clause 13.5.
type Announce struct {
	Domain      int    // domainNumber
	ClockClass  int    // grandmasterClockQuality.clockClass
	Grandmaster string // grandmasterIdentity
}

// String is the form in which a user writes the port, "w1/ens1f0".
func (p Port) String() string { return p.Node + "/" + p.Interface }

// An attribute sorts the ports of a network into classes.
type attribute int

const (
	byLAN attribute = iota
	byNIC
	byNode
	attributes // how many there are
)

// Network is a set of ports, indexed. It does not change and may be shared.
type Network struct {
	ports   []Port            // by name, so that the index of a port orders like its name
	class   [attributes][]int // of each port
	members [attributes][][]int
	nicSize []int // of each port: PTP ports of its NIC, itself included
}

// NewNetwork indexes ports. Two ports of one name are an error.
func NewNetwork(ports []Port) (*Network, error) {
	n := &Network{ports: slices.Clone(ports)}
	slices.SortFunc(n.ports, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Interface, b.Interface))
	})
	for i := 1; i < len(n.ports); i++ {
		if n.ports[i].Node == n.ports[i-1].Node && n.ports[i].Interface == n.ports[i-1].Interface {
			return nil, fmt.Errorf("port %s is listed twice", n.ports[i])
		}
	}
	n.classify(byLAN, func(p Port) (any, bool) { return p.LAN, p.LAN != 0 })
	n.classify(byNIC, func(p Port) (any, bool) { return [2]string{p.Node, p.NIC}, p.NIC != "" })
	n.classify(byNode, func(p Port) (any, bool) { return p.Node, true })
	n.measureNICs()
	return n, nil
}

// Ports lists the ports by name.
func (n *Network) Ports() []Port { return slices.Clone(n.ports) }

// classify numbers the classes of an attribute. A port without the attribute is a class of its own.
func (n *Network) classify(a attribute, key func(Port) (value any, has bool)) {
	known := map[any]int{}
	n.class[a] = make([]int, len(n.ports))
	for i, p := range n.ports {
		value, has := key(p)
		class, seen := known[value]
		if !has || !seen {
			class = len(n.members[a])
			n.members[a] = append(n.members[a], nil)
		}
		if has {
			known[value] = class
		}
		n.class[a][i] = class
		n.members[a][class] = append(n.members[a][class], i)
	}
}

func (n *Network) measureNICs() {
	n.nicSize = make([]int, len(n.ports))
	for _, nic := range n.members[byNIC] {
		size := 0
		for _, port := range nic {
			if n.ports[port].PTP {
				size++
			}
		}
		for _, port := range nic {
			n.nicSize[port] = size
		}
	}
}
