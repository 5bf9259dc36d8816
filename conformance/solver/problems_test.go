package solver

import (
	"testing"
)

func TestProblems(t *testing.T) {
	const wpc = `
w1 CARD1: f0=1500* f1=1501 f2=1501 f3=1502
w2 CARD2: f0=1500 f1=1503
w3 ens1: f0=1501`
	tests := []struct {
		problem, network string
		count            int
		best             string
		score            Score
	}{
		{"OC", ciTopology, 20,
			"gm=w1/ens1f0 oc1=w3/ens4f0",
			Score{WastedPorts: 1}},
		{"DualFollower", ciTopology, 4,
			"gm=w1/ens1f1 oc1.port1=w2/ens3f0 oc1.port2=w2/ens3f1",
			Score{WastedPorts: 1}},
		{"BC", ciTopology, 13,
			"gm=w3/ens4f0 bc1.receive=w1/ens1f0 bc1.transmit=w1/ens1f1",
			Score{}},
		{"BCWithSlaves", ciTopology, 18,
			"gm=w3/ens4f0 bc1.receive=w1/ens1f0 bc1.transmit=w1/ens1f1 oc1=w2/ens3f0",
			Score{WastedPorts: 1}},
		{"DualNicBC", ciTopology, 4,
			"gm=w2/ens3f0 bc1.receive=w1/ens1f1 bc1.transmit=w1/ens1f0 bc2.receive=w1/ens2f0 bc2.transmit=w1/ens2f1",
			Score{WastedPorts: 1}},
		{"DualNicBCWithSlaves", ciTopology, 8,
			"gm=w2/ens3f0 bc1.receive=w1/ens1f1 bc1.transmit=w1/ens1f0 bc2.receive=w1/ens2f0 bc2.transmit=w1/ens2f1 oc1=w3/ens4f0 oc2=w3/ens5f0",
			Score{SharedNodes: 1, WastedPorts: 1}},
		{"OCExtGM", ciExternal, 4,
			"oc1=w1/ens1f1",
			Score{WastedPorts: 1}},
		{"DualFollowerExtGM", ciExternal, 2,
			"oc1.port1=w2/ens3f0 oc1.port2=w2/ens3f1",
			Score{}},
		{"BCExtGM", ciExternal, 4,
			"bc1.receive=w1/ens1f1 bc1.transmit=w1/ens1f0",
			Score{}},
		{"BCWithSlavesExtGM", ciExternal, 3,
			"bc1.receive=w1/ens1f1 bc1.transmit=w1/ens1f0 oc1=w3/ens4f0",
			Score{}},
		{"DualNicBCExtGM", ciExternal, 2,
			"bc1.receive=w1/ens1f1 bc1.transmit=w1/ens1f0 bc2.receive=w1/ens2f0 bc2.transmit=w1/ens2f1",
			Score{}},
		{"DualNicBCWithSlavesExtGM", ciExternal, 4,
			"bc1.receive=w1/ens1f1 bc1.transmit=w1/ens1f0 bc2.receive=w1/ens2f0 bc2.transmit=w1/ens2f1 oc1=w3/ens4f0 oc2=w3/ens5f0",
			Score{SharedNodes: 1}},
		{"TGM", wpc, 14,
			"gm.port1=w2/CARD2f0 gm.port2=w2/CARD2f1",
			Score{}},
		{"TBC", wpc, 10,
			"gm=w2/CARD2f0 bc1.receive=w1/CARD1f0 bc1.transmit=w1/CARD1f1 bc1.transmit2=w1/CARD1f2",
			Score{WastedPorts: 4}},
		{"TBCWithSlaves", wpc, 2,
			"gm=w2/CARD2f0 bc1.receive=w1/CARD1f0 bc1.transmit=w1/CARD1f1 bc1.transmit2=w1/CARD1f2 oc1=w3/ens1f0",
			Score{WastedPorts: 4}},
		{"TBCExtGM", wpc, 6,
			"bc1.receive=w1/CARD1f0 bc1.transmit=w1/CARD1f1 bc1.transmit2=w1/CARD1f2",
			Score{WastedPorts: 3}},
		{"TBCWithSlavesExtGM", wpc, 2,
			"bc1.receive=w1/CARD1f0 bc1.transmit=w1/CARD1f1 bc1.transmit2=w1/CARD1f2 oc1=w3/ens1f0",
			Score{WastedPorts: 3}},
	}
	for _, test := range tests {
		t.Run(test.problem, func(t *testing.T) {
			problem, ok := Find(test.problem)
			if !ok {
				t.Fatal("no such problem")
			}
			n := network(t, test.network)
			best, err := n.Best(t.Context(), problem)
			if err != nil {
				t.Fatal(err)
			}
			if best.String() != test.best || best.Score != test.score {
				t.Errorf("best is\n%s, %+v, not\n%s, %+v", best, best.Score, test.best, test.score)
			}
			count, err := n.Count(t.Context(), problem, 0)
			if err != nil || count != test.count {
				t.Errorf("%d solutions, %v, not %d", count, err, test.count)
			}
		})
	}
	if len(tests) != len(Problems()) {
		t.Errorf("%d problems are tested of %d", len(tests), len(Problems()))
	}
}
