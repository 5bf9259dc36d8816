package ovs

import (
	"cmp"
	"context"
	"slices"
)

// Datapath types of a bridge (column datapath_type).
const (
	DatapathKernel = ""       // the openvswitch kernel module
	DatapathUser   = "netdev" // in ovs-vswitchd, for kernels without that module
)

// Bridge is what the caller wants a bridge to be. Frames are switched within a VLAN by MAC learning; PTP frames are
// dropped.
type Bridge struct {
	Name     string // at most 15 bytes
	Datapath string // DatapathKernel or DatapathUser
	Ports    []Port
}

// Port is an access port: an interface that exists in the daemons' namespace.
type Port struct {
	Name string
	VLAN int // 1-4094, IEEE 802.1Q
}

// State is what exists now.
type State struct {
	Daemons []Daemon      `json:"daemons,omitempty"`
	Bridges []BridgeState `json:"bridges,omitempty"` // by name; empty when the daemons do not run
}

// Running tells whether both daemons run.
func (st State) Running() bool { return len(st.Daemons) == 2 }

// BridgeState is a bridge as the daemons have it.
type BridgeState struct {
	Name     string      `json:"name"`
	Datapath string      `json:"datapath"`           // DatapathKernel or DatapathUser
	FailMode string      `json:"failMode,omitempty"` // "secure": no switching but by the flows
	Lab      string      `json:"lab,omitempty"`      // the mark; "" if nobody's
	Ports    []PortState `json:"ports,omitempty"`    // by name, without the bridge's own local port
	Flows    []string    `json:"flows,omitempty"`    // as ovs-ofctl dump-flows --no-stats prints them, sorted
}

// PortState is a port as the daemons have it.
type PortState struct {
	Name   string `json:"name"`
	VLAN   int    `json:"vlan,omitempty"`   // access tag, 0 for none
	OFPort int    `json:"ofport,omitempty"` // OpenFlow port number, 0 while there is none
	Error  string `json:"error,omitempty"`  // why the interface is not attached
	Lab    string `json:"lab,omitempty"`    // the mark
}

// Observe reads what exists now and changes nothing.
func (s *Switch) Observe(ctx context.Context) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	daemons, err := s.Daemons()
	st := State{Daemons: daemons}
	if err != nil || !st.Running() {
		return st, err
	}
	db, err := s.connect(ctx)
	if err != nil {
		return st, err
	}
	defer db.Close()
	r, err := db.read(ctx)
	if err != nil {
		return st, err
	}
	st.Bridges = r.states()
	for i := range st.Bridges {
		if st.Bridges[i].Flows, err = s.dumpFlows(ctx, st.Bridges[i].Name); err != nil {
			return st, err
		}
	}
	return st, nil
}

// states turns rows into what callers see, sorted by name.
func (r *rows) states() []BridgeState {
	var states []BridgeState
	for _, b := range r.bridges {
		state := BridgeState{Name: b.Name, Datapath: b.DatapathType, Lab: b.ExternalIDs[markKey]}
		if state.Datapath == "system" { // the same as ""
			state.Datapath = DatapathKernel
		}
		if b.FailMode != nil {
			state.FailMode = *b.FailMode
		}
		for _, uuid := range b.Ports {
			if p, ok := r.ports[uuid]; ok && p.Name != b.Name {
				state.Ports = append(state.Ports, r.portState(p))
			}
		}
		slices.SortFunc(state.Ports, func(a, b PortState) int { return cmp.Compare(a.Name, b.Name) })
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b BridgeState) int { return cmp.Compare(a.Name, b.Name) })
	return states
}

func (r *rows) portState(p portRow) PortState {
	state := PortState{Name: p.Name, Lab: p.ExternalIDs[markKey]}
	if p.Tag != nil {
		state.VLAN = *p.Tag
	}
	for _, uuid := range p.Interfaces {
		i := r.interfaces[uuid]
		if i.OFPort != nil && *i.OFPort > 0 { // -1 means that the interface could not be attached
			state.OFPort = *i.OFPort
		}
		if i.Error != nil {
			state.Error = *i.Error
		}
	}
	return state
}
