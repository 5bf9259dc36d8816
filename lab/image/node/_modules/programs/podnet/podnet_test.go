package podnet

import (
	"encoding/json"
	"testing"

	core "k8s.io/api/core/v1"
)

func TestCNIConfig(t *testing.T) {
	text, err := cniConfig([]string{"10.244.1.0/24", "fd00:10:244:1::/64"}, 1450)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Plugins []struct {
			Type string
			MTU  int
			IPAM struct {
				Ranges [][]struct{ Subnet string }
				Routes []struct{ Dst string }
			}
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Plugins) != 2 || got.Plugins[0].Type != "ptp" || got.Plugins[1].Type != "portmap" {
		t.Fatalf("plugins %+v, want ptp and portmap", got.Plugins)
	}
	ptp := got.Plugins[0]
	if ptp.MTU != 1450 || len(ptp.IPAM.Ranges) != 2 || ptp.IPAM.Ranges[1][0].Subnet != "fd00:10:244:1::/64" {
		t.Errorf("ptp is %+v", ptp)
	}
	if len(ptp.IPAM.Routes) != 2 || ptp.IPAM.Routes[0].Dst != "0.0.0.0/0" || ptp.IPAM.Routes[1].Dst != "::/0" {
		t.Errorf("routes %+v", ptp.IPAM.Routes)
	}
}

func TestRouteTo(t *testing.T) {
	node := &core.Node{}
	node.Name = "w1"
	node.Status.Addresses = []core.NodeAddress{
		{Type: core.NodeHostName, Address: "w1"},
		{Type: core.NodeInternalIP, Address: "fc00::3"},
		{Type: core.NodeInternalIP, Address: "172.18.0.3"},
	}
	for cidr, want := range map[string]string{"10.244.1.0/24": "172.18.0.3", "fd00:1::/64": "fc00::3"} {
		route, err := routeTo(node, cidr)
		if err != nil {
			t.Errorf("%s: %v", cidr, err)
			continue
		}
		if route.Gw.String() != want || route.Dst.String() != cidr || route.Protocol != routeProtocol {
			t.Errorf("%s: route %v, want by %s", cidr, route, want)
		}
	}
	if _, err := routeTo(node, "10.244.1.0"); err == nil {
		t.Error("an address without a length is taken")
	}
	node.Status.Addresses = node.Status.Addresses[:1]
	if _, err := routeTo(node, "10.244.1.0/24"); err == nil {
		t.Error("a node without an address has a route")
	}
}
