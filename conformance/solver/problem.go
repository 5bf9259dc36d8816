package solver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role is a port that a problem looks for: the name of a clock and, if the clock has several ports, a dot and which of them,
// "gm" or "bc1.receive".
type Role string

// Clock is the clock that the role is a port of, "bc1".
func (r Role) Clock() string {
	clock, _, _ := strings.Cut(string(r), ".")
	return clock
}

// Problem asks for a port for each of its roles, no port twice.
type Problem struct {
	Name        string
	Roles       []Role
	Constraints []Constraint // must hold, all of them
	Prefer      []Constraint // had better hold; [Score] counts those that do not
}

// maxConstraints lets a set of constraints be a word.
const maxConstraints = 64

// Validate reports every fault of the problem: roles that are doubled, unknown or missing, kinds that do not exist.
func (p Problem) Validate() error {
	var faults []error
	for i, role := range p.Roles {
		if slices.Contains(p.Roles[:i], role) {
			faults = append(faults, fmt.Errorf("role %q is listed twice", role))
		}
	}
	if len(p.Constraints) > maxConstraints {
		faults = append(faults, fmt.Errorf("%d constraints are more than %d", len(p.Constraints), maxConstraints))
	}
	for _, c := range slices.Concat(p.Constraints, p.Prefer) {
		if fault := p.fault(c); fault != "" {
			faults = append(faults, fmt.Errorf("constraint %q %s", c, fault))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("problem %s: %w", p.Name, err)
	}
	return nil
}

// fault is what is wrong with a constraint, or empty.
func (p Problem) fault(c Constraint) string {
	known := []Kind{KindSameLAN, KindSameNIC, KindSameNode, KindPTP, KindReceivesPTP, KindClockClass, KindDomain, KindWPC}
	if !slices.Contains(known, c.Kind) {
		return fmt.Sprintf("is of unknown kind %q", c.Kind)
	}
	if _, relation := c.Kind.attribute(); relation && len(c.Roles) < 2 {
		return "relates fewer than two roles"
	} else if !relation && len(c.Roles) != 1 {
		return "is about one role, not several or none"
	}
	for i, role := range c.Roles {
		if !slices.Contains(p.Roles, role) {
			return fmt.Sprintf("names role %q, which the problem does not have", role)
		}
		if slices.Contains(c.Roles[:i], role) {
			return fmt.Sprintf("names role %q twice", role)
		}
	}
	return ""
}
