package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/cluster/fake"
	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/sut"
)

// cables are the LANs of the fake cluster: every port hears the others of its LAN.
func cables() map[string][]string {
	return map[string][]string{"1500": {"w2/ens3f0", "w1/ens1f1"}, "1501": {"w1/ens1f0", "w3/ens4f0"}}
}

func mac(port string) string {
	return fmt.Sprintf("00:11:22:%02X:%02X:%02X", port[1], port[6], port[8])
}

// reportOf is what the discovery's pod on a node prints.
func reportOf(t *testing.T, node string) []string {
	r := l2.Report{l2.Inventory: {}, l2.Probes: {}}
	for _, ports := range cables() {
		for _, port := range ports {
			on, name, _ := strings.Cut(port, "/")
			if on != node {
				continue
			}
			local := l2.Local{IfName: name, IfMac: l2.MAC{Data: mac(port)}, Details: &l2.Details{
				IfUp: true, IfPTPCaps: l2.PTPCaps{HwRx: true, HwTx: true, HwRawClock: true, ClockDetails: &l2.ClockDetails{PhcIndex: 1}},
			}}
			remote := l2.MACs{}
			for _, other := range ports {
				if other != port {
					remote[mac(other)] = true
				}
			}
			r[l2.Inventory][name] = &l2.Neighbors{Local: local, Remote: l2.MACs{}}
			r[l2.Probes][name] = &l2.Neighbors{Local: local, Remote: remote}
		}
	}
	var text bytes.Buffer
	if err := l2.WriteLine(&text, r); err != nil {
		t.Error(err)
	}
	return []string{"2026-01-01T00:00:00Z level=INFO probing", "2026-01-01T00:00:01Z " + strings.TrimSpace(text.String())}
}

func cabled(t *testing.T) *fake.PTP {
	p := fake.NewPTP()
	p.Reports(func(node string) []string { return reportOf(t, node) })
	return p
}

