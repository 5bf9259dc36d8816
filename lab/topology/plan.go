package topology

import (
	"fmt"
	"strings"
)

// Plan is a topology with everything allocated: each NIC with its device id and PCI slot, each port with its
// name and MAC, each cable, each VLAN. It is what the rest of ptplab works from; nothing below reads the file.
type Plan struct {
	Name         string        `json:"name"`
	Seed         uint64        `json:"seed"`                   // seeds every noise of the lab
	Nodes        NodeKind      `json:"nodes"`                  // what the workers are made of
	Workers      []string      `json:"workers"`                // in the file's order
	Switches     []Switch      `json:"switches,omitempty"`     //
	Grandmasters []Grandmaster `json:"grandmasters,omitempty"` // outside the workers
	NICs         []NIC         `json:"nics"`                   // workers' first, then external grandmasters', then switches'
	Cables       []Cable       `json:"cables"`
	Clocks       []Clock       `json:"clocks,omitempty"` // the PTP instances of the workers
}

// OwnerKind says what a NIC is part of.
type OwnerKind string

// The kinds of owner a NIC can have. Each owner is one network namespace.
const (
	OwnerWorker      OwnerKind = "worker"
	OwnerSwitch      OwnerKind = "switch"
	OwnerGrandmaster OwnerKind = "grandmaster"
)

// NIC is one netdevsim device: one PTP hardware clock shared by its ports.
type NIC struct {
	ID         int        `json:"id"`            // netdevsim device id, unique on the host
	OwnerKind  OwnerKind  `json:"ownerKind"`     //
	Owner      string     `json:"owner"`         // worker, switch or grandmaster name
	Name       string     `json:"name"`          // "ens1"; of a switch "v1500", one NIC a VLAN
	PCI        string     `json:"pci,omitempty"` // "0000:1f:01.0", the address of function 0; none in a switch
	Ports      []Port     `json:"ports"`         //
	Oscillator Oscillator `json:"oscillator"`    //
}

// Port is one interface of a NIC.
type Port struct {
	Name  string `json:"name"`          // "ens1f0", at most 15 bytes
	Index int    `json:"index"`         // port number within the netdevsim device, from 0
	MAC   string `json:"mac"`           // "00:11:22:33:01:02"
	PCI   string `json:"pci,omitempty"` // "0000:1f:01.1"
}

// Oscillator is how a NIC's hardware clock errs when nobody disciplines it.
type Oscillator struct {
	OffsetNs  int64   `json:"offsetNs,omitempty"`  // error at start, ns
	DriftPPB  float64 `json:"driftPpb,omitempty"`  // constant frequency error, parts per 1e9
	WanderPPB float64 `json:"wanderPpb,omitempty"` // random walk of the frequency, ppb per square root of a second
}

// PortRef names a port by its owner and interface: "w1/ens1f0".
type PortRef struct {
	Owner string `json:"owner"`
	Port  string `json:"port"`
}

// String is the form in which a user writes the port, "w1/ens1f0".
func (r PortRef) String() string { return r.Owner + "/" + r.Port }

// ParsePortRef reads a port as String writes it, "w1/ens1f0".
func ParsePortRef(s string) (PortRef, error) {
	owner, port, ok := strings.Cut(s, "/")
	if !ok || owner == "" || port == "" || strings.Contains(port, "/") {
		return PortRef{}, fmt.Errorf("port %q: write node/interface, such as w1/ens1f0", s)
	}
	return PortRef{owner, port}, nil
}

// Cable joins two ports. Direction A to B takes DelayNs + AsymmetryNs/2, B to A DelayNs - AsymmetryNs/2.
type Cable struct {
	A           PortRef `json:"a"` // the worker's or external grandmaster's end
	B           PortRef `json:"b"` // the switch's end, or the other worker's
	DelayNs     int64   `json:"delayNs"`
	AsymmetryNs int64   `json:"asymmetryNs,omitempty"`
	JitterNs    int64   `json:"jitterNs,omitempty"` // mean of an exponential distribution, added each way
	LossPPM     int64   `json:"lossPpm,omitempty"`  // frames lost out of a million, each way
}

// Switch is one Open vSwitch bridge. Each of its VLANs is a boundary clock of its own.
type Switch struct {
	Name    string `json:"name"`    // "sw1"
	Profile string `json:"profile"` // "g8275.1"
	Domain  int    `json:"domain"`  // PTP domainNumber
	VLANs   []VLAN `json:"vlans"`   // ascending
}

// VLAN is one broadcast domain of a switch, with its boundary clock.
type VLAN struct {
	ID    int      `json:"id"`    // 1-4094
	NIC   string   `json:"nic"`   // name of the switch NIC that carries it, "v1500"
	Ports []string `json:"ports"` // the switch's own interfaces, in the order of the file
}

// Grandmaster is a grandmaster outside the workers, such as a lab's GNSS receiver.
type Grandmaster struct {
	Name       string `json:"name"` // "gm1"
	Domain     int    `json:"domain"`
	ClockClass int    `json:"clockClass"` // 6 when locked to a primary reference, IEEE 1588-2019 table 4
	Priority1  int    `json:"priority1"`
	Priority2  int    `json:"priority2"`
	Port       string `json:"port"` // its interface
}

// ClockType is the kind of PTP instance that runs on a worker, IEEE 1588-2019 clause 9.
type ClockType string

// The kinds of PTP instance.
const (
	ClockGrandmaster ClockType = "grandmaster"
	ClockBoundary    ClockType = "boundary"
	ClockOrdinary    ClockType = "ordinary" // time receiver only
)

// Clock is one PTP instance on a worker, from which its PtpConfig is made.
type Clock struct {
	Name             string    `json:"name"`                       // "bc1"; names the PtpConfig
	Worker           string    `json:"worker"`                     //
	Type             ClockType `json:"type"`                       //
	Domain           int       `json:"domain"`                     //
	ReceivePorts     []string  `json:"receivePorts,omitempty"`     // towards the grandmaster: the interfaces that may be time receivers
	TransmitPorts    []string  `json:"transmitPorts,omitempty"`    // away from it: time transmitters only
	SystemClock      bool      `json:"systemClock,omitempty"`      // phc2sys steers the worker's system clock from this one
	HighAvailability string    `json:"highAvailability,omitempty"` // clocks of one worker with the same group name are each other's stand-in for phc2sys (haProfiles)
}

// NodeKind is what workers are made of.
type NodeKind string

// The kinds of node.
const (
	NodesPlain NodeKind = "plain" // network namespaces
	NodesKind  NodeKind = "kind"  // nodes of a Kubernetes cluster
)
