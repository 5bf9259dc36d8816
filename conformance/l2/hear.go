package l2

import "maps"

// hear records a frame at a port of a node that has the given MAC addresses. It says whether that was news.
func (r Report) hear(port Local, f Frame, own map[string]bool) bool {
	switch {
	case f.Source == port.Address():
		return false
	case own[f.Source] && f.EtherType != etherProbe:
		return false
	case f.EtherType == etherPTP:
		n := r.neighbors(PTP, port)
		fresh := !n.Remote[f.Source]
		n.Remote[f.Source] = true
		clock, err := DecodeAnnounce(f.Payload)
		if err != nil {
			return fresh // most PTP messages are of another type
		}
		clock.MAC, clock.VLAN = f.Source, f.VLAN
		return n.keep(clock) || fresh
	case f.EtherType == etherProbe:
		return r.neighbors(Probes, port).hearProbe(f, own[f.Source])
	}
	return false
}

func (n *Neighbors) hearProbe(f Frame, own bool) bool {
	if f.VLAN != 0 {
		if n.Tagged == nil {
			n.Tagged = map[string]uint16{}
		}
		_, known := n.Tagged[f.Source]
		n.Tagged[f.Source] = f.VLAN
		return !known
	}
	heard := n.Remote
	if own {
		if n.Own == nil {
			n.Own = MACs{}
		}
		heard = n.Own
	}
	known := heard[f.Source]
	heard[f.Source] = true
	return !known
}

// clone copies a report, so that it can be read while the original grows.
func (r Report) clone() Report {
	c := Report{}
	for ethertype, ports := range r {
		c[ethertype] = map[string]*Neighbors{}
		for name, n := range ports {
			c[ethertype][name] = &Neighbors{n.Local, maps.Clone(n.Remote), maps.Clone(n.Announces), maps.Clone(n.Own), maps.Clone(n.Tagged)}
		}
	}
	return c
}
