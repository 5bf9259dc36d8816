package topology

// NICByName returns the NIC of an owner, such as NICByName("w1", "ens1"); nil if there is none.
func (p *Plan) NICByName(owner, nic string) *NIC {
	for i := range p.NICs {
		if p.NICs[i].Owner == owner && p.NICs[i].Name == nic {
			return &p.NICs[i]
		}
	}
	return nil
}

// PortByRef returns a port and the NIC that it is part of; nil if there is none.
func (p *Plan) PortByRef(ref PortRef) (*NIC, *Port) {
	for i := range p.NICs {
		if p.NICs[i].Owner != ref.Owner {
			continue
		}
		for j := range p.NICs[i].Ports {
			if p.NICs[i].Ports[j].Name == ref.Port {
				return &p.NICs[i], &p.NICs[i].Ports[j]
			}
		}
	}
	return nil, nil
}

// Peer returns the other end of a port's cable; false if none is plugged in.
func (p *Plan) Peer(ref PortRef) (PortRef, bool) {
	for i := range p.Cables {
		switch ref {
		case p.Cables[i].A:
			return p.Cables[i].B, true
		case p.Cables[i].B:
			return p.Cables[i].A, true
		}
	}
	return PortRef{}, false
}

// CableOf returns the cable that is plugged into a port, at either end; nil if there is none.
func (p *Plan) CableOf(ref PortRef) *Cable {
	for i := range p.Cables {
		if p.Cables[i].A == ref || p.Cables[i].B == ref {
			return &p.Cables[i]
		}
	}
	return nil
}

// VLANOf returns the switch and VLAN that a port belongs to: the switch's own port, or one that a cable joins to it.
// Both are nil if there is none.
func (p *Plan) VLANOf(ref PortRef) (*Switch, *VLAN) {
	if peer, ok := p.Peer(ref); ok && p.SwitchByName(ref.Owner) == nil {
		ref = peer
	}
	sw := p.SwitchByName(ref.Owner)
	if sw == nil {
		return nil, nil
	}
	for i := range sw.VLANs {
		for _, port := range sw.VLANs[i].Ports {
			if port == ref.Port {
				return sw, &sw.VLANs[i]
			}
		}
	}
	return nil, nil
}

// SwitchByName returns a switch, nil if there is none.
func (p *Plan) SwitchByName(name string) *Switch {
	for i := range p.Switches {
		if p.Switches[i].Name == name {
			return &p.Switches[i]
		}
	}
	return nil
}

// ClockByName returns a worker's PTP instance, nil if there is none.
func (p *Plan) ClockByName(name string) *Clock {
	for i := range p.Clocks {
		if p.Clocks[i].Name == name {
			return &p.Clocks[i]
		}
	}
	return nil
}

// ClocksOn returns the PTP instances of a worker, in the order of the file.
func (p *Plan) ClocksOn(worker string) []Clock {
	var clocks []Clock
	for _, c := range p.Clocks {
		if c.Worker == worker {
			clocks = append(clocks, c)
		}
	}
	return clocks
}

// NICsOf returns the NICs of a worker, switch or grandmaster.
func (p *Plan) NICsOf(owner string) []NIC {
	var nics []NIC
	for _, n := range p.NICs {
		if n.Owner == owner {
			nics = append(nics, n)
		}
	}
	return nics
}

// DirectionsNs is how long frames take from A to B and from B to A, ns. The difference is AsymmetryNs exactly; an odd
// asymmetry makes the mean differ from DelayNs by half a nanosecond.
func (c Cable) DirectionsNs() (aToB, bToA int64) {
	aToB = c.DelayNs + c.AsymmetryNs/2
	return aToB, aToB - c.AsymmetryNs
}
