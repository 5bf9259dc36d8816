package node

import "slices"

// ClockClass is the clockClass of a PTP instance as management messages tell it; a grandmaster has one as well, whose
// ptp4l steers no clock and so has no ClockStatus.
type ClockClass struct {
	Interface string // the port that is or last was its time receiver, else its first port
	Config    string // "ptp4l.0.config"
	Class     int    // IEEE 1588-2019 clause 7.6.2.5
}

// ClockClasses gives the clockClass of each ptp4l that has told one, in the order of Status.
func (n *Node) ClockClasses() []ClockClass {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []ClockClass
	for _, p := range n.processes {
		if p.clock.class < 0 || len(p.clock.ports) == 0 {
			continue
		}
		all = append(all, ClockClass{Interface: p.clock.ports[max(p.clock.receiver, 0)].name, Config: p.config, Class: p.clock.class})
	}
	return all
}

// Aliases gives the names under which metrics and notifications know the node's ports, such as "ens1fx" for "ens1f0".
func (n *Node) Aliases() map[string]string {
	n.mu.Lock()
	names := slices.Clone(n.interfaces())
	n.mu.Unlock()
	return aliases(names, n.o.PHC)
}
