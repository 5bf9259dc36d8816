package topology

// The types of this file are the topology file. Their comments are the descriptions of the JSON Schema, so they
// speak to the person who writes a topology; a field's json tag is its key in the file, omitempty makes it optional.

// The only apiVersion and kind that this ptplab reads.
const (
	APIVersion = "ptplab/v1alpha1"
	Kind       = "Topology"
)

// Defaults of what a topology leaves out.
const (
	DefaultSeed       = 1         // seed
	DefaultDomain     = 24        // PTP domain, ITU-T G.8275.1 clause 6.2.1
	DefaultProfile    = "g8275.1" // PTP profile of a switch
	DefaultCableDelay = 25        // ns, 5 m of fibre
	DefaultClockClass = 6         // of an external grandmaster: locked to a primary reference
	DefaultPriority   = 128       // priority1 and priority2 of an external grandmaster
	DefaultNICPorts   = 1         // ports of a NIC
	OnlySwitchName    = "sw1"     // name of the switch under the key "switch"
)

// Topology is a PTP test lab: workers with NICs, the switch that joins them, and the PTP clocks that run on them.
type Topology struct {
	// Version of the file's format: ptplab/v1alpha1.
	APIVersion string `json:"apiVersion" jsonschema:"enum=ptplab/v1alpha1"`
	// What the file describes: Topology.
	Kind string `json:"kind" jsonschema:"enum=Topology"`
	// Name of the lab: lower-case letters, digits and inner hyphens, at most 20.
	Name string `json:"name"`
	// Seeds every noise of the lab (wander, jitter, loss). The same topology and seed give the same run. Default 1.
	Seed *uint64 `json:"seed,omitempty"`
	// The nodes under test, by name.
	Workers Named[WorkerSpec] `json:"workers"`
	// The only switch of the lab; its name is sw1. Use switches for several.
	Switch *SwitchSpec `json:"switch,omitempty"`
	// Several switches, by name (at most 8 characters). Use either this or switch.
	Switches Named[SwitchSpec] `json:"switches,omitempty"`
	// Cables between two worker ports, and properties of the cables that lead to a switch.
	Cables []CableSpec `json:"cables,omitempty"`
	// Grandmasters outside the workers, such as a GNSS receiver, by name. Each is plugged into a VLAN of a switch.
	Grandmasters Named[GrandmasterSpec] `json:"grandmasters,omitempty"`
	// PTP instances that run on the workers, by name. Without any, workers run nothing until a PtpConfig is applied.
	Clocks Named[ClockSpec] `json:"clocks,omitempty"`
	// What the workers are made of.
	Cluster *ClusterSpec `json:"cluster,omitempty"`
}

// WorkerSpec is a node that holds NICs.
type WorkerSpec struct {
	// The worker's NICs, by name. NIC ens1 has the interfaces ens1f0, ens1f1 and so on.
	NICs Named[NICSpec] `json:"nics"`
}

// NICSpec is a network card: one PTP hardware clock, shared by its ports.
type NICSpec struct {
	// Number of ports, 1 to 8. Default 1.
	Ports *int `json:"ports,omitempty" jsonschema:"minimum=1,maximum=8,default=1"`
	OscillatorSpec
}

// OscillatorSpec is how a hardware clock errs when nothing disciplines it.
type OscillatorSpec struct {
	// Time error of the hardware clock at start, such as 20us or -3ms. Default 0ns.
	Offset Duration `json:"offset,omitempty"`
	// Constant frequency error of the oscillator, such as 12ppb or -4.6ppm. Default 0ppb.
	Drift Frequency `json:"drift,omitempty"`
	// Random walk of the frequency, per square root of a second, such as 0.5ppb. Default 0ppb.
	Wander Frequency `json:"wander,omitempty"`
}

// SwitchSpec is a switch. Each of its VLANs is a PTP boundary clock of its own; PTP never crosses between VLANs.
type SwitchSpec struct {
	// PTP settings of the switch's boundary clocks.
	PTP *SwitchPTPSpec `json:"ptp,omitempty"`
	// Ports in each VLAN, by VLAN number (1 to 4094).
	VLANs Named[[]PortRef] `json:"vlans"`
}

