//go:build lab

package system_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/sut"
)

// lans are the ports of each LAN.
func lans(g *l2.Graph) []string {
	var all []string
	for _, l := range g.LANs {
		all = append(all, strings.Join(l.Ports, " "))
	}
	return all
}

// TestDiscoverLab compares what the ports hear with what the topology says.
func TestDiscoverLab(t *testing.T) {
	s, _ := bootLab(t, load(t, "dnbc"))
	before, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Discover(t.Context(), l2.Request{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if took := after.Sub(before); took <= 0 || took > 5*time.Second {
		t.Errorf("discovery took %s of the lab's time", took)
	}
	want := []string{"w1/ens1f0 w3/ens4f0", "w1/ens1f1 w1/ens2f0 w2/ens3f0 w2/ens3f1", "w1/ens2f1 w3/ens5f0 w3/ens6f0"}
	if got := lans(g); !slices.Equal(got, want) || len(g.Faults) > 0 {
		t.Errorf("LANs %q, want %q; faults %q", got, want, g.Faults)
	}
	if len(g.NICs) != 6 || len(g.PTPPorts()) != 9 {
		t.Errorf("%d NICs and %d ports that can do PTP, want 6 and 9", len(g.NICs), len(g.PTPPorts()))
	}
	for _, p := range g.Ports {
		if p.PHC == nil || p.PCI == nil || p.PTP != l2.Yes || p.Link != l2.Yes || !p.Heard {
			t.Errorf("port %s: %+v", p, p)
		}
	}

	skip, err := s.Discover(t.Context(), l2.Request{Nodes: []string{"w1", "w3"}, Skip: l2.Skip{"w3/ens4f0"}, Deadline: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := skip.Port(sut.PortRef{Node: "w3", Interface: "ens4f0"}); !p.Skipped || p.LAN != 0 || len(skip.Nodes) != 2 {
		t.Errorf("skipped port %+v of %q", p, skip.Nodes)
	}
	if len(skip.Faults) == 0 {
		t.Error("nobody hears w1/ens1f0 now, and no fault says so")
	}
	if _, err := s.Discover(t.Context(), l2.Request{Nodes: []string{"sw1"}}); err == nil {
		t.Error("probed from a switch")
	}
}

// TestDiscoverExternalGrandmaster hears the clock outside the workers.
func TestDiscoverExternalGrandmaster(t *testing.T) {
	s, _ := bootLab(t, load(t, "external-gm"))
	g, err := s.Discover(t.Context(), l2.Request{Listen: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Receiving()) == 0 || len(g.Grandmasters) == 0 {
		t.Errorf("ports that receive PTP %v, grandmasters %v", g.Receiving(), g.Grandmasters)
	}
	for _, p := range g.Receiving() {
		t.Logf("%s hears %+v", p, p.Announces)
	}
}
