package l2

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/sut"
)

var update = flag.Bool("update", false, "write the golden files")

// testPort is a port of a made-up system: frames reach all ports of its VLAN.
type testPort struct {
	node, name, pci string
	phc, vlan, id   int
}

func (p testPort) mac() string { return fmt.Sprintf("00:11:22:33:%02X:%02X", p.id, p.id+1) }

func (p testPort) local() Local {
	device, function, _ := strings.Cut(p.pci, ".")
	return Local{IfName: p.name, IfMac: MAC{p.mac()}, IfIndex: p.id + 1, Details: &Details{
		IfPci:     PCI{Device: device, Function: function, Description: "Ethernet controller: Red Hat, Inc. Device 0100"},
		IfPTPCaps: PTPCaps{HwRx: true, HwTx: true, HwRawClock: true, ClockDetails: &ClockDetails{PhcIndex: p.phc}},
		IfUp:      true,
	}}
}

// ciPorts is the cabling of upstream's CI: three workers with six NICs at one switch with three VLANs.
func ciPorts() []testPort {
	const w1, w2, w3 = "kind-netdevsim-worker", "kind-netdevsim-worker2", "kind-netdevsim-worker3"
	return []testPort{
		{w1, "ens1f0", "0000:1f:01.0", 1, 1501, 1},
		{w1, "ens1f1", "0000:1f:01.1", 1, 1500, 3},
		{w1, "ens2f0", "0000:1f:02.0", 2, 1500, 5},
		{w1, "ens2f1", "0000:1f:02.1", 2, 1502, 7},
		{w2, "ens3f0", "0000:1f:03.0", 3, 1500, 9},
		{w2, "ens3f1", "0000:1f:03.1", 3, 1500, 11},
		{w3, "ens4f0", "0000:1f:04.0", 4, 1501, 13},
		{w3, "ens5f0", "0000:1f:05.0", 5, 1502, 15},
		{w3, "ens6f0", "0000:1f:06.0", 6, 1502, 17},
	}
}

// probe lets every port send a probe and, behind it, the port of the switch an announce of its boundary clock, which is not part of
// the system.
func probe(ports []testPort) map[string]Report {
	reports, own := map[string]Report{}, map[string]map[string]bool{}
	for _, p := range ports {
		if reports[p.node] == nil {
			reports[p.node], own[p.node] = Report{}, map[string]bool{}
		}
		reports[p.node].neighbors(Inventory, p.local())
		own[p.node][p.mac()] = true
	}
	for _, by := range ports {
		for _, sender := range ports {
			if by.vlan == sender.vlan {
				reports[by.node].hear(by.local(), Frame{Source: sender.mac(), EtherType: etherProbe}, own[by.node])
			}
		}
		reports[by.node].hear(by.local(), switchAnnounce(by), own[by.node])
	}
	return reports
}

// switchAnnounce is what the boundary clock of upstream's switch sends: its own quality, clockClass 128, as nothing feeds it.
func switchAnnounce(to testPort) Frame {
	m := make([]byte, announceLength)
	m[0], m[1], m[3], m[4] = announceType, ptpVersion, announceLength, 24
	copy(m[20:], "\x00\x11\x22\xff\xfe\x33\x02\x01\x00")
	m[29] = byte(to.id)
	m[47], m[48], m[49], m[50], m[51], m[52] = 128, 128, 0xFE, 0xFF, 0xFF, 128
	copy(m[53:], m[20:28])
	m[63] = 0xA0
	return Frame{Source: fmt.Sprintf("00:11:22:33:%02X:%02X", to.id+1, to.id), EtherType: etherPTP, Payload: m}
}

