package node

import (
	"slices"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// Status is what a node knows of itself: the opinion of its processes, not the truth.
type Status struct {
	Node      string          `json:"node"`
	Profiles  []string        `json:"profiles"` // qualified names
	Processes []ProcessStatus `json:"processes"`
	Ports     []PortStatus    `json:"ports"`
	Clocks    []ClockStatus   `json:"clocks"`
}

// ProcessStatus is one process.
type ProcessStatus struct {
	Program  string       `json:"program"` // "ptp4l"
	Config   string       `json:"config"`  // "ptp4l.0.config"
	Profile  string       `json:"profile"` // qualified name
	State    ProcessState `json:"state"`   //
	PID      int          `json:"pid,omitempty"`
	Starts   int          `json:"starts"`        // the first one counts
	End      string       `json:"end,omitempty"` // how it ended last
	Since    time.Time    `json:"since"`         // of the state
	Receiver bool         `json:"receiver"`      // a ptp4l that can only be a time receiver
}

// PortStatus is one port of a ptp4l.
type PortStatus struct {
	Interface string    `json:"interface"`
	Config    string    `json:"config"`    // of its ptp4l
	Profile   string    `json:"profile"`   // qualified name
	PortState string    `json:"portState"` // ptp4l's word
	Role      string    `json:"role"`      // SLAVE, MASTER, PASSIVE, FAULTY, LISTENING, UNKNOWN
	Since     time.Time `json:"since"`     // of the port's state

	// Of the port that is or last was the time receiver of its ptp4l; nil of the others.
	Clock *ClockStatus `json:"clock,omitempty"`
}

// ClockStatus is what a program says of a clock that it steers.
type ClockStatus struct {
	Program     string    `json:"program"`
	Config      string    `json:"config"`
	Interface   string    `json:"interface"` // the time receiver port; "CLOCK_REALTIME"; a PHC
	From        string    `json:"from"`      // what the offset is measured against: "master", "phc", "sys"
	State       string    `json:"state"`     // LOCKED, HOLDOVER, FREERUN
	Servo       string    `json:"servo"`     // "s2"
	OffsetNs    int64     `json:"offsetNs"`
	FreqPPB     int64     `json:"freqPpb"`
	DelayNs     int64     `json:"delayNs"`
	Since       time.Time `json:"since"`                 // of the state
	Grandmaster string    `json:"grandmaster,omitempty"` // clock identity
	ClockClass  int       `json:"clockClass"`            // -1: unknown
}

// Status gives the node's state, always in the same order.
func (n *Node) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.look()
	s := Status{Node: n.o.Name}
	for _, c := range n.chosen {
		s.Profiles = append(s.Profiles, c.Name)
	}
	for _, p := range n.processes {
		s.Processes = append(s.Processes, p.status())
		clocks := p.clocks()
		s.Clocks = append(s.Clocks, clocks...)
		for i, q := range p.clock.ports {
			ps := PortStatus{Interface: q.name, Config: p.config, Profile: p.profile, PortState: q.state.String(), Role: q.role.String(), Since: q.changed}
			if k := slices.IndexFunc(clocks, func(c ClockStatus) bool { return c.Interface == p.clock.ports[i].name }); k >= 0 {
				ps.Clock = &clocks[k]
			}
			s.Ports = append(s.Ports, ps)
		}
	}
	return s
}

func (p *process) status() ProcessStatus {
	s := ProcessStatus{Program: p.kind.String(), Config: p.config, Profile: p.profile, State: p.state, Starts: p.starts, End: p.end, Since: p.changed, Receiver: p.receiver}
	if p.state == Running {
		s.PID = p.cmd.Process.Pid
	}
	return s
}

// clocks gives the clocks of which the process has said something.
func (p *process) clocks() []ClockStatus {
	var all []ClockStatus
	for _, s := range p.clock.series {
		c := ClockStatus{
			Program: p.kind.String(), Config: p.config, Interface: s.iface, From: s.from, State: s.state.String(), Servo: s.servo.String(),
			OffsetNs: s.offset, FreqPPB: s.freq, DelayNs: s.delay, Since: s.changed, ClockClass: -1,
		}
		if p.kind == linuxptp.Ptp4l {
			c.Grandmaster, c.ClockClass = p.clock.master, p.clock.class
		}
		all = append(all, c)
	}
	return all
}
