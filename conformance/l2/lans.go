package l2

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// sorted lists the addresses in upper case.
func (m MACs) sorted() []string {
	upper := map[string]bool{}
	for mac, heard := range m {
		if heard {
			upper[strings.ToUpper(mac)] = true
		}
	}
	return slices.Sorted(maps.Keys(upper))
}

// hearing says that one port heard the probes of another. Ports are indexes of Graph.Ports.
type hearing struct{ by, sender int }

// listen finds out who heard whom, and whose probes came with a VLAN tag. Addresses that no port or several ports have say nothing.
func (g *Graph) listen(reports map[string]Report) map[hearing]bool {
	owners := g.owners()
	hearings := map[hearing]bool{}
	for by, p := range g.Ports {
		n := reports[p.Node][Probes][p.Interface]
		if n == nil || !p.probed() {
			continue
		}
		for _, mac := range slices.Concat(n.Remote.sorted(), n.Own.sorted()) {
			if sender, ok := owners[mac]; ok && sender != by && g.Ports[sender].probed() {
				hearings[hearing{by, sender}] = true
				g.Ports[sender].Heard = true
			}
		}
		for _, mac := range slices.Sorted(maps.Keys(n.Tagged)) {
			if sender, ok := owners[strings.ToUpper(mac)]; ok && !hearings[hearing{by, sender}] && g.Ports[sender].probed() {
				g.Faults = append(g.Faults, fmt.Sprintf("%s hears %s only with VLAN tag %d, so that they share no untagged LAN; "+
					"the switch port of %s may be a trunk", p, g.Ports[sender], n.Tagged[mac], p))
			}
		}
	}
	return hearings
}

// owners maps each address to the port that has it, if it is only one.
func (g *Graph) owners() map[string]int {
	ports := map[string][]int{}
	for i, p := range g.Ports {
		ports[p.MAC] = append(ports[p.MAC], i)
	}
	owners := map[string]int{}
	for _, mac := range slices.Sorted(maps.Keys(ports)) {
		if same := ports[mac]; len(same) == 1 {
			owners[mac] = same[0]
			continue
		}
		var names []string
		for _, i := range ports[mac] {
			names = append(names, g.Ports[i].String())
		}
		g.Faults = append(g.Faults, fmt.Sprintf("%s have the same MAC address %s, so that nobody can tell which of them was heard",
			strings.Join(names, ", "), mac))
	}
	return owners
}

// probed says whether a port takes part in finding LANs.
func (p Port) probed() bool { return !p.Skipped && !p.Member }

// groupLANs numbers the components of the graph of ports that heard each other. A hearing in one direction only joins nothing and is
// a fault.
func (g *Graph) groupLANs(hearings map[hearing]bool) {
	g.Faults = append(g.Faults, g.oneWay(hearings)...)
	neighbors := map[int][]int{}
	for h := range hearings {
		if hearings[hearing{h.sender, h.by}] {
			neighbors[h.by] = append(neighbors[h.by], h.sender)
		}
	}
	for i := range g.Ports {
		if g.Ports[i].LAN != 0 || !g.Ports[i].probed() {
			continue
		}
		lan := LAN{Number: len(g.LANs) + 1}
		members := []int{i}
		g.Ports[i].LAN = lan.Number
		for at := 0; at < len(members); at++ {
			for _, next := range neighbors[members[at]] {
				if g.Ports[next].LAN == 0 {
					g.Ports[next].LAN = lan.Number
					members = append(members, next)
				}
			}
		}
		slices.Sort(members)
		for _, m := range members {
			lan.Ports = append(lan.Ports, g.Ports[m].String())
		}
		g.LANs = append(g.LANs, lan)
	}
}

// oneWay writes a fault for each pair of which only one heard the other.
func (g *Graph) oneWay(hearings map[hearing]bool) []string {
	var lonely []hearing
	for h := range hearings {
		if !hearings[hearing{h.sender, h.by}] {
			lonely = append(lonely, h)
		}
	}
	slices.SortFunc(lonely, func(a, b hearing) int { return cmp.Or(a.by-b.by, a.sender-b.sender) })
	var faults []string
	for _, h := range lonely {
		faults = append(faults, fmt.Sprintf("%s hears %s, but not the other way round", g.Ports[h.by], g.Ports[h.sender]))
	}
	return faults
}

// Unheard are those of the expected ports that no other port has heard, those that do not exist among them. Without expectation
// every port that may have a link is expected, unless it is skipped or a member of a bond.
func (g *Graph) Unheard(expect []sut.PortRef) []sut.PortRef {
	if expect == nil {
		for _, p := range g.Ports {
			if p.probed() && p.Link != No {
				expect = append(expect, p.Ref())
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(expect), func(r sut.PortRef) bool {
		p, _ := g.Port(r)
		return p.Heard
	})
}

// addUnheard makes a fault of the ports that nobody heard.
func (g *Graph) addUnheard(unheard []sut.PortRef, waited time.Duration) {
	var names []string
	for _, ref := range unheard {
		names = append(names, ref.String())
	}
	if len(names) > 0 {
		g.Faults = append(g.Faults, fmt.Sprintf("no other port heard %s in %s", strings.Join(names, ", "), waited.Round(time.Millisecond)))
	}
}
