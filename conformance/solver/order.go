package solver

import "slices"

// SearchOrder is the order in which the search binds the roles: the most constrained first, then always the one most
// tightly tied to those before it. It depends on the problem only. Ties go to the role listed first.
func (p Problem) SearchOrder() []Role {
	var order []Role
	for len(order) < len(p.Roles) {
		best, bestRank := Role(""), -1
		for _, role := range p.Roles {
			if rank := p.rank(role, order); !slices.Contains(order, role) && rank > bestRank {
				best, bestRank = role, rank
			}
		}
		order = append(order, best)
	}
	return order
}

// rank is first how tightly a role is tied to bound ones, then how much is asked of it.
func (p Problem) rank(role Role, bound []Role) int {
	tied, asked := 0, 0
	for _, c := range p.Constraints {
		if !slices.Contains(c.Roles, role) {
			continue
		}
		asked += c.weight()
		if slices.ContainsFunc(c.Roles, func(r Role) bool { return slices.Contains(bound, r) }) {
			tied = max(tied, c.weight())
		}
	}
	return 1000*tied + asked
}

// weight guesses how few ports satisfy a constraint.
func (c Constraint) weight() int {
	if c.Negated {
		return 1
	}
	switch c.Kind {
	case KindWPC:
		return 6
	case KindReceivesPTP, KindClockClass, KindDomain:
		return 4
	case KindSameNIC:
		return 5
	case KindSameNode:
		return 3
	case KindSameLAN:
		return 2
	default:
		return 0
	}
}
