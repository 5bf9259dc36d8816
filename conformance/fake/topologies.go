package fake

import "github.com/ptplab/ptplab/conformance/sut"

const domain = 24

func onNode(name, node string, kind sut.InstanceType, receive, transmit []string, upstream ...string) sut.Instance {
	return sut.Instance{
		Profile: name + "_" + name, Object: name,
		Name: name, Node: node, Type: kind, Domain: domain, ReceivePorts: receive, TransmitPorts: transmit,
		Config: "/var/run/ptp4l." + name + ".config", Upstream: upstream,
	}
}

func inSwitch(name string, receive, transmit []string, upstream ...string) sut.Instance {
	i := onNode(name, "sw1", sut.Boundary, receive, transmit, upstream...)
	i.InSwitch, i.Object, i.Profile = true, "", ""
	return i
}

// OC is a grandmaster, a switch and an ordinary clock.
func OC() sut.Inventory {
	return sut.Inventory{
		Nodes: []string{"w1", "w2", "sw1"},
		Instances: []sut.Instance{
			onNode("gm", "w2", sut.Grandmaster, nil, []string{"ens3f0"}),
			inSwitch("sw1-1500", []string{"sw1p0"}, []string{"sw1p1"}, "gm"),
			onNode("oc1", "w1", sut.Ordinary, []string{"ens1f0"}, nil, "sw1-1500"),
		},
	}
}

// DualFollower is an ordinary clock with two receive ports, each behind a VLAN of its own.
func DualFollower() sut.Inventory {
	return sut.Inventory{
		Nodes: []string{"w1", "w2", "sw1"},
		Instances: []sut.Instance{
			onNode("gm", "w2", sut.Grandmaster, nil, []string{"ens3f0", "ens3f1"}),
			inSwitch("sw1-1500", []string{"sw1p0"}, []string{"sw1p1"}, "gm"),
			inSwitch("sw1-1501", []string{"sw1p2"}, []string{"sw1p3"}, "gm"),
			onNode("oc1", "w1", sut.Ordinary, []string{"ens1f0", "ens1f1"}, nil, "sw1-1500", "sw1-1501"),
		},
	}
}

// BC is a boundary clock between two VLANs, with an ordinary clock behind it.
func BC() sut.Inventory {
	return sut.Inventory{
		Nodes: []string{"w1", "w2", "w3", "sw1"},
		Instances: []sut.Instance{
			onNode("gm", "w2", sut.Grandmaster, nil, []string{"ens3f0"}),
			inSwitch("sw1-1500", []string{"sw1p0"}, []string{"sw1p1"}, "gm"),
			onNode("bc1", "w1", sut.Boundary, []string{"ens1f1"}, []string{"ens1f0"}, "sw1-1500"),
			inSwitch("sw1-1501", []string{"sw1p2"}, []string{"sw1p3"}, "bc1"),
			onNode("oc1", "w3", sut.Ordinary, []string{"ens4f0"}, nil, "sw1-1501"),
		},
	}
}

// DNBC is BC with a second boundary clock on a second NIC of the same node.
func DNBC() sut.Inventory {
	inv := BC()
	inv.Instances = append(inv.Instances,
		onNode("bc2", "w1", sut.Boundary, []string{"ens2f0"}, []string{"ens2f1"}, "sw1-1500"),
		inSwitch("sw1-1502", []string{"sw1p4"}, []string{"sw1p5"}, "bc2"),
		onNode("oc2", "w3", sut.Ordinary, []string{"ens5f0"}, nil, "sw1-1502"),
	)
	return inv
}