// SwitchPTPSpec is how the boundary clocks of a switch speak PTP.
type SwitchPTPSpec struct {
	// PTP profile. Default g8275.1.
	Profile string `json:"profile,omitempty" jsonschema:"enum=g8275.1,default=g8275.1"`
	// PTP domain, 0 to 127. Default 24.
	Domain *int `json:"domain,omitempty" jsonschema:"minimum=0,maximum=127,default=24"`
}

// CableSpec is either a cable between two worker ports, or properties of the cable from a worker port to its switch.
type CableSpec struct {
	// The two worker ports that the cable joins. Neither may be in a VLAN.
	Between []PortRef `json:"between,omitempty" jsonschema:"oneof_required=between,minItems=2,maxItems=2"`
	// A worker port in a VLAN: what follows holds for its cable to the switch.
	Port *PortRef `json:"port,omitempty" jsonschema:"oneof_required=port"`
	LinkSpec
}

// LinkSpec is what a cable does to frames.
type LinkSpec struct {
	// Propagation delay, the mean of both directions, such as 25ns or 1.5us. At most 1s. Default 25ns (5 m of fibre).
	Delay *Duration `json:"delay,omitempty"`
	// How much longer frames take from the worker (or the first port under between) than towards it. ptp4l cannot see it: the receiver errs by half of it. Default 0ns.
	Asymmetry Duration `json:"asymmetry,omitempty"`
	// Mean of the random delay that is added to each frame, exponentially distributed. At most 1s. Default 0ns.
	Jitter Duration `json:"jitter,omitempty"`
	// Share of frames lost in each direction, such as 0.1% or 200ppm. Default 0%.
	Loss Ratio `json:"loss,omitempty"`
}

// GrandmasterSpec is a grandmaster outside the workers.
type GrandmasterSpec struct {
	// Name of its switch. May be left out if the lab has one switch only.
	Switch string `json:"switch,omitempty"`
	// VLAN that it is plugged into.
	VLAN int `json:"vlan" jsonschema:"minimum=1,maximum=4094"`
	// PTP domain, 0 to 127. Default: the domain of its switch.
	Domain *int `json:"domain,omitempty" jsonschema:"minimum=0,maximum=127"`
	// PTP clockClass, 0 to 255 (IEEE 1588-2019 table 4). Default 6: locked to a primary reference.
	ClockClass *int `json:"clockClass,omitempty" jsonschema:"minimum=0,maximum=255,default=6"`
	// PTP priority1, 0 to 255; lower wins. G.8275.1 ignores it. Default 128.
	Priority1 *int `json:"priority1,omitempty" jsonschema:"minimum=0,maximum=255,default=128"`
	// PTP priority2, 0 to 255; lower wins. Default 128.
	Priority2 *int `json:"priority2,omitempty" jsonschema:"minimum=0,maximum=255,default=128"`
	// Its cable to the switch. Asymmetry counts from the grandmaster.
	Cable *LinkSpec `json:"cable,omitempty"`
	OscillatorSpec
}

// ClockSpec is one PTP instance on the ports of one worker.
type ClockSpec struct {
	// grandmaster transmits only, boundary does both, ordinary receives only.
	Type ClockType `json:"type"`
	// PTP domain, 0 to 127. Default: the domain of the switch that its first port is plugged into, else 24.
	Domain *int `json:"domain,omitempty" jsonschema:"minimum=0,maximum=127"`
	// Ports towards the grandmaster. With several, the best one is followed and the others stand by.
	Receive []PortRef `json:"receive,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Ports away from the grandmaster.
	Transmit []PortRef `json:"transmit,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// phc2sys steers the worker's system clock from this clock. One per worker at most. Default false.
	SystemClock bool `json:"systemClock,omitempty" jsonschema:"default=false"`
	// Name of a group. Clocks of one worker in the same group stand in for each other as source of its system clock.
	HighAvailability string `json:"highAvailability,omitempty"`
}

// ClusterSpec is what the workers are made of.
type ClusterSpec struct {
	// plain: network namespaces, boots in a second, runs in virtual time. kind: nodes of a Kubernetes cluster. Default plain.
	Nodes NodeKind `json:"nodes,omitempty"`
}

// Named is a mapping of the file in the file's order.
type Named[T any] []Entry[T]

// Entry is one key of a mapping with its value.
type Entry[T any] struct {
	Name  string
	Value T
}

// Get returns the value of a name, nil if there is none.
func (n Named[T]) Get(name string) *T {
	for i := range n {
		if n[i].Name == name {
			return &n[i].Value
		}
	}
	return nil
}
