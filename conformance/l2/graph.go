package l2

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Graph is how the ports of a system are cabled, as far as they heard each other. It is made anew from reports, so that the same
// reports give the same graph. Everything in it is sorted.
type Graph struct {
	Nodes        []string      `json:"nodes"`
	Ports        []Port        `json:"ports"`
	LANs         []LAN         `json:"lans"`
	NICs         []NIC         `json:"nics"`
	Grandmasters []Grandmaster `json:"grandmasters"`
	Faults       []string      `json:"faults"` // sentences
}

// Port is an interface of a node.
type Port struct {
	Node      string   `json:"node"`
	Interface string   `json:"interface"`
	MAC       string   `json:"mac"`
	Link      State    `json:"link"`                // whether it has a link
	PTP       State    `json:"ptp"`                 // whether it takes hardware time stamps
	PHC       *int     `json:"phc,omitempty"`       // N of /dev/ptpN
	PCI       *PCI     `json:"pci,omitempty"`       //
	Pins      bool     `json:"pins,omitempty"`      // its clock has programmable pins
	GNSS      string   `json:"gnss,omitempty"`      // the card's GNSS receiver
	Master    string   `json:"master,omitempty"`    // the bond or bridge that it is a port of
	LAN       int      `json:"lan,omitempty"`       // number of its LAN; 0 without: skipped or a bond member
	NIC       int      `json:"nic"`                 // number of its NIC
	Skipped   bool     `json:"skipped,omitempty"`   // the user said to leave it alone
	Member    bool     `json:"member,omitempty"`    // of a link aggregation
	Heard     bool     `json:"heard,omitempty"`     // another port has heard its probes
	Outside   []string `json:"outside,omitempty"`   // MAC addresses outside the system from which it receives PTP
	Announces []Clock  `json:"announces,omitempty"` // by grandmaster
}

// State is yes, no, or unknown where a report of an old daemon does not say.
type State string

// The values of State.
const (
	Yes     State = "yes"
	No      State = "no"
	Unknown State = "unknown"
)

func state(yes, known bool) State {
	switch {
	case !known:
		return Unknown
	case yes:
		return Yes
	}
	return No
}

// Ref names the port as the rest of the suite does.
func (p Port) Ref() sut.PortRef { return sut.PortRef{Node: p.Node, Interface: p.Interface} }

// String is "w1/ens1f0".
func (p Port) String() string { return p.Ref().String() }

// LAN is a set of ports that heard each other, directly or over others. A port that nobody heard is a LAN of its own.
type LAN struct {
	Number int      `json:"number"` // from 1
	Ports  []string `json:"ports"`  // "w1/ens1f0"
}

// NIC is the set of ports of one node on one PCI device or, where there is none, with one PTP hardware clock.
type NIC struct {
	Number int      `json:"number"` // from 1
	Node   string   `json:"node"`
	PCI    string   `json:"pci,omitempty"` // "0000:1f:01"
	PHC    *int     `json:"phc,omitempty"` // clock of its first port that has one
	Ports  []string `json:"ports"`
}

// Grandmaster is a clock that Announce messages name as the source of time.
type Grandmaster struct {
	Identity string          `json:"identity"` // "020000.fffe.000a01"
	Domain   uint8           `json:"domain"`
	Heard    []HeardAnnounce `json:"heard"`
}

// HeardAnnounce is what a port heard of a grandmaster.
type HeardAnnounce struct {
	Port     string `json:"port"`
	Announce Clock  `json:"announce"`
}

// Merge makes the graph from the newest report of each node.
func Merge(reports map[string]Report, skip Skip) *Graph {
	g := &Graph{
		Nodes: slices.Sorted(maps.Keys(reports)),
		Ports: []Port{}, LANs: []LAN{}, NICs: []NIC{}, Grandmasters: []Grandmaster{}, Faults: []string{}, // not null in JSON
	}
	for _, node := range g.Nodes {
		ports := reports[node].ports()
		for _, name := range slices.Sorted(maps.Keys(ports)) {
			g.Ports = append(g.Ports, newPort(node, ports[name], skip))
		}
	}
	g.groupNICs()
	hearings := g.listen(reports)
	g.groupLANs(hearings)
	g.receive(reports)
	g.collectGrandmasters()
	return g
}

