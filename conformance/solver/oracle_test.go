package solver

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// bruteForce tries every arrangement of the ports and judges each as a whole. It returns the solutions by rank. It shares
// nothing with the solver but the data types and the order in which ties are compared.
func bruteForce(ports []Port, p Problem) []Solution {
	var solutions []Solution
	taken := make([]bool, len(ports))
	chosen := map[Role]Port{}
	var bind func(i int)
	bind = func(i int) {
		if i == len(p.Roles) {
			if s, ok := judged(ports, p, chosen); ok {
				solutions = append(solutions, s)
			}
			return
		}
		for j, port := range ports {
			if !taken[j] {
				taken[j], chosen[p.Roles[i]] = true, port
				bind(i + 1)
				taken[j] = false
			}
		}
	}
	bind(0)
	order := p.SearchOrder()
	slices.SortFunc(solutions, func(a, b Solution) int {
		by := a.Score.Compare(b.Score)
		for _, role := range order {
			by = cmp.Or(by, cmp.Compare(a.Ports[role].Node, b.Ports[role].Node), cmp.Compare(a.Ports[role].Interface, b.Ports[role].Interface))
		}
		return by
	})
	return solutions
}

// judged applies the words of Constraint and Score to a complete assignment.
func judged(ports []Port, p Problem, chosen map[Role]Port) (Solution, bool) {
	s := Solution{Problem: p.Name, Roles: p.Roles, Ports: map[Role]Port{}}
	for _, c := range p.Constraints {
		if !plainlyHolds(c, chosen) {
			return s, false
		}
	}
	for _, c := range p.Prefer {
		if !plainlyHolds(c, chosen) {
			s.Score.Unpreferred++
		}
	}
	for i, r := range p.Roles {
		s.Ports[r] = chosen[r]
		for _, q := range p.Roles[:i] {
			if sameNIC(chosen[r], chosen[q]) && !tied(p, KindSameNIC, r, q) {
				s.Score.SharedNICs++
			}
			if chosen[r].Node == chosen[q].Node && !tied(p, KindSameNode, r, q) {
				s.Score.SharedNodes++
			}
		}
		left := 0
		for _, port := range ports {
			if port.PTP && sameNIC(port, chosen[r]) {
				left++
			}
		}
		for _, q := range p.Roles {
			if q.Clock() == r.Clock() {
				left--
			}
		}
		s.Score.WastedPorts += max(0, left)
	}
	return s, true
}

func plainlyHolds(c Constraint, chosen map[Role]Port) bool {
	holds := true
	for _, role := range c.Roles {
		p, first := chosen[role], chosen[c.Roles[0]]
		self := role == c.Roles[0]
		switch c.Kind {
		case KindSameLAN:
			holds = holds && (self || p.LAN == first.LAN && p.LAN != 0)
		case KindSameNIC:
			holds = holds && (self || sameNIC(p, first))
		case KindSameNode:
			holds = holds && p.Node == first.Node
		case KindPTP:
			holds = p.PTP
		case KindReceivesPTP:
			holds = p.ReceivesPTP
		case KindWPC:
			holds = p.WPC
		case KindDomain, KindClockClass:
			holds = false
			for _, a := range p.Announces {
				inDomain := c.Domain == AnyDomain || a.Domain == c.Domain
				holds = holds || inDomain && (c.Kind == KindDomain || a.ClockClass < c.Class)
			}
		}
	}
	if c.Negated {
		return !holds
	}
	return holds
}

func sameNIC(a, b Port) bool {
	return a.Node == b.Node && (a.Interface == b.Interface || a.NIC != "" && a.NIC == b.NIC)
}

// tied says whether the clocks of two roles are one, or the problem puts ports of both on one NIC or node, maybe through
// other roles.
func tied(p Problem, kind Kind, r, q Role) bool {
	reached := []Role{}
	for _, role := range p.Roles {
		if role.Clock() == r.Clock() {
			reached = append(reached, role)
		}
	}
	direct := slices.ContainsFunc(reached, func(role Role) bool { return role.Clock() == q.Clock() })
	if direct {
		return true
	}
	for _, start := range reached {
		reach := []Role{start}
		for range p.Roles {
			for _, c := range p.Constraints {
				relates := c.Kind == kind || kind == KindSameNode && c.Kind == KindSameNIC
				if relates && !c.Negated && slices.ContainsFunc(c.Roles, func(role Role) bool { return slices.Contains(reach, role) }) {
					reach = append(reach, c.Roles...)
				}
			}
			slices.Sort(reach)
			reach = slices.Compact(reach)
		}
		if slices.ContainsFunc(reach, func(role Role) bool { return role.Clock() == q.Clock() }) {
			return true
		}
	}
	return false
}