func TestDiscoverAndInventory(t *testing.T) {
	p := cabled(t)
	s := open(t, p, Options{Image: "registry.example/ptplab"})
	before := p.Everything()
	var daemon fake.Object
	follow := p.Changed
	p.Changed = func(a *fake.API, verb, resource string, object fake.Object) {
		if resource == "daemonsets" && verb == "create" {
			daemon = object
		}
		follow(a, verb, resource, object)
	}
	graph, err := s.Discover(t.Context(), l2.Request{})
	ok(t, err)
	if len(graph.LANs) != 2 || len(graph.Faults) > 0 || len(graph.PTPPorts()) != 4 {
		t.Errorf("%+v", graph)
	}
	text, _ := json.Marshal(daemon)
	for _, want := range []string{`"command":["ptplab","pod","l2","-node","$(NODE_NAME)"`, `"privileged":true`, `"hostNetwork":true`, `"values":["w3"]`, `"app.kubernetes.io/managed-by":"ptplab-suite"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the daemon set lacks %s:\n%s", want, text)
		}
	}
	same(t, before, p.Everything())

	for name, ports := range map[string][2]string{
		"gm": {"w2", "[ens3f0]\nmasterOnly 1\n"}, "bc1": {"w1", "[ens1f1]\nmasterOnly 0\n[ens1f0]\nmasterOnly 1\n"}, "slave": {"w3", "[ens4f0]\nmasterOnly 0\n"},
	} {
		ok(t, s.PutConfig(t.Context(), clockOn(name, "ptp/"+name, ports[1])))
		ok(t, s.SetLabel(t.Context(), ports[0], "ptp/"+name, true))
	}
	inv, err := s.Inventory(t.Context())
	ok(t, err)
	ok(t, inv.Validate())
	want := []sut.Instance{
		{Name: "bc1", Node: "w1", Type: sut.Boundary, Domain: 24, ReceivePorts: []string{"ens1f1"}, TransmitPorts: []string{"ens1f0"},
			Config: "/var/run/ptp4l.0.config", Profile: "bc1_bc1", Object: "bc1", Upstream: []string{"gm"}},
		{Name: "gm", Node: "w2", Type: sut.Grandmaster, Domain: 24, TransmitPorts: []string{"ens3f0"},
			Config: "/var/run/ptp4l.0.config", Profile: "gm_gm", Object: "gm"},
		{Name: "slave", Node: "w3", Type: sut.Ordinary, Domain: 24, ReceivePorts: []string{"ens4f0"},
			Config: "/var/run/ptp4l.0.config", Profile: "slave_slave", Object: "slave", Upstream: []string{"bc1"}},
	}
	if diff := cmp.Diff(want, inv.Instances); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	if len(inv.SystemClocks) != 3 || !slices.Equal(inv.SystemClocks[0].Sources, []string{"bc1"}) || len(inv.Ports) != 4 {
		t.Errorf("%+v\n%+v", inv.SystemClocks, inv.Ports)
	}
}

func TestDiscoverGivesUp(t *testing.T) {
	p := cabled(t)
	s := open(t, p, Options{Image: "registry.example/ptplab"})
	expect := []sut.PortRef{{Node: "w1", Interface: "ens1f0"}, {Node: "w1", Interface: "ens9"}}
	graph, err := s.Discover(t.Context(), l2.Request{Expect: expect, Deadline: 200 * time.Millisecond})
	if err != nil || len(graph.Faults) != 1 || !strings.Contains(graph.Faults[0], "no other port heard w1/ens9 in ") {
		t.Errorf("%+v, %v", graph, err)
	}
	p.Reports(func(node string) []string {
		if node == "w3" {
			return []string{"2026-01-01T00:00:00Z level=INFO nothing yet"}
		}
		return reportOf(t, node)
	})
	if _, err = s.Discover(t.Context(), l2.Request{Deadline: 200 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "no report from node w3") {
		t.Errorf("silent node: %v", err)
	}
	p.Reports(func(string) []string { return []string{"2026-01-01T00:00:01Z JSON_REPORT{no"} })
	if _, err = s.Discover(t.Context(), l2.Request{}); err == nil || !strings.Contains(err.Error(), "discover the ports of node w") {
		t.Errorf("no JSON: %v", err)
	}
	if p.Get("namespaces", "", discoveryNamespace) != nil {
		t.Error("the namespace is still there")
	}
}

// TestDiscoverInterrupted ends a discovery whose ports are not heard.
func TestDiscoverInterrupted(t *testing.T) {
	p := cabled(t)
	s := open(t, p, Options{Image: "registry.example/ptplab"})
	before := p.Everything()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := s.Discover(ctx, l2.Request{Expect: []sut.PortRef{{Node: "w1", Interface: "ens9"}}, Deadline: time.Hour}); err == nil {
		t.Error("no error")
	}
	same(t, before, p.Everything())
}

func TestDiscoverNeedsItsNamespace(t *testing.T) {
	p := cabled(t)
	s := open(t, p, Options{Image: "registry.example/ptplab"})
	p.Put("namespaces", "", fake.Object{"metadata": fake.Object{"name": discoveryNamespace}})
	before := p.Everything()
	if _, err := s.Discover(t.Context(), l2.Request{}); err == nil || !strings.Contains(err.Error(), "L2_DAEMONSET=PRECONFIGURED") {
		t.Errorf("got %v", err)
	}
	same(t, before, p.Everything())
	p.Put("daemonsets", discoveryNamespace, fake.Object{"metadata": fake.Object{"name": discoveryName}})
	s.options.PreconfiguredDiscovery = true
	before = p.Everything()
	if _, err := s.Discover(t.Context(), l2.Request{}); err != nil {
		t.Error(err)
	}
	same(t, before, p.Everything())
}

func TestNames(t *testing.T) {
	inv := sut.Inventory{
		Instances: []sut.Instance{
			{Name: "oc", Node: "w1", Profile: "a_oc"}, {Name: "oc", Node: "w2", Profile: "a_oc"},
			{Name: "bc", Node: "w1", Profile: "a_bc"}, {Name: "bc", Node: "w1", Profile: "b_bc"}, {Name: "gm", Node: "w3", Profile: "g_gm"},
		},
		SystemClocks: []sut.SystemClock{{Node: "w2", Sources: []string{"oc"}}},
	}
	rename(&inv)
	var names []string
	for _, i := range inv.Instances {
		names = append(names, i.Name)
	}
	if diff := cmp.Diff([]string{"oc@w1", "oc@w2", "a_bc@w1", "b_bc@w1", "gm"}, names); diff != "" || inv.SystemClocks[0].Sources[0] != "oc@w2" {
		t.Errorf("%s\n%+v", diff, inv.SystemClocks)
	}
}