func TestUpstreamTopology(t *testing.T) {
	g := Merge(probe(ciPorts()), nil)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"ci.txt":  func(b *bytes.Buffer) error { return g.WriteTable(b) },
		"ci.json": func(b *bytes.Buffer) error { return g.WriteJSON(b) },
		"ci.mmd":  func(b *bytes.Buffer) error { return g.WriteMermaid(b) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		golden(t, name, got.Bytes())
	}
	if len(g.LANs) != 3 || len(g.NICs) != 6 || len(g.PTPPorts()) != 9 || len(g.Receiving()) != 9 || len(g.Faults) != 0 {
		t.Errorf("%d LANs, %d NICs, %d PTP ports, %d receiving, faults %q", len(g.LANs), len(g.NICs), len(g.PTPPorts()), len(g.Receiving()), g.Faults)
	}
	if unheard := g.Unheard(nil); len(unheard) > 0 {
		t.Errorf("unheard: %v", unheard)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile("testdata/"+name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, name)), string(got)); diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
}

// TestMergeAgain holds that the same reports give the same graph however often, with nothing twice, and are not changed.
func TestMergeAgain(t *testing.T) {
	reports := probe(ciPorts())
	skip := Skip{"ens2f1", "kind-netdevsim-worker3/ens4f0"}
	before := map[string]Report{}
	for node, r := range reports {
		before[node] = r.clone()
	}
	first := Merge(reports, skip)
	for range 20 {
		if again := Merge(reports, skip); !reflect.DeepEqual(first, again) {
			t.Fatalf("first %+v\nthen %+v", first, again)
		}
	}
	if !reflect.DeepEqual(before, reports) || len(skip) != 2 {
		t.Error("merging changes what it reads")
	}
	seen := map[string]bool{}
	for _, p := range first.Receiving() {
		if seen[p.String()] {
			t.Errorf("%s is twice among the receiving ports", p)
		}
		seen[p.String()] = true
	}
}

func TestSkip(t *testing.T) {
	reports := probe(ciPorts())
	g := Merge(reports, ParseSkip(" ens2f1,,kind-netdevsim-worker3/ens4f0 ,other/ens6f0"))
	var skipped []string
	for _, p := range g.Ports {
		if p.Skipped {
			skipped = append(skipped, p.Interface)
			if p.LAN != 0 || len(p.Outside) > 0 || len(p.Announces) > 0 {
				t.Errorf("skipped, but used: %+v", p)
			}
		}
	}
	if want := []string{"ens2f1", "ens4f0"}; !slices.Equal(skipped, want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
	for _, p := range slices.Concat(g.PTPPorts(), g.Receiving()) {
		if p.Skipped {
			t.Errorf("%s is offered", p)
		}
	}
	if len(g.Ports) != 9 || len(g.Faults) != 0 {
		t.Errorf("%d ports, faults %q: a skipped port stays part of the inventory", len(g.Ports), g.Faults)
	}
}

// lab makes reports of ports that are called "node/port", with the MAC address 00:..:0N for the Nth.
func systemOf(ports ...string) map[string]Report {
	reports := map[string]Report{}
	for i, port := range ports {
		node, name, _ := strings.Cut(port, "/")
		if reports[node] == nil {
			reports[node] = Report{}
		}
		reports[node].neighbors(Inventory, Local{IfName: name, IfMac: MAC{testMAC(i + 1)}, Details: &Details{IfUp: true}})
	}
	return reports
}

func testMAC(n int) string { return fmt.Sprintf("00:00:00:00:00:%02X", n) }

// hears lets a port hear a probe.
func hears(reports map[string]Report, port, mac string, vlan uint16) {
	node, name, _ := strings.Cut(port, "/")
	own := map[string]bool{}
	for _, n := range reports[node][Inventory] {
		own[n.Local.Address()] = true
	}
	reports[node].hear(reports[node][Inventory][name].Local, Frame{Source: mac, EtherType: etherProbe, VLAN: vlan}, own)
}

func lanText(g *Graph) string {
	var lans []string
	for _, l := range g.LANs {
		lans = append(lans, strings.Join(l.Ports, " "))
	}
	return strings.Join(lans, " | ")
}

func TestLANs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]Report)
		lans   string
		faults []string
	}{
		"mutual": {func(r map[string]Report) {
			hears(r, "a/p", testMAC(2), 0)
			hears(r, "b/p", testMAC(1), 0)
		}, "a/p b/p | c/p | c/q", nil},
		"over a third": {func(r map[string]Report) {
			hears(r, "a/p", testMAC(3), 0)
			hears(r, "c/p", testMAC(1), 0)
			hears(r, "b/p", testMAC(3), 0)
			hears(r, "c/p", testMAC(2), 0)
		}, "a/p b/p c/p | c/q", nil},
		"one way": {func(r map[string]Report) { hears(r, "a/p", testMAC(2), 0) },
			"a/p | b/p | c/p | c/q", []string{"a/p hears b/p, but not the other way round"}},
		"two ports of a node": {func(r map[string]Report) {
			hears(r, "c/p", testMAC(4), 0)
			hears(r, "c/q", testMAC(3), 0)
		}, "a/p | b/p | c/p c/q", nil},
		"stranger": {func(r map[string]Report) { hears(r, "a/p", "AA:AA:AA:AA:AA:AA", 0) }, "a/p | b/p | c/p | c/q", nil},
		"trunk": {func(r map[string]Report) { hears(r, "a/p", testMAC(2), 7) }, "a/p | b/p | c/p | c/q",
			[]string{"a/p hears b/p only with VLAN tag 7, so that they share no untagged LAN; the switch port of a/p may be a trunk"}},
		"bond member": {func(r map[string]Report) {
			r["b"][Inventory]["p"].Local.Details = &Details{IfUp: true, IfMaster: "bond0", IfSlaveType: "bond"}
			hears(r, "a/p", testMAC(2), 0)
			hears(r, "b/p", testMAC(1), 0)
		}, "a/p | c/p | c/q", nil},
		"same address": {func(r map[string]Report) {
			r["b"][Inventory]["p"].Local.IfMac.Data = testMAC(1)
			hears(r, "c/p", testMAC(1), 0)
		}, "a/p | b/p | c/p | c/q",
			[]string{"a/p, b/p have the same MAC address 00:00:00:00:00:01, so that nobody can tell which of them was heard"}},
	} {
		reports := systemOf("a/p", "b/p", "c/p", "c/q")
		c.change(reports)
		g := Merge(reports, nil)
		if got := lanText(g); got != c.lans {
			t.Errorf("%s: LANs %s, want %s", name, got, c.lans)
		}
		if !slices.Equal(g.Faults, c.faults) {
			t.Errorf("%s: faults %q, want %q", name, g.Faults, c.faults)
		}
	}
}

