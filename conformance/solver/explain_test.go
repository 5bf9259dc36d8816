package solver

import (
	"errors"
	"flag"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func TestExplanations(t *testing.T) {
	tests := []struct{ name, problem, network string }{
		{"no card between two LANs", "BCWithSlaves", `
w1 ens1: f0=1500 f1=1500
w2 ens2: f0=1500
w3 ens3: f0=1500
w4 ens4: f0=1501
w5 ens5: f0=1501`},
		{"no card between two LANs, few peers", "BCWithSlaves", `
w1 ens1: f0=1500 f1=1500
w2 ens2: f0=1500
w3 ens3: f0=1501
w4 ens4: f0=1501`},
		{"one LAN", "BCWithSlaves", `
w1 ens1: f0=1500 f1=1500
w2 ens2: f0=1500
w3 ens3: f0=1500`},
		{"receiver unplugged", "BCWithSlaves", `
w1 ens1: f0=1500 f1=1501
w2 ens2: f0=1500
w3 ens3: f0=0`},
		{"single ports", "BC", `
w1 ens1: f0=1500
w2 ens2: f0=1500
w3 ens3: f0=1501`},
		{"every port on a LAN of its own", "OC", `
w1 ens1: f0=1500 f1=1501
w2 ens2: f0=1502`},
		{"no time stamps", "OC", `
w1 ens1: f0=1500!
w2 ens2: f0=1500`},
		{"too few ports", "DualNicBCWithSlaves", ciTopologyHalf},
		{"one card only", "DualNicBC", `
w1 ens1: f0=1500 f1=1501 f2=1500
w2 ens2: f0=1500
w3 ens3: f0=1502 f1=1500`},
		{"second card on another LAN", "DualNicBCWithSlaves", `
w1 ens1: f0=1500 f1=1501
w1 ens2: f0=1503 f1=1502
w2 ens3: f0=1500
w3 ens4: f0=1501
w4 ens5: f0=1502`},
		{"both receivers on one LAN", "DualNicBCWithSlaves", `
w1 ens1: f0=1500 f1=1501
w1 ens2: f0=1500 f1=1501
w2 ens3: f0=1500
w3 ens4: f0=1501
w4 ens5: f0=1501`},
		{"no external grandmaster", "OCExtGM", ciTopology},
		{"external grandmaster on the wrong card", "BCWithSlavesExtGM", `
w1 ens1: f0=1500 f1=1501
w2 ens2: f0=1502*
w3 ens3: f0=1501`},
		{"external grandmaster on one card of two", "DualNicBCExtGM", `
w1 ens1: f0=1500* f1=1501
w1 ens2: f0=1502 f1=1503`},
		{"no WPC card", "TGM", ciTopology},
		{"two ports of three", "TBCExtGM", `
w1 CARD1: f0=1500* f1=1501`},
	}
	var text []byte
	for _, test := range tests {
		p, _ := Find(test.problem)
		_, err := network(t, test.network).Best(t.Context(), p)
		var why *Unsolvable
		if !errors.As(err, &why) {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		text = append(text, "# "+test.name+"\n"+why.Error()+"\n\n"...)
	}
	golden(t, "explanations.txt", text)
}

const ciTopologyHalf = `
w1 ens1: f0=1501 f1=1500
w1 ens2: f0=1500 f1=1502`

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; go test -update writes it. Now it is:\n%s", file, got)
	}
}

// TestConflictIsSmallest compares with every set of constraints, and tries whether the moves help.
func TestConflictIsSmallest(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1588))
	conflicts, helped := 0, 0
	for range 1500 {
		ports := random(r, 3+r.IntN(3))
		p := randomProblem(r)
		n, err := NewNetwork(ports)
		if err != nil {
			t.Fatal(err)
		}
		_, err = n.Best(t.Context(), p)
		var why *Unsolvable
		if !errors.As(err, &why) {
			continue
		}
		conflicts++
		if want := smallestConflict(ports, p); len(why.Conflict) != want {
			t.Errorf("%d constraints, not %d:\n%s\n%+v\n%+v", len(why.Conflict), want, why, p, ports)
		}
		left := p
		left.Constraints = why.Conflict
		if len(bruteForce(ports, left)) > 0 {
			t.Errorf("the conflict has a solution:\n%s\n%+v\n%+v", why, p, ports)
		}
		if len(why.Moves) > 0 {
			helped++
			if len(bruteForce(after(ports, why.Moves), p)) == 0 {
				t.Errorf("the moves do not help:\n%s\n%+v\n%+v", why, p, ports)
			}
		}
	}
	t.Logf("%d conflicts, %d with moves", conflicts, helped)
	if conflicts < 100 || helped < 50 {
		t.Errorf("%d conflicts and %d moves compare too little", conflicts, helped)
	}
}

func smallestConflict(ports []Port, p Problem) int {
	smallest := len(p.Constraints)
	for set := range uint64(1) << len(p.Constraints) {
		if size := bits.OnesCount64(set); size < smallest {
			q := p
			q.Constraints = (&oracle{problem: p}).constraints(set)
			if len(bruteForce(ports, q)) == 0 {
				smallest = size
			}
		}
	}
	return smallest
}

// after moves ports. A port hears on its new LAN what the first port there does.
func after(ports []Port, moves []Move) []Port {
	moved := slices.Clone(ports)
	for _, move := range moves {
		for i := range moved {
			if moved[i].String() != move.Port.String() {
				continue
			}
			moved[i].LAN, moved[i].ReceivesPTP, moved[i].Announces = move.LAN, false, nil
			if move.LAN == 0 {
				moved[i].LAN = 99
				continue
			}
			n, _ := NewNetwork(ports)
			for _, peer := range slices.Backward(n.ports) {
				if peer.LAN == move.LAN {
					moved[i].ReceivesPTP, moved[i].Announces = peer.ReceivesPTP, peer.Announces
				}
			}
		}
	}
	return moved
}