func newPort(node string, l Local, skip Skip) Port {
	p := Port{
		Node: node, Interface: l.IfName, MAC: l.Address(), Link: state(l.Up()), PTP: state(l.IsPTP()),
		Skipped: skip.Has(node, l.IfName), Member: l.IsMember(),
	}
	if phc, ok := l.PHC(); ok {
		p.PHC = &phc
	}
	if l.Details == nil {
		return p
	}
	p.Master = l.IfMaster
	if l.IfPci.Device != "" {
		p.PCI = &l.IfPci
	}
	if l.IfPTPCaps.ClockDetails != nil {
		p.Pins, p.GNSS = l.IfPTPCaps.HasPtpPins, l.IfPTPCaps.GnssDevice
	}
	return p
}

// Port finds a port.
func (g *Graph) Port(ref sut.PortRef) (Port, bool) {
	i := slices.IndexFunc(g.Ports, func(p Port) bool { return p.Ref() == ref })
	if i < 0 {
		return Port{}, false
	}
	return g.Ports[i], true
}

// PTPPorts are the ports that can be ports of a clock: they take hardware time stamps, and nothing speaks against their use.
func (g *Graph) PTPPorts() []Port {
	return g.portsThat(func(p Port) bool { return p.PTP == Yes && !p.Skipped && !p.Member })
}

// Receiving are the ports that receive PTP from outside the system, in general from an external grandmaster.
func (g *Graph) Receiving() []Port {
	return g.portsThat(func(p Port) bool { return len(p.Outside) > 0 && !p.Skipped })
}

func (g *Graph) portsThat(want func(Port) bool) []Port {
	return slices.DeleteFunc(slices.Clone(g.Ports), func(p Port) bool { return !want(p) })
}

// groupNICs numbers the NICs. A port that shares neither PCI device nor clock is a NIC of its own.
func (g *Graph) groupNICs() {
	numbers := map[string]int{}
	for i := range g.Ports {
		p := &g.Ports[i]
		key := p.nicKey()
		if numbers[key] == 0 {
			nic := NIC{Number: len(g.NICs) + 1, Node: p.Node}
			if p.PCI != nil {
				nic.PCI = p.PCI.Device
			}
			numbers[key] = nic.Number
			g.NICs = append(g.NICs, nic)
		}
		p.NIC = numbers[key]
		nic := &g.NICs[p.NIC-1]
		nic.Ports = append(nic.Ports, p.String())
		if nic.PHC == nil {
			nic.PHC = p.PHC
		}
	}
}

func (p *Port) nicKey() string {
	switch {
	case p.PCI != nil:
		return fmt.Sprintf("%s pci %s", p.Node, p.PCI.Device)
	case p.PHC != nil:
		return fmt.Sprintf("%s phc %d", p.Node, *p.PHC)
	}
	return fmt.Sprintf("%s port %s", p.Node, p.Interface)
}

// receive notes which ports receive PTP from outside the system, and what announces they hear.
func (g *Graph) receive(reports map[string]Report) {
	inside := map[string]bool{}
	for _, p := range g.Ports {
		inside[p.MAC] = true
	}
	for i := range g.Ports {
		p := &g.Ports[i]
		n := reports[p.Node][PTP][p.Interface]
		if n == nil || p.Skipped {
			continue
		}
		for _, mac := range n.Remote.sorted() {
			if !inside[mac] {
				p.Outside = append(p.Outside, mac)
			}
		}
		for _, gm := range slices.Sorted(maps.Keys(n.Announces)) {
			p.Announces = append(p.Announces, *n.Announces[gm])
		}
	}
}

// collectGrandmasters turns the announces of the ports round.
func (g *Graph) collectGrandmasters() {
	type key struct {
		identity string
		domain   uint8
	}
	found := map[key]*Grandmaster{}
	for _, p := range g.Ports {
		for _, a := range p.Announces {
			k := key{a.Grandmaster, a.Domain}
			if found[k] == nil {
				found[k] = &Grandmaster{Identity: a.Grandmaster, Domain: a.Domain}
			}
			found[k].Heard = append(found[k].Heard, HeardAnnounce{p.String(), a})
		}
	}
	for _, gm := range found {
		g.Grandmasters = append(g.Grandmasters, *gm)
	}
	slices.SortFunc(g.Grandmasters, func(a, b Grandmaster) int {
		return cmp.Or(cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Domain, b.Domain))
	})
}
