package solver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A telecom boundary clock and its receiver, in steps that name roles before they are settled.
var (
	forwardRoles = []Role{OC1, BC1Receive, BC1Transmit, BC1Transmit2, GM}
	forwardSteps = [][]Constraint{
		{}, {SameLAN(OC1, BC1Transmit)}, {SameLAN(OC1, BC1Transmit2)}, {WPC(BC1Receive)},
		{SameNIC(BC1Receive, BC1Transmit)}, {SameNIC(BC1Receive, BC1Transmit2)}, {SameLAN(BC1Receive, GM)},
	}
)

func TestForwardReferences(t *testing.T) {
	problem := Problem{Name: "forward", Roles: forwardRoles, Constraints: slices.Concat(forwardSteps...)}
	tests := []struct {
		name, network string
		plain         int // solutions of the search that checks forward references against ports not settled
		plainWrong    int // of them, those that break a constraint
		count         int
	}{
		{"fewer ports than steps", `
w1 CARD1: f0=1500 f1=1501 f2=1501
w2 ens1: f0=1500
w3 ens1: f0=1501`, 0, 0, 2},
		{"spare ports", `
w1 CARD1: f0=1500 f1=1501 f2=1501
w2 ens1: f0=1500
w3 ens1: f0=1501
w4 ens1: f0=1502
w5 ens1: f0=1503`, 0, 0, 2},
		{"spare ports first", `
w0 ens1: f0=1500 f1=1501
w1 CARD1: f0=1500 f1=1501 f2=1501
w2 ens1: f0=1500 f1=1501
w3 ens1: f0=1501`, 14, 6, 12},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := network(t, test.network)
			found, _ := plain(n.Ports(), forwardRoles, forwardSteps, 1<<20)
			distinct, wrong := map[string]bool{}, 0
			for _, ports := range found {
				key := fmt.Sprint(Solution{Roles: forwardRoles, Ports: ports})
				if distinct[key] {
					continue
				}
				distinct[key] = true
				if slices.ContainsFunc(problem.Constraints, func(c Constraint) bool { return !plainlyHolds(c, ports) }) {
					wrong++
				}
			}
			all, err := n.All(t.Context(), problem, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(distinct) != test.plain || wrong != test.plainWrong || len(all) != test.count {
				t.Errorf("%d solutions, not %d; the old search has %d with %d wrong, not %d with %d wrong",
					len(all), test.count, len(distinct), wrong, test.plain, test.plainWrong)
			}
		})
	}
}

// TestOrderDoesNotMatter writes each problem in another order.
func TestOrderDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1588))
	for range 20 {
		n, err := NewNetwork(random(r, 9))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Problems() {
			q := p
			q.Roles, q.Constraints = slices.Clone(p.Roles), slices.Clone(p.Constraints)
			r.Shuffle(len(q.Roles), func(i, j int) { q.Roles[i], q.Roles[j] = q.Roles[j], q.Roles[i] })
			r.Shuffle(len(q.Constraints), func(i, j int) { q.Constraints[i], q.Constraints[j] = q.Constraints[j], q.Constraints[i] })
			same(t, n, p, n, q)
		}
	}
}

// TestNamesDoNotMatter gives the nodes, NICs, ports and LANs of networks other names.
func TestNamesDoNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1588))
	for range 20 {
		ports := random(r, 9)
		renamed := slices.Clone(ports)
		r.Shuffle(len(renamed), func(i, j int) { renamed[i], renamed[j] = renamed[j], renamed[i] })
		numbers := r.Perm(10)
		name := func(s string) string { return fmt.Sprintf("%s-%d", s[:1], numbers[s[len(s)-1]-'0']) }
		for i, p := range renamed {
			renamed[i].Node, renamed[i].Interface = name(p.Node), name(p.Interface)
			if p.NIC != "" {
				renamed[i].NIC = name(p.NIC)
			}
			if p.LAN != 0 {
				renamed[i].LAN = 100 + numbers[p.LAN]
			}
		}
		n, err := NewNetwork(ports)
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewNetwork(renamed)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Problems() {
			same(t, n, p, m, p)
		}
	}
}

// same compares how many solutions there are and how good the best is.
func same(t *testing.T, n *Network, p Problem, m *Network, q Problem) {
	t.Helper()
	want, err := n.All(t.Context(), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.All(t.Context(), q, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) || len(got) > 0 && got[0].Score != want[0].Score {
		t.Errorf("%s: %d solutions, not %d, or of another score:\n%v\n%v", p.Name, len(got), len(want), n.ports, m.ports)
	}
}