// randomProblem has up to five roles and constraints of every kind, in any order.
func randomProblem(r *rand.Rand) Problem {
	roles := []Role{"a", "b.1", "b.2", "c", "d.1", "d.2"}
	r.Shuffle(len(roles), func(i, j int) { roles[i], roles[j] = roles[j], roles[i] })
	p := Problem{Name: "random", Roles: roles[:2+r.IntN(4)]}
	kinds := []Kind{KindSameLAN, KindSameLAN, KindSameNIC, KindSameNode, KindPTP, KindReceivesPTP, KindClockClass, KindDomain, KindWPC}
	constraint := func() Constraint {
		c := Constraint{Kind: kinds[r.IntN(len(kinds))], Negated: r.IntN(3) == 0, Domain: 24 - 25*r.IntN(2), Class: 100}
		some := r.Perm(len(p.Roles))[:1]
		if _, relation := c.Kind.attribute(); relation {
			some = r.Perm(len(p.Roles))[:2+r.IntN(min(2, len(p.Roles)-1))]
		}
		for _, i := range some {
			c.Roles = append(c.Roles, p.Roles[i])
		}
		return c
	}
	for range r.IntN(5) {
		p.Constraints = append(p.Constraints, constraint())
	}
	for range r.IntN(3) {
		p.Prefer = append(p.Prefer, constraint())
	}
	return p
}

func TestAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1588))
	solvable, unsolvable := 0, 0
	check := func(ports []Port, p Problem) {
		want := bruteForce(ports, p)
		if len(want) > 0 {
			solvable++
		} else {
			unsolvable++
		}
		agrees(t, ports, p, want)
	}
	for range 40 {
		for _, p := range Problems() {
			check(random(r, 7), p)
		}
	}
	for range 4000 {
		check(random(r, 3+r.IntN(4)), randomProblem(r))
	}
	t.Logf("%d with a solution, %d without", solvable, unsolvable)
	if solvable < 500 || unsolvable < 500 {
		t.Errorf("%d with a solution and %d without compare too little", solvable, unsolvable)
	}
}

func agrees(t *testing.T, ports []Port, p Problem, want []Solution) {
	t.Helper()
	n, err := NewNetwork(ports)
	if err != nil {
		t.Fatal(err)
	}
	show := fmt.Sprintf("%+v\n%+v", p, ports)
	all, err := n.All(t.Context(), p, 0)
	if err != nil || len(all) != len(want) {
		t.Fatalf("%d solutions, %v, not %d:\n%s", len(all), err, len(want), show)
	}
	for i := range all {
		if all[i].String() != want[i].String() || all[i].Score != want[i].Score {
			t.Fatalf("solution %d is %s, %v, not %s, %v:\n%s", i, all[i], all[i].Score, want[i], want[i].Score, show)
		}
	}
	for _, limit := range []int{1, 3} {
		some, err := n.All(t.Context(), p, limit)
		if err != nil || len(some) != min(limit, len(want)) {
			t.Fatalf("%d of %d solutions, %v:\n%s", len(some), limit, err, show)
		}
		for i := range some {
			if some[i].String() != want[i].String() {
				t.Fatalf("solution %d of %d is %s, %v, not %s, %v:\n%s", i, limit, some[i], some[i].Score, want[i], want[i].Score, show)
			}
		}
		if count, err := n.Count(t.Context(), p, limit); err != nil || count != len(some) {
			t.Fatalf("%d solutions counted up to %d, %v, not %d:\n%s", count, limit, err, len(some), show)
		}
	}
}

// TestPreferredNeighbour has a role that would rather not be alone: the candidates of its LAN must not be cut short.
func TestPreferredNeighbour(t *testing.T) {
	n := network(t, `
w1 ens1: f0=1500
w2 ens1: f0=1500
w3 ens1: f0=1500
w9 CARD1: f0=1500
w9 ens1: f0=1500`)
	p := Problem{
		Name: "neighbours", Roles: []Role{"a", "b"},
		Constraints: []Constraint{SameLAN("a", "b"), WPC("b")}, Prefer: []Constraint{SameNode("a", "b")},
	}
	best, err := n.Best(t.Context(), p)
	if err != nil || best.String() != "a=w9/ens1f0 b=w9/CARD1f0" || (best.Score != Score{SharedNodes: 1}) {
		t.Errorf("%s, %+v, %v", best, best.Score, err)
	}
}
