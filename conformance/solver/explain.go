package solver

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Unsolvable says why a problem has no solution in a network.
type Unsolvable struct {
	Problem string
	// Conflict is a smallest set of constraints that cannot hold together, whatever the others are. It is empty if there
	// are fewer ports than roles.
	Conflict []Constraint
	Needs    string // what the conflict asks of a network, "a NIC with two ports on different LANs"
	Nearest  string // what comes nearest to it, "w1/ens1, both ports on LAN 1500"; empty if nothing comes near
	Moves    []Move // fewest changes of cabling after which the problem has a solution; none if two are not enough
}

// Error is several lines: the constraints of the conflict, a line each, and what would help.
func (u *Unsolvable) Error() string {
	var text strings.Builder
	text.WriteString("no solution for " + u.Problem)
	if len(u.Conflict) == 1 {
		text.WriteString(": it cannot be that " + u.Conflict[0].String())
	} else if len(u.Conflict) > 1 {
		text.WriteString(": these do not hold together:")
		for _, c := range u.Conflict {
			text.WriteString("\n  " + c.String())
		}
	}
	text.WriteString("\nneeds " + u.Needs)
	if u.Nearest != "" {
		text.WriteString("; nearest: " + u.Nearest)
	}
	if len(u.Moves) > 0 {
		text.WriteString("\nthis would do: " + describeMoves(u.Moves))
	}
	return text.String()
}

// explain finds the conflict of an unsolvable problem and what would resolve it.
func (n *Network) explain(ctx context.Context, p Problem) (*Unsolvable, error) {
	o := &oracle{ctx: ctx, net: n, problem: p}
	conflict := Problem{Name: p.Name, Roles: p.Roles, Constraints: o.conflict()}
	if o.err != nil {
		return nil, o.err
	}
	if len(conflict.Constraints) == 0 {
		needs := fmt.Sprintf("%s ports, one for each role, and there are %s", number(len(p.Roles)), number(len(n.ports)))
		return &Unsolvable{Problem: p.Name, Needs: needs}, nil
	}
	near, err := n.nearest(ctx, p, conflict)
	if err != nil {
		return nil, err
	}
	moves, err := n.recable(ctx, p, near)
	return &Unsolvable{
		Problem:  p.Name,
		Conflict: conflict.Constraints,
		Needs:    needs(conflict),
		Nearest:  near.describe(conflict),
		Moves:    moves,
	}, err
}

// An oracle answers whether some constraints of a problem can hold together. A set of them is a bit mask.
type oracle struct {
	ctx     context.Context
	net     *Network
	problem Problem
	err     error
}

// conflict finds a smallest set of constraints that cannot hold together.
//
// A deletion filter finds a minimal one. A smaller one must have a constraint of each set whose removal makes the rest
// satisfiable; such a least hitting set, if it is not satisfiable itself, is smallest. If it is, it grows to a maximal
// satisfiable set, whose complement the next one must hit as well (the implicit hitting set method). After a fixed
// number of rounds the minimal set has to do.
func (o *oracle) conflict() []Constraint {
	const rounds = 100
	all := uint64(1)<<len(o.problem.Constraints) - 1
	minimal := o.shrink(all)
	var removals []uint64
	for range rounds {
		candidate := leastHitting(removals, len(o.problem.Constraints), bits.OnesCount64(minimal))
		if bits.OnesCount64(candidate) >= bits.OnesCount64(minimal) || o.err != nil {
			break
		}
		if !o.satisfiable(candidate) {
			minimal = candidate
			break
		}
		removals = append(removals, all&^o.grow(candidate))
	}
	return o.constraints(minimal)
}

// shrink drops every constraint without which the set still cannot hold.
func (o *oracle) shrink(set uint64) uint64 {
	for i := range o.problem.Constraints {
		if without := set &^ (1 << i); without != set && !o.satisfiable(without) {
			set = without
		}
	}
	return set
}

// grow adds every constraint with which the set can still hold.
func (o *oracle) grow(set uint64) uint64 {
	for i := range o.problem.Constraints {
		if with := set | 1<<i; with != set && o.satisfiable(with) {
			set = with
		}
	}
	return set
}

// leastHitting is a smallest set, of fewer than limit of n elements, that has an element of each of the sets; if there
// is none, all elements.
func leastHitting(sets []uint64, n, limit int) uint64 {
	best := uint64(1)<<n - 1
	var extend func(hit uint64)
	extend = func(hit uint64) {
		if bits.OnesCount64(hit) >= min(limit, bits.OnesCount64(best)) {
			return
		}
		missed := slices.IndexFunc(sets, func(s uint64) bool { return s&hit == 0 })
		if missed < 0 {
			best = hit
			return
		}
		for rest := sets[missed]; rest != 0; rest &= rest - 1 {
			extend(hit | rest&-rest)
		}
	}
	extend(0)
	return best
}

// constraints lists a set.
func (o *oracle) constraints(set uint64) []Constraint {
	var list []Constraint
	for i, c := range o.problem.Constraints {
		if set&(1<<i) != 0 {
			list = append(list, c)
		}
	}
	return list
}

// satisfiable says whether the constraints of a set can hold together. It tries the parts that no constraint connects
// one by one first, so that one without a solution is not tried again for each solution of another.
func (o *oracle) satisfiable(set uint64) bool {
	p := Problem{Name: o.problem.Name, Roles: o.problem.Roles, Constraints: o.constraints(set)}
	for _, part := range parts(p) {
		if !o.solvable(part) {
			return false
		}
	}
	return o.solvable(p)
}

func (o *oracle) solvable(p Problem) bool {
	if o.err != nil {
		return false
	}
	found, err := o.net.Count(o.ctx, p, 1)
	o.err = err
	return found > 0
}

// parts splits a problem into those that have no constraint in common.
func parts(p Problem) []Problem {
	var parts []Problem
	for _, c := range p.Constraints {
		joined := Problem{Name: p.Name, Roles: c.Roles, Constraints: []Constraint{c}}
		parts = slices.DeleteFunc(parts, func(part Problem) bool {
			if !slices.ContainsFunc(part.Roles, func(r Role) bool { return slices.Contains(c.Roles, r) }) {
				return false
			}
			joined.Constraints = append(joined.Constraints, part.Constraints...)
			for _, role := range part.Roles {
				if !slices.Contains(joined.Roles, role) {
					joined.Roles = append(slices.Clip(joined.Roles), role)
				}
			}
			return true
		})
		parts = append(parts, joined)
	}
	return parts
}
