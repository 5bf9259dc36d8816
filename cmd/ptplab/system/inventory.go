package system

import (
	"context"
	"slices"
	"strconv"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab/topology"
)

// Inventory is the network of the plan with the clocks that the workers now run.
func (s *System) Inventory(ctx context.Context) (sut.Inventory, error) {
	objects, labels, err := s.configured(ctx)
	if err != nil {
		return sut.Inventory{}, err
	}
	inv, err := inventoryOf(s.plan, objects, labels)
	if err != nil {
		return inv, err
	}
	return inv, s.findFiles(ctx, &inv)
}

// inventoryOf is all that a plan and the objects say to the suite.
func inventoryOf(p *topology.Plan, objects []ptpconfig.PtpConfig, labels map[string][]string) (sut.Inventory, error) {
	inv := network(p)
	var profiles []profile
	for _, worker := range p.Workers {
		profiles = append(profiles, profilesOf(objects, worker, labels[worker])...)
	}
	if err := nameAll(profiles, inv.Instances); err != nil {
		return inv, err
	}
	for i := range profiles {
		if profiles[i].runs(profiles[i].Ptp4lOpts) {
			one, err := profiles[i].instance()
			if err != nil {
				return inv, err
			}
			inv.Instances = append(inv.Instances, one)
		}
	}
	inv.SystemClocks = systemClocks(profiles, inv.Instances)
	inv.Instances = append(inv.Instances, switchInstances(p, inv.Instances)...)
	expectUpstreams(p, inv.Instances)
	return inv, nil
}

// network is what no PtpConfig changes: nodes, ports, cables and the grandmasters outside the workers.
func network(p *topology.Plan) sut.Inventory {
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