func TestUnheard(t *testing.T) {
	reports := systemOf("a/p", "b/p", "c/p", "d/p")
	reports["d"][Inventory]["p"].Local.IfUp = false
	hears(reports, "a/p", testMAC(2), 0)
	g := Merge(reports, Skip{"c/p"})
	port := func(node string) sut.PortRef { return sut.PortRef{Node: node, Interface: "p"} }
	for name, c := range map[string]struct{ expect, want []sut.PortRef }{
		"all with a link": {nil, []sut.PortRef{port("a")}},
		"none":            {[]sut.PortRef{}, []sut.PortRef{}},
		"heard":           {[]sut.PortRef{port("b")}, []sut.PortRef{}},
		"without a link":  {[]sut.PortRef{port("b"), port("d")}, []sut.PortRef{port("d")}},
		"does not exist":  {[]sut.PortRef{port("x")}, []sut.PortRef{port("x")}},
	} {
		if got := g.Unheard(c.expect); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	g.addUnheard(g.Unheard(nil), 10*time.Second)
	if want := "no other port heard a/p in 10s"; !slices.Contains(g.Faults, want) {
		t.Errorf("faults %q, want %q", g.Faults, want)
	}
}

func TestNICs(t *testing.T) {
	reports := systemOf("a/p", "a/q", "a/r", "a/s", "a/t", "b/p")
	set := func(port, pci, function string, phc int) {
		node, name, _ := strings.Cut(port, "/")
		d := reports[node][Inventory][name].Local.Details
		d.IfPci.Device, d.IfPci.Function = pci, function
		d.IfPTPCaps.ClockDetails = &ClockDetails{PhcIndex: phc}
	}
	set("a/p", "0000:1f:01", "0", 1)
	set("a/q", "0000:1f:01", "1", 2) // some cards have a clock a port
	set("a/r", "", "", 3)
	set("a/s", "", "", 3)
	set("a/t", "", "", -1)
	set("b/p", "0000:1f:01", "0", 1) // another node
	var got []string
	for _, n := range Merge(reports, nil).NICs {
		got = append(got, strings.Join(n.Ports, " "))
	}
	if want := []string{"a/p a/q", "a/r a/s", "a/t", "b/p"}; !slices.Equal(got, want) {
		t.Errorf("NICs %q, want %q", got, want)
	}
}

// TestSeed makes a graph of a report of an old daemon: everything it does not say is unknown, and the two ports of the node that
// hear the same strangers are not called a LAN.
func TestSeed(t *testing.T) {
	g := Merge(map[string]Report{"worker": parse(t, string(read(t, "seed.json")))}, nil)
	if len(g.Ports) != 4 || len(g.LANs) != 4 || len(g.NICs) != 4 || len(g.PTPPorts()) != 0 || len(g.Faults) != 0 {
		t.Errorf("%d ports, %d LANs, %d NICs, %d PTP ports, faults %q", len(g.Ports), len(g.LANs), len(g.NICs), len(g.PTPPorts()), g.Faults)
	}
	if p, ok := g.Port(sut.PortRef{Node: "worker", Interface: "ens3f1"}); !ok || p.PTP != Unknown || p.Link != Unknown {
		t.Errorf("port %+v", p)
	}
}

// TestReceiving holds that PTP between ports of the system is not PTP from outside.
func TestReceiving(t *testing.T) {
	reports := systemOf("a/p", "b/p")
	announce := frameOf(t, "announce-grandmaster.hex")[ethernetHeader:]
	local := reports["a"][Inventory]["p"].Local
	reports["a"].hear(local, Frame{Source: testMAC(2), EtherType: etherPTP, Payload: announce}, nil)
	g := Merge(reports, nil)
	if len(g.Receiving()) != 0 || len(g.Grandmasters) != 1 || g.Grandmasters[0].Heard[0].Port != "a/p" {
		t.Errorf("receiving %v, grandmasters %+v", g.Receiving(), g.Grandmasters)
	}
	reports["a"].hear(local, Frame{Source: "AA:AA:AA:AA:AA:AA", EtherType: etherPTP, Payload: announce}, nil)
	if got := Merge(reports, nil).Receiving(); len(got) != 1 || !slices.Equal(got[0].Outside, []string{"AA:AA:AA:AA:AA:AA"}) {
		t.Errorf("receiving %+v", got)
	}
}

// TestTableFits holds the width, whatever the names.
func TestTableFits(t *testing.T) {
	ports := ciPorts()
	for i := range ports {
		ports[i].node = strings.Repeat("very-long-", 10) + ports[i].node
		ports[i].name = ports[i].name + "-ähnlich-lang"
	}
	reports := probe(ports)
	first := slices.Sorted(maps.Keys(reports))[0]
	reports[first][Probes] = nil // one-way faults
	var text bytes.Buffer
	if err := Merge(reports, nil).WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "fault:") {
		t.Error("no faults")
	}
	for line := range strings.Lines(text.String()) {
		words := strings.Fields(line)
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > TableWidth && len(words) > 1 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestBigSystem merges 5,000 ports in 200 LANs, each of which hears its LAN.
func TestBigSystem(t *testing.T) {
	reports := map[string]Report{}
	mac := func(port int) string { return fmt.Sprintf("02:00:00:00:%02X:%02X", port/256, port%256) }
	for port := range 5000 {
		node := fmt.Sprintf("w%04d", port/10)
		if reports[node] == nil {
			reports[node] = Report{}
		}
		l := Local{IfName: fmt.Sprintf("e%d", port%10), IfMac: MAC{mac(port)}}
		reports[node].neighbors(Inventory, l)
		for other := port % 200; other < 5000; other += 200 {
			reports[node].hear(l, Frame{Source: mac(other), EtherType: etherProbe}, nil)
		}
	}
	start := time.Now()
	g := Merge(reports, nil)
	if len(g.LANs) != 200 || len(g.LANs[0].Ports) != 25 || len(g.Faults) != 0 {
		t.Errorf("%d LANs, %d faults", len(g.LANs), len(g.Faults))
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}
