package ptpconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Port is a network interface of a node.
type Port struct {
	Node      string
	Interface string
}

// String is "worker1/ens1f0".
func (p Port) String() string { return p.Node + "/" + p.Interface }

// Roles says which port does what. A role that is not filled is the zero Port.
type Roles struct {
	Grandmaster Port // transmits the time; none if the grandmaster is external
	Slave1      Port // OC, DualFollower: the clock under test. BC modes: a receiver behind the first boundary clock, or none
	Slave2      Port // DualFollower: the second port. DualNICBC modes: a receiver behind the second boundary clock, or none
	BC1Receive  Port // first boundary clock, towards the grandmaster
	BC1Transmit Port // first boundary clock, towards Slave1
	BC2Receive  Port
	BC2Transmit Port
}

// role is one role as check sees it.
type role struct {
	name string
	port Port
	need need
}

// need says whether a mode has a role.
type need int

const (
	absent need = iota
	optional
	required
)

// list gives the roles in the order of the struct, with the need that a mode has of them.
func (r Roles) list(mode Mode, external bool) []role {
	of := func(modes ...Mode) need {
		if slices.Contains(modes, mode) {
			return required
		}
		return absent
	}
	receiver := func(modes ...Mode) need { return min(of(modes...), optional) }
	bc, dual := []Mode{BC, DualNICBC, DualNICBCHA}, []Mode{DualNICBC, DualNICBCHA}
	grandmaster := required
	if external {
		grandmaster = absent
	}
	return []role{
		{"Grandmaster", r.Grandmaster, grandmaster},
		{"Slave1", r.Slave1, max(of(OC, DualFollower), receiver(bc...))},
		{"Slave2", r.Slave2, max(of(DualFollower), receiver(dual...))},
		{"BC1Receive", r.BC1Receive, of(bc...)},
		{"BC1Transmit", r.BC1Transmit, of(bc...)},
		{"BC2Receive", r.BC2Receive, of(dual...)},
		{"BC2Transmit", r.BC2Transmit, of(dual...)},
	}
}

// check says everything that is wrong with the roles for a mode.
func (r Roles) check(mode Mode, external bool) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	holder := map[Port]string{}
	for _, role := range r.list(mode, external) {
		switch empty := role.port == (Port{}); {
		case empty && role.need == required:
			fault("role %s has no port", role.name)
		case empty:
		case role.need == absent && role.name == "Grandmaster":
			fault("role Grandmaster is %s, but the grandmaster is external", role.port)
		case role.need == absent:
			fault("role %s is %s, but mode %s has no such role", role.name, role.port, mode)
		case role.port.Node == "" || !isInterface(role.port.Interface):
			fault("role %s: %q is not a port of a node", role.name, role.port)
		case holder[role.port] != "":
			fault("roles %s and %s are the same port %s", holder[role.port], role.name, role.port)
		default:
			holder[role.port] = role.name
		}
	}
	if len(faults) == 0 {
		faults = append(faults, r.checkNodes(mode))
	}
	return errors.Join(faults...)
}

// checkNodes says which ports of one clock, or of two on one node, are on different nodes.
func (r Roles) checkNodes(mode Mode) error {
	together := []role{{name: "BC1Receive", port: r.BC1Receive}, {name: "BC1Transmit", port: r.BC1Transmit}}
	switch mode {
	case OC:
		return nil
	case DualFollower:
		together = []role{{name: "Slave1", port: r.Slave1}, {name: "Slave2", port: r.Slave2}}
	case DualNICBC, DualNICBCHA:
		together = append(together, role{name: "BC2Receive", port: r.BC2Receive}, role{name: "BC2Transmit", port: r.BC2Transmit})
	}
	var faults []error
	for _, other := range together[1:] {
		if first := together[0]; other.port.Node != first.port.Node {
			faults = append(faults, fmt.Errorf("roles %s (%s) and %s (%s) must be on one node", first.name, first.port, other.name, other.port))
		}
	}
	return errors.Join(faults...)
}

// isInterface tells whether s can name a network interface and a section of a configuration: the kernel's IFNAMSIZ,
// and nothing that would end the section or begin a line.
func isInterface(s string) bool {
	return s != "" && len(s) <= 15 && isPort(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune("/[]#", r)
	})
}
