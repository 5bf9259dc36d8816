package linuxptp

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/lab/topology"
)

func TestProfiles(t *testing.T) {
	for name, c := range map[string]*Config{
		"switch": SwitchConfig(topology.Switch{Name: "sw1", Domain: 24}, topology.VLAN{ID: 1500, NIC: "v1500", Ports: []string{"v1500f0", "v1500f1"}}),
		"gm":     GrandmasterConfig(topology.Grandmaster{Name: "gm1", Domain: 24, ClockClass: 6, Priority1: 1, Priority2: 2, Port: "eth1"}),
		"bc": ClockConfig(topology.Clock{Name: "bc1", Type: topology.ClockBoundary, Domain: 25,
			ReceivePorts: []string{"ens1f1"}, TransmitPorts: []string{"ens1f0"}}),
		"dual-follower": ClockConfig(topology.Clock{Name: "oc1", Type: topology.ClockOrdinary, Domain: 24, ReceivePorts: []string{"ens3f0", "ens3f1"}}),
	} {
		golden := "testdata/" + name + ".conf"
		if *update {
			if err := os.WriteFile(golden, []byte(c.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), c.String()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if _, err := ParseConfig(c.String()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
