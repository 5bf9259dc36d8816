package topology

import (
	"fmt"
	"slices"
	"strconv"
)

// Base is what the labs that are on a host already use, so that another takes none of it. The zero Base is a host
// without labs.
type Base struct {
	Devices int // netdevsim device ids 1 to Devices are taken
	Slots   int // so many PCI slots, from 0000:1f:01 on, are taken
	Ports   int // so many MAC addresses, from 00:11:22:33:00:01 on, are taken
}

// After returns what is taken once the plan is, too.
func (b Base) After(p *Plan) Base {
	for _, n := range p.NICs {
		b.Devices = max(b.Devices, n.ID)
		b.Ports += len(n.Ports)
		if n.PCI != "" {
			b.Slots++
		}
	}
	return b
}

// Expand allocates everything that a topology needs: device ids, PCI slots, interface names, MACs, switch ports and
// cables. The topology is one that Parse accepted. The same topology and base give the same plan.
//
// Workers, NICs and ports keep the order of the file. Cables come in the order of the worker ports, then those of the
// external grandmasters. Switch ports are numbered through the VLANs in ascending order.
func Expand(t *Topology, base Base) *Plan {
	e := &expansion{t: t, base: base, plan: &Plan{Name: t.Name, Seed: DefaultSeed, Nodes: NodesPlain}, peer: map[PortRef]PortRef{}, link: map[PortRef]LinkSpec{}, domain: map[PortRef]int{}}
	if t.Seed != nil {
		e.plan.Seed = *t.Seed
	}
	if t.Cluster != nil && t.Cluster.Nodes != "" {
		e.plan.Nodes = t.Cluster.Nodes
	}
	e.workers()
	e.grandmasters()
	e.switches()
	e.cables()
	e.clocks()
	return e.plan
}

// expansion is the state of one Expand.
type expansion struct {
	t      *Topology
	base   Base // moves on with each allocation
	plan   *Plan
	peer   map[PortRef]PortRef  // the other end of each cable, by its A end
	link   map[PortRef]LinkSpec // properties, by A end
	domain map[PortRef]int      // of the switch that a worker port is plugged into
}

// nic allocates a NIC.
func (e *expansion) nic(kind OwnerKind, owner, name string, ports []string, o OscillatorSpec) {
	e.base.Devices++
	n := NIC{ID: e.base.Devices, OwnerKind: kind, Owner: owner, Name: name}
	n.Oscillator = Oscillator{OffsetNs: int64(o.Offset), DriftPPB: o.Drift.PPB(), WanderPPB: o.Wander.PPB()}
	if kind == OwnerWorker {
		n.PCI = pciAddress(e.base.Slots, 0)
	}
	for i, port := range ports {
		e.base.Ports++
		p := Port{Name: port, Index: i, MAC: macAddress(e.base.Ports)}
		if kind == OwnerWorker {
			p.PCI = pciAddress(e.base.Slots, i)
		}
		n.Ports = append(n.Ports, p)
	}
	if kind == OwnerWorker {
		e.base.Slots++
	}
	e.plan.NICs = append(e.plan.NICs, n)
}

// pciAddress is the address of a function of the slot with this running number: 31 slots a bus, from bus 1f up.
func pciAddress(slot, function int) string {
	const slots, firstBus, buses = 31, 0x1f, 0x100 - 0x1f
	bus := slot / slots
	return fmt.Sprintf("%04x:%02x:%02x.%d", bus/buses, firstBus+bus%buses, slot%slots+1, function)
}

// macAddress is the nth MAC address of the host's labs, from 00:11:22:33:00:01 up.
func macAddress(n int) string {
	low := 0x22330000 + n
	return fmt.Sprintf("00:11:%02x:%02x:%02x:%02x", low>>24&0xff, low>>16&0xff, low>>8&0xff, low&0xff)
}

func (e *expansion) workers() {
	for _, w := range e.t.Workers {
		e.plan.Workers = append(e.plan.Workers, w.Name)
		for _, n := range w.Value.NICs {
			ports := make([]string, portsOf(n.Value))
			for i := range ports {
				ports[i] = portName(n.Name, i)
			}
			e.nic(OwnerWorker, w.Name, n.Name, ports, n.Value.OscillatorSpec)
		}
	}
}

// grandmasterNIC is the name of the NIC of an external grandmaster; it has one port.
const grandmasterNIC = "ens1"

func (e *expansion) grandmasters() {
	for _, g := range e.t.Grandmasters {
		s := g.Value
		e.plan.Grandmasters = append(e.plan.Grandmasters, Grandmaster{
			Name:       g.Name,
			Domain:     or(s.Domain, switchDomain(e.switchOf(s))),
			ClockClass: or(s.ClockClass, DefaultClockClass),
			Priority1:  or(s.Priority1, DefaultPriority),
			Priority2:  or(s.Priority2, DefaultPriority),
			Port:       portName(grandmasterNIC, 0),
		})
		e.nic(OwnerGrandmaster, g.Name, grandmasterNIC, []string{portName(grandmasterNIC, 0)}, s.OscillatorSpec)
		if s.Cable != nil {
			e.link[PortRef{g.Name, portName(grandmasterNIC, 0)}] = *s.Cable
		}
	}
}

