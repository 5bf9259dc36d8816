package solver

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what a constraint asks.
type Kind string

// The kinds of constraint. The first three relate two or more roles, the others are properties of one.
const (
	KindSameLAN     Kind = "same LAN"
	KindSameNIC     Kind = "same NIC"
	KindSameNode    Kind = "same node"
	KindPTP         Kind = "PTP capable"
	KindReceivesPTP Kind = "receives PTP"
	KindClockClass  Kind = "clock class"
	KindDomain      Kind = "domain"
	KindWPC         Kind = "WPC"
)

// AnyDomain makes [ClockClassBelow] look at the announces of all domains.
const AnyDomain = -1

// Constraint is something that must hold for the ports of some roles. It is data: compare it, print it, or make it with the
// functions below.
type Constraint struct {
	Kind    Kind
	Roles   []Role
	Negated bool
	Domain  int // domainNumber, for KindClockClass and KindDomain
	Class   int // clockClass, exclusive limit, for KindClockClass
}

// SameLAN asks for ports that hear each other.
func SameLAN(roles ...Role) Constraint { return Constraint{Kind: KindSameLAN, Roles: roles} }

// SameNIC asks for ports of one card, which share a hardware clock.
func SameNIC(roles ...Role) Constraint { return Constraint{Kind: KindSameNIC, Roles: roles} }

// SameNode asks for ports of one node.
func SameNode(roles ...Role) Constraint { return Constraint{Kind: KindSameNode, Roles: roles} }

// IsPTP asks for hardware time stamps.
func IsPTP(role Role) Constraint { return Constraint{Kind: KindPTP, Roles: []Role{role}} }

// ReceivesPTP asks for a port that hears an external grandmaster.
func ReceivesPTP(role Role) Constraint {
	return Constraint{Kind: KindReceivesPTP, Roles: []Role{role}}
}

// ClockClassBelow asks for a port that hears, in the domain, a grandmaster of a clock class lower, that is better, than class.
func ClockClassBelow(role Role, domain, class int) Constraint {
	return Constraint{Kind: KindClockClass, Roles: []Role{role}, Domain: domain, Class: class}
}

// Domain asks for a port that hears a grandmaster in the domain.
func Domain(role Role, domain int) Constraint {
	return Constraint{Kind: KindDomain, Roles: []Role{role}, Domain: domain}
}

// WPC asks for a port of a card with GNSS receiver and pins.
func WPC(role Role) Constraint { return Constraint{Kind: KindWPC, Roles: []Role{role}} }

// Not asks for the opposite. Of a relation of three roles or more, it asks that at least one differs.
func Not(c Constraint) Constraint {
	c.Negated = !c.Negated
	return c
}

// attribute is what a relation compares; ok is false for a property of single roles.
func (k Kind) attribute() (a attribute, ok bool) {
	a = attribute(slices.Index([]Kind{KindSameLAN, KindSameNIC, KindSameNode}, k))
	return a, a >= 0
}

// holds judges ports, one for each role of the constraint.
func (c Constraint) holds(n *Network, ports []int) bool {
	a, relation := c.Kind.attribute()
	if !relation {
		return c.describes(&n.ports[ports[0]]) != c.Negated
	}
	same := true
	for _, port := range ports {
		same = same && n.class[a][port] == n.class[a][ports[0]]
	}
	return same != c.Negated
}

// describes says whether a port has the property that the constraint names, negated or not.
func (c Constraint) describes(p *Port) bool {
	switch c.Kind {
	case KindPTP:
		return p.PTP
	case KindReceivesPTP:
		return p.ReceivesPTP
	case KindWPC:
		return p.WPC
	default:
		return slices.ContainsFunc(p.Announces, func(a Announce) bool {
			return (c.Domain == AnyDomain || c.Domain == a.Domain) && (c.Kind == KindDomain || a.ClockClass < c.Class)
		})
	}
}

// String is a sentence without its full stop, "gm and oc1 are on one LAN".
func (c Constraint) String() string {
	who := list(c.Roles)
	if _, ok := c.Kind.attribute(); ok {
		thing := c.thing()
		switch {
		case !c.Negated:
			return fmt.Sprintf("%s are on one %s", who, thing)
		case len(c.Roles) == 2:
			return fmt.Sprintf("%s are on different %ss", who, thing)
		default:
			return fmt.Sprintf("%s are not all on one %s", who, thing)
		}
	}
	return who + " " + c.property()
}

// thing is what a relation compares, "LAN".
func (c Constraint) thing() string { return strings.TrimPrefix(string(c.Kind), "same ") }

// property is the predicate of a port, "hears an external grandmaster" or, negated, "hears no external grandmaster".
func (c Constraint) property() string {
	domain := fmt.Sprintf("domain %d", c.Domain)
	if c.Domain == AnyDomain {
		domain = "any domain"
	}
	var verb, article, object string
	switch c.Kind {
	case KindPTP:
		verb, object = "has ", "hardware time stamps"
	case KindReceivesPTP:
		verb, article, object = "hears ", "an ", "external grandmaster"
	case KindWPC:
		verb, article, object = "is on ", "a ", "WPC card"
	case KindDomain:
		verb, article, object = "hears ", "a ", "grandmaster in "+domain
	default:
		verb, article, object = "hears ", "a ", fmt.Sprintf("clock class below %d in %s", c.Class, domain)
	}
	if c.Negated {
		article = "no "
	}
	return verb + article + object
}

// list is "a", "a and b" or "a, b and c".
func list[T ~string](names []T) string {
	var text strings.Builder
	for i, name := range names {
		switch {
		case i > 0 && i == len(names)-1:
			text.WriteString(" and ")
		case i > 0:
			text.WriteString(", ")
		}
		text.WriteString(string(name))
	}
	return text.String()
}
