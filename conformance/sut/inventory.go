package sut

import (
	"errors"
	"fmt"
	"slices"
)

// Inventory is what a system consists of, as far as the suite must know.
type Inventory struct {
	Nodes        []string
	Ports        []Port
	Instances    []Instance
	SystemClocks []SystemClock
}

// SystemClock is a phc2sys that steers the CLOCK_REALTIME of a node, or would if the node had one of its own.
type SystemClock struct {
	Node    string
	Profile string   // qualified name of the profile that runs it
	Config  string   // phc2sys's configuration file on the node; "" if it has none
	Sources []string // instances whose clocks it follows: with more than one, whichever works (high availability)
}

// PortRef names a port by its node and interface: "w1/ens1f0".
type PortRef struct {
	Node      string
	Interface string
}

// String is the form in which a user writes the port, "w1/ens1f0".
func (r PortRef) String() string { return r.Node + "/" + r.Interface }

// Port is a network interface that carries PTP or could.
type Port struct {
	PortRef
	NIC  string  // "ens1"; the ports of a NIC share one hardware clock
	MAC  string  // "00:11:22:33:01:02"
	Peer PortRef // the other end of its cable; zero if not known
}

// InstanceType is the kind of a PTP instance, IEEE 1588-2019 clause 9.
type InstanceType string

// The kinds of PTP instance.
const (
	Grandmaster InstanceType = "grandmaster"
	Boundary    InstanceType = "boundary"
	Ordinary    InstanceType = "ordinary" // time receiver only
)

// Instance is one running ptp4l: on a worker, in a switch (one boundary clock a VLAN), or an external grandmaster.
type Instance struct {
	Name          string       // "bc1", unique in the system
	Node          string       // where Exec reaches its pmc socket
	Type          InstanceType //
	Domain        int          // PTP domainNumber
	ReceivePorts  []string     // interfaces towards the grandmaster, which may be time receivers
	TransmitPorts []string     // interfaces away from it, time transmitters only
	Config        string       // ptp4l's configuration file on the node, the argument of pmc -f
	Profile       string       // qualified name of the profile that runs it, "test-slave1_test-slave1"
	Object        string       // name of the PtpConfig that has the profile, "" if there is none
	Upstream      []string     // instances that it is expected to take time from through its cables; several stand in for each other
	InSwitch      bool         // part of the network, not a clock under test
}

// String is "bc1 on w1".
func (i Instance) String() string { return i.Name + " on " + i.Node }

// IsReceiver says whether the instance takes its time from another.
func (i Instance) IsReceiver() bool { return i.Type != Grandmaster }

// ClockPort is a port through which to reach the instance's hardware clock: its first receive port, else its first
// transmit port.
func (i Instance) ClockPort() PortRef {
	ports := append(slices.Clone(i.ReceivePorts), i.TransmitPorts...)
	if len(ports) == 0 {
		return PortRef{Node: i.Node}
	}
	return PortRef{Node: i.Node, Interface: ports[0]}
}

// Instance finds an instance by name.
func (inv Inventory) Instance(name string) (Instance, bool) {
	i := slices.IndexFunc(inv.Instances, func(i Instance) bool { return i.Name == name })
	if i < 0 {
		return Instance{}, false
	}
	return inv.Instances[i], true
}

// Chains lists every way from an instance to a grandmaster through the expected upstream instances. Each chain begins with the
// instance itself. An instance whose upstream is not known has none.
func (inv Inventory) Chains(i Instance) [][]Instance {
	if i.Type == Grandmaster {
		return [][]Instance{{i}}
	}
	var chains [][]Instance
	for _, name := range i.Upstream {
		upstream, ok := inv.Instance(name)
		if !ok {
			continue
		}
		for _, chain := range inv.Chains(upstream) {
			chains = append(chains, append([]Instance{i}, chain...))
		}
	}
	return chains
}

// Validate reports every contradiction of an inventory: duplicate names, unknown nodes and upstreams, receivers
// without a receive port, loops.
func (inv Inventory) Validate() error {
	var faults []error
	names := map[string]bool{}
	for _, i := range inv.Instances {
		if names[i.Name] {
			faults = append(faults, fmt.Errorf("two instances are called %q", i.Name))
		}
		names[i.Name] = true
		faults = append(faults, inv.instanceFaults(i)...)
	}
	if loop := inv.loop(); loop != "" {
		faults = append(faults, fmt.Errorf("the upstreams of instance %q lead back to it", loop))
	}
	return errors.Join(faults...)
}

func (inv Inventory) instanceFaults(i Instance) []error {
	var faults []error
	if !slices.Contains(inv.Nodes, i.Node) {
		faults = append(faults, fmt.Errorf("instance %q is on node %q, which does not exist", i.Name, i.Node))
	}
	if i.IsReceiver() && len(i.ReceivePorts) == 0 {
		faults = append(faults, fmt.Errorf("instance %q takes time but has no receive port", i.Name))
	}
	if !i.IsReceiver() && len(i.Upstream) > 0 {
		faults = append(faults, fmt.Errorf("grandmaster %q has an upstream", i.Name))
	}
	for _, upstream := range i.Upstream {
		if _, ok := inv.Instance(upstream); !ok {
			faults = append(faults, fmt.Errorf("instance %q has upstream %q, which does not exist", i.Name, upstream))
		}
	}
	return faults
}

// loop names an instance that is its own upstream, directly or not; empty if there is none.
func (inv Inventory) loop() string {
	const entered, left = 1, 2
	state := map[string]int{}
	var visit func(name string) string
	visit = func(name string) string {
		if state[name] == entered {
			return name
		}
		if state[name] == left {
			return ""
		}
		state[name] = entered
		instance, _ := inv.Instance(name)
		for _, upstream := range instance.Upstream {
			if found := visit(upstream); found != "" {
				return found
			}
		}
		state[name] = left
		return ""
	}
	for _, i := range inv.Instances {
		if found := visit(i.Name); found != "" {
			return found
		}
	}
	return ""
}