// switchOf is the switch that a grandmaster is plugged into.
func (e *expansion) switchOf(g GrandmasterSpec) Entry[SwitchSpec] {
	for _, s := range switchesOf(e.t) {
		if g.Switch == "" || g.Switch == s.Name {
			return s
		}
	}
	return Entry[SwitchSpec]{}
}

func switchDomain(s Entry[SwitchSpec]) int {
	if s.Value.PTP == nil {
		return DefaultDomain
	}
	return or(s.Value.PTP.Domain, DefaultDomain)
}

func (e *expansion) switches() {
	for _, s := range switchesOf(e.t) {
		sw := Switch{Name: s.Name, Profile: DefaultProfile, Domain: switchDomain(s)}
		if s.Value.PTP != nil && s.Value.PTP.Profile != "" {
			sw.Profile = s.Value.PTP.Profile
		}
		vlans := slices.Clone(s.Value.VLANs)
		slices.SortStableFunc(vlans, func(a, b Entry[[]PortRef]) int { return vlanNumber(a.Name) - vlanNumber(b.Name) })
		ports := 0
		for _, v := range vlans {
			sw.VLANs = append(sw.VLANs, e.vlan(s.Name, sw.Domain, v, &ports))
		}
		e.plan.Switches = append(e.plan.Switches, sw)
	}
}

func vlanNumber(s string) int {
	id, _ := strconv.Atoi(s)
	return id
}

// vlan makes a VLAN with its NIC: a port for each worker port in it, then one for each grandmaster.
func (e *expansion) vlan(sw string, domain int, v Entry[[]PortRef], ports *int) VLAN {
	id := vlanNumber(v.Name)
	out := VLAN{ID: id, NIC: fmt.Sprintf("v%d", id)}
	ends := slices.Clone(v.Value)
	for _, g := range e.t.Grandmasters {
		if g.Value.VLAN == id && e.switchOf(g.Value).Name == sw {
			ends = append(ends, PortRef{g.Name, portName(grandmasterNIC, 0)})
		}
	}
	for _, far := range ends {
		*ports++
		name := fmt.Sprintf("%sp%d", sw, *ports)
		out.Ports = append(out.Ports, name)
		e.peer[far] = PortRef{sw, name}
		e.domain[far] = domain
	}
	e.nic(OwnerSwitch, sw, out.NIC, out.Ports, OscillatorSpec{})
	return out
}

func (e *expansion) cables() {
	for _, c := range e.t.Cables {
		switch {
		case len(c.Between) == 2:
			e.peer[c.Between[0]] = c.Between[1]
			e.link[c.Between[0]] = c.LinkSpec
		case c.Port != nil:
			e.link[*c.Port] = c.LinkSpec
		}
	}
	for _, n := range e.plan.NICs {
		for _, p := range n.Ports {
			a := PortRef{n.Owner, p.Name}
			if b, plugged := e.peer[a]; plugged && n.OwnerKind != OwnerSwitch {
				e.plan.Cables = append(e.plan.Cables, cable(a, b, e.link[a]))
			}
		}
	}
}

func cable(a, b PortRef, l LinkSpec) Cable {
	c := Cable{A: a, B: b, DelayNs: DefaultCableDelay, AsymmetryNs: int64(l.Asymmetry), JitterNs: int64(l.Jitter), LossPPM: int64(l.Loss)}
	if l.Delay != nil {
		c.DelayNs = int64(*l.Delay)
	}
	return c
}

func (e *expansion) clocks() {
	for _, k := range e.t.Clocks {
		s := k.Value
		c := Clock{Name: k.Name, Worker: workerOf(s), Type: s.Type, SystemClock: s.SystemClock, HighAvailability: s.HighAvailability}
		c.ReceivePorts, c.TransmitPorts = interfaces(s.Receive), interfaces(s.Transmit)
		c.Domain = or(s.Domain, DefaultDomain)
		if ports := append(slices.Clone(s.Receive), s.Transmit...); s.Domain == nil && len(ports) > 0 {
			if d, ok := e.domain[ports[0]]; ok {
				c.Domain = d
			}
		}
		e.plan.Clocks = append(e.plan.Clocks, c)
	}
}

// interfaces are the interface names of some ports.
func interfaces(refs []PortRef) []string {
	var names []string
	for _, r := range refs {
		names = append(names, r.Port)
	}
	return names
}

// or is the number that was given, else the default.
func or(given *int, otherwise int) int {
	if given != nil {
		return *given
	}
	return otherwise
}
