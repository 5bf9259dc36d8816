package topology

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T, name string) *Topology {
	t.Helper()
	top, err := Load(filepath.Join(topologies, name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func parse(t *testing.T, text string) *Topology {
	t.Helper()
	top, err := Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// The table of upstream's lab script: worker ports with their NIC, hardware clock, PCI address and VLAN. Its nodes
// worker, worker2, worker3 are w1, w2, w3; its NICs are numbered in each node.
const upstreamTable = `w1 1 ens1f0 clk 1 1f:01.0 VLAN 1501
w1 1 ens1f1 clk 1 1f:01.1 VLAN 1500
w1 2 ens2f0 clk 2 1f:02.0 VLAN 1500
w1 2 ens2f1 clk 2 1f:02.1 VLAN 1502
w2 1 ens3f0 clk 3 1f:03.0 VLAN 1500
w2 1 ens3f1 clk 3 1f:03.1 VLAN 1500
w3 1 ens4f0 clk 4 1f:04.0 VLAN 1501
w3 2 ens5f0 clk 5 1f:05.0 VLAN 1502
w3 3 ens6f0 clk 6 1f:06.0 VLAN 1502
`

func TestDualNICBoundaryClockIsUpstreamsLab(t *testing.T) {
	p := Expand(load(t, "dnbc"), Base{})
	var b strings.Builder
	ports, workerClocks, vlans := 0, 0, 0
	for _, w := range p.Workers {
		for i, n := range p.NICsOf(w) {
			workerClocks++
			for _, port := range n.Ports {
				_, v := p.VLANOf(PortRef{w, port.Name})
				if v == nil {
					t.Fatalf("%s/%s is in no VLAN", w, port.Name)
				}
				fmt.Fprintf(&b, "%s %d %s clk %d %s VLAN %d\n", w, i+1, port.Name, n.ID, strings.TrimPrefix(port.PCI, "0000:"), v.ID)
			}
		}
	}
	if diff := cmp.Diff(upstreamTable, b.String()); diff != "" {
		t.Errorf("worker ports, -upstream +ours:\n%s", diff)
	}
	for _, n := range p.NICs {
		ports += len(n.Ports)
	}
	for _, s := range p.Switches {
		vlans += len(s.VLANs)
	}
	got := fmt.Sprintf("%d cables, %d ports, %d worker clocks, %d VLANs", len(p.Cables), ports, workerClocks, vlans)
	if want := "9 cables, 18 ports, 6 worker clocks, 3 VLANs"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPlansOfTopologies(t *testing.T) {
	for _, file := range topologyFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		p := Expand(load(t, name), Base{})
		if p.Name != name {
			t.Errorf("%s names its lab %s", file, p.Name)
		}
		text, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/plan/"+name+".json", append(text, '\n'))
		checkPlan(t, p)
	}
}

// checkPlan fails if a plan is not one that a host can make.
func checkPlan(t testing.TB, p *Plan) {
	t.Helper()
	seen := map[string]string{}
	unique := func(what, value, who string) {
		if other, taken := seen[what+value]; taken {
			t.Errorf("%s %s of %s is that of %s, too", what, value, who, other)
		}
		seen[what+value] = who
	}
	for _, n := range p.NICs {
		who := n.Owner + "/" + n.Name
		unique("NIC", who, who)
		unique("device", fmt.Sprint(n.ID), who)
		if (n.PCI != "") != (n.OwnerKind == OwnerWorker) {
			t.Errorf("NIC %s of a %s has PCI address %q", who, n.OwnerKind, n.PCI)
		}
		for i, port := range n.Ports {
			ref := PortRef{n.Owner, port.Name}
			unique("port", ref.String(), ref.String())
			unique("MAC", port.MAC, ref.String())
			if n.PCI != "" {
				unique("PCI", port.PCI, ref.String())
			}
			if len(port.Name) > 15 || port.Index != i {
				t.Errorf("port %s has name of %d bytes and index %d, want at most 15 and %d", ref, len(port.Name), port.Index, i)
			}
		}
	}
	for _, c := range p.Cables {
		for _, end := range []PortRef{c.A, c.B} {
			unique("cable at", end.String(), "a cable")
			if n, _ := p.PortByRef(end); n == nil {
				t.Errorf("a cable ends at %s, which does not exist", end)
			}
		}
		if ab, ba := c.DirectionsNs(); ab < 0 || ba < 0 || ab-ba != c.AsymmetryNs {
			t.Errorf("cable at %s takes %d ns and %d ns, its asymmetry is %d", c.A, ab, ba, c.AsymmetryNs)
		}
	}
	for _, k := range p.Clocks {
		for _, port := range append(append([]string{}, k.ReceivePorts...), k.TransmitPorts...) {
			if _, plugged := p.Peer(PortRef{k.Worker, port}); !plugged {
				t.Errorf("clock %s is on %s/%s, which has no cable", k.Name, k.Worker, port)
			}
		}
	}
}

// Everything optional must reach the plan.
func TestExpandCarriesEverything(t *testing.T) {
	text := strings.NewReplacer("nodes: plain", "nodes: kind", "domain: 24", "domain: 44").Replace(small())
	p := Expand(parse(t, text), Base{})
	if p.Seed != 7 || p.Nodes != NodesKind {
		t.Errorf("seed %d, nodes %s, want 7, kind", p.Seed, p.Nodes)
	}
	if got, want := p.NICByName("w1", "ens1").Oscillator, (Oscillator{20000, 12, 0.5}); got != want {
		t.Errorf("oscillator %+v, want %+v", got, want)
	}
	wantCables := []Cable{
		{A: PortRef{"w1", "ens1f0"}, B: PortRef{"sw1", "sw1p1"}, DelayNs: 1500, AsymmetryNs: -100, JitterNs: 5, LossPPM: 1000},
		{A: PortRef{"w1", "ens1f1"}, B: PortRef{"w2", "ens2f1"}, DelayNs: 0},
		{A: PortRef{"w2", "ens2f0"}, B: PortRef{"sw1", "sw1p2"}, DelayNs: DefaultCableDelay},
		{A: PortRef{"gm1", "ens1f0"}, B: PortRef{"sw1", "sw1p3"}, DelayNs: 2000},
	}
	if diff := cmp.Diff(wantCables, p.Cables); diff != "" {
		t.Errorf("cables, -want +got:\n%s", diff)
	}
	wantGM := []Grandmaster{{Name: "gm1", Domain: 44, ClockClass: 7, Priority1: 1, Priority2: 2, Port: "ens1f0"}}
	if diff := cmp.Diff(wantGM, p.Grandmasters); diff != "" {
		t.Errorf("grandmasters, -want +got:\n%s", diff)
	}
	if got := p.NICByName("gm1", "ens1").Oscillator.OffsetNs; got != -1e6 {
		t.Errorf("offset of gm1 is %d ns, want -1000000", got)
	}
	wantClocks := []Clock{{Name: "oc1", Worker: "w1", Type: ClockOrdinary, Domain: 44, ReceivePorts: []string{"ens1f0"}, SystemClock: true}}
	if diff := cmp.Diff(wantClocks, p.Clocks); diff != "" {
		t.Errorf("clocks, -want +got:\n%s", diff)
	}
}

func TestExpandSeveralSwitches(t *testing.T) {
	p := Expand(parse(t, `apiVersion: ptplab/v1alpha1
kind: Topology
name: two
workers:
  b: {nics: {ens1: {ports: 3}}}
  a: {nics: {ens1: {}}}
switches:
  west: {ptp: {domain: 30}, vlans: {200: [b/ens1f1], 100: [b/ens1f0]}}
  east: {vlans: {100: [a/ens1f0, b/ens1f2]}}
grandmasters:
  gm1: {switch: west, vlan: 100}
clocks:
  oc1: {type: ordinary, receive: [a/ens1f0]}
  oc2: {type: ordinary, receive: [b/ens1f1]}
`), Base{})
	checkPlan(t, p)
	var got strings.Builder
	for _, n := range p.NICs {
		fmt.Fprintf(&got, "%d %s %s/%s", n.ID, n.OwnerKind, n.Owner, n.Name)
		for _, port := range n.Ports {
			far, _ := p.Peer(PortRef{n.Owner, port.Name})
			fmt.Fprintf(&got, " %s>%s", port.Name, far)
		}
		got.WriteByte('\n')
	}
	want := `1 worker b/ens1 ens1f0>west/westp1 ens1f1>west/westp3 ens1f2>east/eastp2
2 worker a/ens1 ens1f0>east/eastp1
3 grandmaster gm1/ens1 ens1f0>west/westp2
4 switch west/v100 westp1>b/ens1f0 westp2>gm1/ens1f0
5 switch west/v200 westp3>b/ens1f1
6 switch east/v100 eastp1>a/ens1f0 eastp2>b/ens1f2
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("NICs, -want +got:\n%s", diff)
	}
	if p.Clocks[0].Domain != 24 || p.Clocks[1].Domain != 30 || p.Grandmasters[0].Domain != 30 {
		t.Errorf("domains %d, %d, %d; want 24, 30, 30", p.Clocks[0].Domain, p.Clocks[1].Domain, p.Grandmasters[0].Domain)
	}
}

func TestBaseKeepsLabsApart(t *testing.T) {
	base := Base{}
	merged := &Plan{}
	for i, name := range []string{"dnbc", "external-gm", "oc"} {
		p := Expand(load(t, name), base)
		base = base.After(p)
		for _, n := range p.NICs { // one host: owners of different labs differ
			n.Owner = fmt.Sprint(i, n.Owner)
			merged.NICs = append(merged.NICs, n)
		}
	}
	checkPlan(t, merged)
	if want := (Base{Devices: 9 + 5 + 2, Slots: 6 + 2 + 2, Ports: 18 + 8 + 2}); base != want {
		t.Errorf("taken: %+v, want %+v", base, want)
	}
}

func TestPCIAddress(t *testing.T) {
	for _, c := range []struct {
		slot, function int
		want           string
	}{
		{0, 0, "0000:1f:01.0"}, {30, 7, "0000:1f:1f.7"}, {31, 0, "0000:20:01.0"}, {MaxNICs - 1, 0, "0000:a3:04.0"}, {31 * 225, 1, "0001:1f:01.1"},
	} {
		if got := pciAddress(c.slot, c.function); got != c.want {
			t.Errorf("slot %d function %d is %s, want %s", c.slot, c.function, got, c.want)
		}
	}
}

func TestStar(t *testing.T) {
	for _, n := range []int{2, 100, MaxWorkers} {
		p := Expand(parse(t, string(Star(n))), Base{})
		checkPlan(t, p)
		if len(p.Workers) != n || len(p.Cables) != 2*n || len(p.Clocks) != n || len(p.NICs) != n+2 {
			t.Errorf("star of %d has %d workers, %d cables, %d clocks, %d NICs", n, len(p.Workers), len(p.Cables), len(p.Clocks), len(p.NICs))
		}
	}
}

func TestLookups(t *testing.T) {
	p := Expand(load(t, "dnbc"), Base{})
	ref := PortRef{"w1", "ens1f0"}
	peer, ok := p.Peer(ref)
	if !ok || peer.Owner != "sw1" {
		t.Errorf("peer of %s is %s, %t", ref, peer, ok)
	}
	if back, _ := p.Peer(peer); back != ref {
		t.Errorf("peer of %s is %s, want %s", peer, back, ref)
	}
	if n, port := p.PortByRef(ref); n == nil || n.Name != "ens1" || port.Name != "ens1f0" {
		t.Errorf("%s is port %v of NIC %v", ref, port, n)
	}
	for _, r := range []PortRef{ref, peer} {
		if s, v := p.VLANOf(r); s == nil || s.Name != "sw1" || v.ID != 1501 {
			t.Errorf("%s is in %v of %v, want 1501 of sw1", r, v, s)
		}
	}
	if c := p.CableOf(peer); c == nil || c.A != ref {
		t.Errorf("cable of %s is %v", peer, c)
	}
	if c := p.ClockByName("bc2"); c == nil || c.Worker != "w1" {
		t.Errorf("clock bc2 is %v", c)
	}
	if got := len(p.ClocksOn("w3")); got != 2 {
		t.Errorf("%d clocks on w3, want 2", got)
	}
	none := PortRef{"w1", "ens9f0"}
	_, noPort := p.PortByRef(none)
	_, noPeer := p.Peer(none)
	noSwitch, _ := p.VLANOf(none)
	if noPort != nil || noPeer || noSwitch != nil || p.CableOf(none) != nil || p.NICByName("w1", "ens9") != nil || p.ClockByName("x") != nil || p.SwitchByName("x") != nil {
		t.Errorf("something was found at %s", none)
	}
}

func TestGraphs(t *testing.T) {
	for _, file := range topologyFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		p := Expand(load(t, name), Base{})
		for ext, render := range map[string]func(io.Writer, *Plan) error{"mmd": Mermaid, "dot": DOT} {
			var b bytes.Buffer
			if err := render(&b, p); err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/graph/"+name+"."+ext, b.Bytes())
		}
	}
}

// A writer that fails must be reported.
func TestGraphsReportWriteErrors(t *testing.T) {
	p := Expand(load(t, "oc"), Base{})
	r, w := io.Pipe()
	r.Close()
	if err := Mermaid(w, p); err == nil {
		t.Error("Mermaid to a closed pipe: no error")
	}
	if err := DOT(w, p); err == nil {
		t.Error("DOT to a closed pipe: no error")
	}
}
