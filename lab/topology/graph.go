package topology

import (
	"fmt"
	"strings"
)

// graph is what the renderers share: a lab as nodes and the cables between them, with the words on them.
type graph struct {
	plan  *Plan
	roles map[PortRef]role
	peer  map[PortRef]PortRef
}

// role is what a port does in PTP.
type role struct {
	clock    string
	kind     ClockType
	receives bool
}

func newGraph(p *Plan) *graph {
	g := &graph{plan: p, roles: map[PortRef]role{}, peer: map[PortRef]PortRef{}}
	for _, c := range p.Clocks {
		for _, port := range c.ReceivePorts {
			g.roles[PortRef{c.Worker, port}] = role{c.Name, c.Type, true}
		}
		for _, port := range c.TransmitPorts {
			g.roles[PortRef{c.Worker, port}] = role{c.Name, c.Type, false}
		}
	}
	for _, gm := range p.Grandmasters {
		g.roles[PortRef{gm.Name, gm.Port}] = role{gm.Name, ClockGrandmaster, false}
	}
	for _, c := range p.Cables {
		g.peer[c.A], g.peer[c.B] = c.B, c.A
	}
	return g
}

// flow is the way that time takes over a cable.
type flow int

const (
	flowNone flow = iota // nothing is known to run over it
	flowAToB             // A transmits, or B receives
	flowBToA
)

func (g *graph) flow(c Cable) flow {
	a, hasA := g.roles[c.A]
	b, hasB := g.roles[c.B]
	switch {
	case hasA && !a.receives, !hasA && hasB && b.receives:
		return flowAToB
	case hasA && a.receives, hasB:
		return flowBToA
	}
	return flowNone
}

// words are what is unusual about a cable, "" if nothing is.
func (c Cable) words() string {
	var w []string
	if c.DelayNs != DefaultCableDelay {
		w = append(w, Duration(c.DelayNs).String())
	}
	if c.AsymmetryNs != 0 {
		w = append(w, "asymmetry "+Duration(c.AsymmetryNs).String())
	}
	if c.JitterNs != 0 {
		w = append(w, "jitter "+Duration(c.JitterNs).String())
	}
	if c.LossPPM != 0 {
		w = append(w, "loss "+Ratio(c.LossPPM).String())
	}
	return strings.Join(w, ", ")
}

// words are how an oscillator errs, "" if it does not.
func (o Oscillator) words() string {
	var w []string
	if o.OffsetNs != 0 {
		w = append(w, fmt.Sprintf("offset %s", Duration(o.OffsetNs)))
	}
	if o.DriftPPB != 0 {
		w = append(w, fmt.Sprintf("drift %gppb", o.DriftPPB))
	}
	if o.WanderPPB != 0 {
		w = append(w, fmt.Sprintf("wander %gppb", o.WanderPPB))
	}
	return strings.Join(w, ", ")
}

// verb is what a port does, "receives".
func (r role) verb() string {
	if r.receives {
		return "receives"
	}
	return "transmits"
}

// vlanOf is the VLAN of a switch's own port; false for any other port.
func (g *graph) vlanOf(ref PortRef) (vlan VLAN, ok bool) {
	sw := g.plan.SwitchByName(ref.Owner)
	if sw == nil {
		return VLAN{}, false
	}
	for _, v := range sw.VLANs {
		for _, port := range v.Ports {
			if port == ref.Port {
				return v, true
			}
		}
	}
	return VLAN{}, false
}
