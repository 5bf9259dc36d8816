package ovs

import (
	"fmt"
	"slices"
)

// changeKind is what is to be done to one bridge or port.
type changeKind int

const (
	deletePort changeKind = iota // the order is that of the transaction
	deleteBridge
	setBridge
	setPort
	addBridge
	addPort
)

// change is one difference between what is and what is wanted.
type change struct {
	kind   changeKind
	bridge string
	port   string // of deletePort, setPort and addPort
	vlan   int    // of setPort and addPort
	was    int    // of setPort: VLAN before
	path   string // of addBridge and setBridge: datapath type
}

// String is one line for a person.
func (c change) String() string {
	switch c.kind {
	case deletePort:
		return fmt.Sprintf("remove port %s from bridge %s", c.port, c.bridge)
	case deleteBridge:
		return fmt.Sprintf("remove bridge %s", c.bridge)
	case setBridge:
		return fmt.Sprintf("set datapath type %q and fail mode of bridge %s", c.path, c.bridge)
	case setPort:
		return fmt.Sprintf("move port %s of bridge %s from VLAN %d to VLAN %d", c.port, c.bridge, c.was, c.vlan)
	case addBridge:
		return fmt.Sprintf("add bridge %s", c.bridge)
	default:
		return fmt.Sprintf("add port %s to bridge %s in VLAN %d", c.port, c.bridge, c.vlan)
	}
}

// compare lists what must be done so that the lab's bridges become the wanted ones. Bridges with another mark are
// neither changed nor deleted; a wanted bridge of such a name is an error.
func compare(have []BridgeState, want []Bridge, lab string) ([]change, error) {
	var changes []change
	for _, h := range have {
		if h.Lab == lab && !slices.ContainsFunc(want, func(w Bridge) bool { return w.Name == h.Name }) {
			changes = append(changes, change{kind: deleteBridge, bridge: h.Name})
		}
	}
	for _, w := range want {
		i := slices.IndexFunc(have, func(h BridgeState) bool { return h.Name == w.Name })
		if i < 0 {
			changes = append(changes, change{kind: addBridge, bridge: w.Name, path: w.Datapath})
			changes = append(changes, comparePorts(w, nil)...)
			continue
		}
		if have[i].Lab != lab {
			return nil, fmt.Errorf("bridge %s exists and is not this lab's: external_ids:%s=%q, want %q", w.Name, markKey, have[i].Lab, lab)
		}
		if have[i].Datapath != w.Datapath || have[i].FailMode != failSecure {
			changes = append(changes, change{kind: setBridge, bridge: w.Name, path: w.Datapath})
		}
		changes = append(changes, comparePorts(w, have[i].Ports)...)
	}
	slices.SortStableFunc(changes, func(a, b change) int { return int(a.kind) - int(b.kind) })
	return changes, nil
}

func comparePorts(want Bridge, have []PortState) []change {
	var changes []change
	wanted := make(map[string]bool, len(want.Ports))
	existing := make(map[string]PortState, len(have))
	for _, p := range have {
		existing[p.Name] = p
	}
	for _, p := range want.Ports {
		wanted[p.Name] = true
		h, ok := existing[p.Name]
		switch {
		case !ok:
			changes = append(changes, change{kind: addPort, bridge: want.Name, port: p.Name, vlan: p.VLAN})
		case h.VLAN != p.VLAN:
			changes = append(changes, change{kind: setPort, bridge: want.Name, port: p.Name, vlan: p.VLAN, was: h.VLAN})
		}
	}
	for _, p := range have {
		if !wanted[p.Name] {
			changes = append(changes, change{kind: deletePort, bridge: want.Name, port: p.Name})
		}
	}
	return changes
}

// check refuses bridges that cannot be made, before anything is changed.
func check(want []Bridge) error {
	bridges, ports := map[string]bool{}, map[string]string{}
	for _, b := range want {
		if !validBridge.MatchString(b.Name) {
			return fmt.Errorf("bridge name %q is not 1-15 letters, digits, '_', '.' or '-'", b.Name)
		}
		if bridges[b.Name] {
			return fmt.Errorf("bridge %s is wanted twice", b.Name)
		}
		bridges[b.Name] = true
		if b.Datapath != DatapathKernel && b.Datapath != DatapathUser {
			return fmt.Errorf("bridge %s: datapath type %q is neither %q nor %q", b.Name, b.Datapath, DatapathKernel, DatapathUser)
		}
		for _, p := range b.Ports {
			if !validBridge.MatchString(p.Name) {
				return fmt.Errorf("bridge %s: port name %q is not 1-15 letters, digits, '_', '.' or '-'", b.Name, p.Name)
			}
			if p.VLAN < 1 || p.VLAN > 4094 {
				return fmt.Errorf("bridge %s: port %s: VLAN %d is outside 1-4094", b.Name, p.Name, p.VLAN)
			}
			if other, ok := ports[p.Name]; ok {
				return fmt.Errorf("port %s is wanted in bridge %s and in bridge %s", p.Name, other, b.Name)
			}
			ports[p.Name] = b.Name
		}
	}
	for port := range ports {
		if bridges[port] {
			return fmt.Errorf("%s is wanted as a port and as a bridge", port)
		}
	}
	return nil
}
