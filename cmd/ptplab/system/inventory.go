package system

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab/topology"
)

// Inventory is the plan as the suite sees it, with the configuration files that the nodes run.
func (s *System) Inventory(ctx context.Context) (sut.Inventory, error) {
	inv := inventoryOf(s.plan)
	configs := map[string]map[string]string{}
	for i := range inv.Instances {
		one := &inv.Instances[i]
		if configs[one.Node] == nil {
			found, err := s.configs(ctx, one.Node)
			if err != nil {
				return inv, err
			}
			configs[one.Node] = found
		}
		profile := one.Name
		if one.InSwitch {
			profile = vlanOf(s.plan, *one).NIC
		}
		if one.Config = configs[one.Node][profile]; one.Config == "" {
			return inv, fmt.Errorf("no ptp4l on %s runs the profile %s of the topology; give the lab its own back with: ptplab up --recreate TOPOLOGY", one.Node, profile)
		}
	}
	return inv, nil
}

// findConfigs prints the profile line of every ptp4l configuration on a node, as "file:#profile: name". It is what
// linuxptp-daemon writes first.
const findConfigs = `grep -H '^#profile:' /var/run/ptp4l.*.config`

// configs are the ptp4l configuration files of a node, by profile.
func (s *System) configs(ctx context.Context, node string) (map[string]string, error) {
	result, err := s.Exec(ctx, node, []string{"sh", "-c", findConfigs})
	if err != nil {
		return nil, fmt.Errorf("look for ptp4l on %s: %w", node, err)
	}
	found := map[string]string{}
	for line := range strings.Lines(result.Stdout) {
		file, profile, ok := strings.Cut(strings.TrimSpace(line), ":#profile:")
		if ok {
			found[strings.TrimSpace(profile)] = file
		}
	}
	return found, nil
}

// inventoryOf is all that a plan says to the suite.
func inventoryOf(p *topology.Plan) sut.Inventory {
	var inv sut.Inventory
	for _, n := range p.NICs {
		if !slices.Contains(inv.Nodes, n.Owner) {
			inv.Nodes = append(inv.Nodes, n.Owner)
		}
		for _, port := range n.Ports {
			at := sut.PortRef{Node: n.Owner, Interface: port.Name}
			one := sut.Port{PortRef: at, NIC: n.Name, MAC: port.MAC}
			if peer, ok := p.Peer(ref(at)); ok {
				one.Peer = sut.PortRef{Node: peer.Owner, Interface: peer.Port}
			}
			inv.Ports = append(inv.Ports, one)
		}
	}
	for _, g := range p.Grandmasters {
		inv.Instances = append(inv.Instances, sut.Instance{
			Name: g.Name, Node: g.Name, Type: sut.Grandmaster, Domain: g.Domain, TransmitPorts: []string{g.Port},
		})
	}
	for _, c := range p.Clocks {
		inv.Instances = append(inv.Instances, sut.Instance{
			Name: c.Name, Node: c.Worker, Type: sut.InstanceType(c.Type), Domain: c.Domain,
			ReceivePorts: c.ReceivePorts, TransmitPorts: c.TransmitPorts,
		})
	}
	inv.Instances = append(inv.Instances, switchInstances(p, inv.Instances)...)
	expectUpstreams(p, inv.Instances)
	return inv
}

// switchInstances are the boundary clocks of VLANs into which something transmits. The others hear nobody, and a spec
// could say nothing of them.
func switchInstances(p *topology.Plan, clocks []sut.Instance) []sut.Instance {
	var all []sut.Instance
	for _, s := range p.Switches {
		for _, v := range s.VLANs {
			one := sut.Instance{Name: vlanClock(s, v), Node: s.Name, Type: sut.Boundary, Domain: s.Domain, InSwitch: true}
			for _, port := range v.Ports {
				peer, plugged := p.Peer(topology.PortRef{Owner: s.Name, Port: port})
				if plugged && transmitter(clocks, peer) != "" {
					one.ReceivePorts = append(one.ReceivePorts, port)
				} else {
					one.TransmitPorts = append(one.TransmitPorts, port)
				}
			}
			if len(one.ReceivePorts) > 0 {
				all = append(all, one)
			}
		}
	}
	return all
}

// vlanClock names the boundary clock of a VLAN.
func vlanClock(s topology.Switch, v topology.VLAN) string { return s.Name + "-" + strconv.Itoa(v.ID) }

func vlanOf(p *topology.Plan, i sut.Instance) topology.VLAN {
	_, v := p.VLANOf(topology.PortRef{Owner: i.Node, Port: i.ReceivePorts[0]})
	return *v
}

// expectUpstreams fills in from whom each instance may take its time: who transmits at the other end of the cables of
// its receive ports.
func expectUpstreams(p *topology.Plan, all []sut.Instance) {
	for i := range all {
		for _, port := range all[i].ReceivePorts {
			peer, plugged := p.Peer(topology.PortRef{Owner: all[i].Node, Port: port})
			if !plugged {
				continue
			}
			if up := transmitter(all, peer); up != "" && !slices.Contains(all[i].Upstream, up) {
				all[i].Upstream = append(all[i].Upstream, up)
			}
		}
	}
}

// transmitter names the instance that transmits at a port, "" if none does.
func transmitter(all []sut.Instance, at topology.PortRef) string {
	for _, i := range all {
		if i.Node == at.Owner && slices.Contains(i.TransmitPorts, at.Port) {
			return i.Name
		}
	}
	return ""
}
