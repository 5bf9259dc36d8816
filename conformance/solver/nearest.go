package solver

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A near miss is an assignment in which one constraint of a conflict does not hold.
type nearMiss struct {
	broken Constraint
	ports  map[Role]Port
}

// nearest finds the best assignment without one constraint of the conflict: for the whole problem, or else for the roles
// of the conflict alone. It gives up first what cabling can change.
func (n *Network) nearest(ctx context.Context, p, conflict Problem) (nearMiss, error) {
	effort := func(c Constraint) int {
		switch {
		case c.Kind == KindSameLAN && c.Negated:
			return 0
		case c.Kind == KindSameLAN:
			return 1
		default:
			return 2
		}
	}
	byEffort := slices.SortedStableFunc(slices.Values(conflict.Constraints), func(a, b Constraint) int { return effort(a) - effort(b) })
	alone := Problem{Name: conflict.Name, Constraints: conflict.Constraints}
	for _, c := range conflict.Constraints {
		alone.Roles = append(alone.Roles, c.Roles...)
	}
	slices.Sort(alone.Roles)
	alone.Roles = slices.Compact(alone.Roles)
	for _, from := range []Problem{p, alone} {
		for _, c := range byEffort {
			best, err := n.All(ctx, from.without(c), 1)
			if err != nil {
				return nearMiss{}, err
			}
			if len(best) > 0 {
				return nearMiss{c, best[0].Ports}, nil
			}
		}
	}
	return nearMiss{}, nil
}

func (p Problem) without(c Constraint) Problem {
	p.Constraints = slices.DeleteFunc(slices.Clone(p.Constraints), func(d Constraint) bool { return d.String() == c.String() })
	return p
}

// describe is "w1/ens1, both ports on LAN 1500" for each NIC of the conflict, and where the roles of the broken
// constraint are if that does not show it.
func (m nearMiss) describe(conflict Problem) string {
	if len(m.ports) == 0 {
		return ""
	}
	var texts []string
	for _, c := range conflict.Constraints {
		if c.Kind == KindSameNIC && !c.Negated && c.String() != m.broken.String() {
			texts = append(texts, m.card(c.Roles))
		}
	}
	if len(texts) == 0 || !(m.broken.Negated && m.broken.Kind == KindSameLAN) {
		for _, role := range m.broken.Roles {
			texts = append(texts, m.place(role))
		}
	}
	return strings.Join(texts, "; ")
}

// card describes the NIC that some roles share.
func (m nearMiss) card(roles []Role) string {
	var lans []string
	for _, role := range roles {
		lans = append(lans, m.ports[role].lan())
	}
	first := m.ports[roles[0]]
	nic := first.Node + "/" + first.NIC
	if distinct := slices.Compact(slices.Sorted(slices.Values(lans))); len(distinct) > 1 {
		return fmt.Sprintf("%s, ports on %s", nic, list(distinct))
	}
	if len(roles) == 2 {
		return fmt.Sprintf("%s, both ports on %s", nic, lans[0])
	}
	return fmt.Sprintf("%s, all ports on %s", nic, lans[0])
}

// place describes the port of a role as far as the broken constraint is about it.
func (m nearMiss) place(role Role) string {
	port := m.ports[role]
	text := fmt.Sprintf("%s for %s", port, role)
	switch {
	case m.broken.Kind == KindSameLAN:
		return text + ", on " + port.lan()
	case m.broken.Kind == KindSameNIC:
		return text + ", on NIC " + port.NIC
	case m.broken.Kind == KindSameNode:
		return text
	}
	return text + ", which " + Not(m.broken).property()
}

// lan is "LAN 1500" or "no LAN".
func (p Port) lan() string {
	if p.LAN == 0 {
		return "no LAN"
	}
	return fmt.Sprintf("LAN %d", p.LAN)
}
