package node

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/lab/linuxptp"
	"github.com/ptplab/ptplab/lab/topology"
)

// The options of upstream's test configurations.
const (
	transmitterOpts = "-2 --summary_interval -4"
	receiverOpts    = "-2 -s --summary_interval -4"
	priority        = 5
	schedPriority   = 65
)

// PtpConfigs makes the objects for the clocks of a topology's workers, one for each clock and one for each group of
// clocks that stand in for each other. They have the building blocks of upstream's test configurations, the names of
// the clocks, and match their worker by its name.
func PtpConfigs(plan *topology.Plan) []PtpConfig {
	var all []PtpConfig
	for _, k := range plan.Clocks {
		p := Profile{Name: k.Name, Ptp4lOpts: transmitterOpts, Ptp4lConf: linuxptp.ClockConfig(k).String()}
		if k.Type == topology.ClockOrdinary && len(k.ReceivePorts) == 1 {
			p.Ptp4lOpts = receiverOpts
		}
		if ports := slices.Concat(k.ReceivePorts, k.TransmitPorts); len(ports) == 1 {
			p.Interface = ports[0]
		}
		if k.SystemClock && k.HighAvailability == "" {
			p.Phc2sysOpts = phc2sysOpts(k)
		}
		all = append(all, object(k.Name, k.Worker, p))
	}
	return append(all, standIns(plan)...)
}

// phc2sysOpts are upstream's for the kind of clock.
func phc2sysOpts(k topology.Clock) string {
	if k.Type == topology.ClockGrandmaster {
		return fmt.Sprintf("-a -r -r -n %d", k.Domain)
	}
	return fmt.Sprintf("-a -r -n %d -m -N 8 -R 16", k.Domain)
}

// standIns makes the objects of the groups of clocks that stand in for each other, in the order of their first clock.
func standIns(plan *topology.Plan) []PtpConfig {
	var all []PtpConfig
	var seen []string
	for _, k := range plan.Clocks {
		key := k.Worker + "/" + k.HighAvailability
		if k.HighAvailability == "" || slices.Contains(seen, key) {
			continue
		}
		seen = append(seen, key)
		var members []string
		for _, o := range plan.Clocks {
			if o.Worker == k.Worker && o.HighAvailability == k.HighAvailability {
				members = append(members, o.Name)
			}
		}
		all = append(all, object(k.HighAvailability, k.Worker, Profile{
			Name:        k.HighAvailability,
			Phc2sysOpts: fmt.Sprintf("-a -r -m -l 7 -n %d", k.Domain),
			PtpSettings: map[string]string{"haProfiles": strings.Join(members, ",")},
		}))
	}
	return all
}

// SwitchConfigs makes the objects for a switch's boundary clocks, one a VLAN, for a node of the switch's name.
func SwitchConfigs(s topology.Switch) []PtpConfig {
	var all []PtpConfig
	for _, v := range s.VLANs {
		all = append(all, object(v.NIC, s.Name, Profile{Name: v.NIC, Ptp4lOpts: transmitterOpts, Ptp4lConf: linuxptp.SwitchConfig(s, v).String()}))
	}
	return all
}

// GrandmasterConfig makes the object for a grandmaster outside the workers, for a node of its name.
func GrandmasterConfig(g topology.Grandmaster) PtpConfig {
	return object(g.Name, g.Name, Profile{Name: g.Name, Interface: g.Port, Ptp4lOpts: transmitterOpts, Ptp4lConf: linuxptp.GrandmasterConfig(g).String()})
}

// ManagedBy is the label of the objects that a lab makes from its topology, with the value ManagedByLab.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#app-kubernetes-io-managed-by
const (
	ManagedBy    = "app.kubernetes.io/managed-by"
	ManagedByLab = "ptplab"
)

// object wraps one profile for one node.
func object(name, node string, p Profile) PtpConfig {
	p.PtpSchedulingPolicy = "SCHED_OTHER"
	p.PtpSchedulingPriority = schedPriority
	p.PtpClockThreshold = &Threshold{HoldOverTimeout: defaultHoldOverTimeout, MaxOffsetThreshold: defaultMaxOffset, MinOffsetThreshold: defaultMinOffset}
	number := priority
	return PtpConfig{
		APIVersion: APIVersion, Kind: Kind,
		Metadata: Metadata{Name: name, Namespace: "openshift-ptp", Labels: map[string]any{ManagedBy: ManagedByLab}},
		Spec: Spec{
			Profile:   []Profile{p},
			Recommend: []Recommend{{Profile: p.Name, Priority: &number, Match: []Match{{NodeName: node}}}},
		},
	}
}
