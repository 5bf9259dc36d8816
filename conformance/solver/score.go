package solver

import (
	"cmp"
	"fmt"
	"strings"
)

// Score says what is wrong with a solution; all zero is perfect. The fields are in order of weight: one more of a field
// is worse than any number of those below it. Solutions of equal score rank by the names of their ports, node before
// interface, the roles compared in the order of [Problem.SearchOrder].
type Score struct {
	// SharedNICs counts pairs of ports of different clocks that are on one NIC. They have one hardware clock, and so agree
	// whether PTP works or not.
	SharedNICs int
	// Unpreferred counts the constraints of Problem.Prefer that do not hold, such as a receiver apart from the node
	// of its boundary clock.
	Unpreferred int
	// SharedNodes counts pairs of ports of different clocks that are on one node, except clocks that the problem ties to one node.
	SharedNodes int
	// WastedPorts counts, for each role, the PTP ports of its NIC beyond as many as its clock needs. A NIC has one
	// hardware clock and so room for one clock: what is left over serves nobody.
	WastedPorts int
}

// Compare is negative if s is better than t, positive if it is worse.
func (s Score) Compare(t Score) int {
	return cmp.Or(cmp.Compare(s.SharedNICs, t.SharedNICs), cmp.Compare(s.Unpreferred, t.Unpreferred),
		cmp.Compare(s.SharedNodes, t.SharedNodes), cmp.Compare(s.WastedPorts, t.WastedPorts))
}

// plus adds field by field. The order of scores is kept: a sum of least scores is least.
func (s Score) plus(t Score) Score {
	return Score{
		SharedNICs: s.SharedNICs + t.SharedNICs, Unpreferred: s.Unpreferred + t.Unpreferred,
		SharedNodes: s.SharedNodes + t.SharedNodes, WastedPorts: s.WastedPorts + t.WastedPorts,
	}
}

// String is "perfect" or what is wrong, "1 shared node, 2 wasted ports".
func (s Score) String() string {
	var faults []string
	for _, f := range []struct {
		count int
		what  string
	}{
		{s.SharedNICs, "shared NIC"}, {s.Unpreferred, "broken preference"},
		{s.SharedNodes, "shared node"}, {s.WastedPorts, "wasted port"},
	} {
		switch {
		case f.count == 1:
			faults = append(faults, "1 "+f.what)
		case f.count > 1:
			faults = append(faults, fmt.Sprintf("%d %ss", f.count, f.what))
		}
	}
	if len(faults) == 0 {
		return "perfect"
	}
	return strings.Join(faults, ", ")
}
