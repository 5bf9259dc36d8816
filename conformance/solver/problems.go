package solver

import "slices"

// The roles of the problems below. A receive port leads to the grandmaster, a transmit port away from it.
const (
	GM           Role = "gm"            // grandmaster
	OC1          Role = "oc1"           // time receiver; behind bc1 where there is one
	OC2          Role = "oc2"           // time receiver behind bc2
	OC1Port1     Role = "oc1.port1"     // dual follower
	OC1Port2     Role = "oc1.port2"     //
	BC1Receive   Role = "bc1.receive"   // boundary clock, on the LAN of the grandmaster
	BC1Transmit  Role = "bc1.transmit"  //
	BC1Transmit2 Role = "bc1.transmit2" // T-BC, which transmits on two ports
	BC2Receive   Role = "bc2.receive"   // second boundary clock of the node
	BC2Transmit  Role = "bc2.transmit"  //
	GMPort1      Role = "gm.port1"      // T-GM, which transmits on two ports
	GMPort2      Role = "gm.port2"      //
)

// The PTP domain of the suite, and the clock classes in it: a receiver follows a grandmaster of class 7 or better
// (linuxptp clock_class_threshold), a T-BC one better than 135 (holdover within specification, ITU-T G.8275.1 table 2).
const (
	suiteDomain      = 24
	lockedBelow      = 8
	traceableBelow   = 135
	externalSuffix   = "ExtGM"
	withSlavesSuffix = "WithSlaves"
)

// Problems lists what the modes of the suite ask of a network, by the names that its users know. A mode with the suffix
// WithSlaves has time receivers behind its boundary clocks, which never share a LAN with the grandmaster: they could not
// tell whether the boundary clock passes time on. ExtGM has a grandmaster outside the known ports.
func Problems() []Problem {
	var problems []Problem
	for _, p := range slices.Concat(ordinary(), boundary(), dualBoundary(), telecom()) {
		problems = append(problems, ptp(p))
	}
	return problems
}

// Find returns the problem of [Problems] with a name.
func Find(name string) (Problem, bool) {
	problems := Problems()
	i := slices.IndexFunc(problems, func(p Problem) bool { return p.Name == name })
	if i < 0 {
		return Problem{}, false
	}
	return problems[i], true
}

// ptp asks for hardware time stamps on every port.
func ptp(p Problem) Problem {
	for _, role := range p.Roles {
		p.Constraints = append(p.Constraints, IsPTP(role))
	}
	return p
}

func ordinary() []Problem {
	return []Problem{
		{
			Name:        "OC",
			Roles:       []Role{GM, OC1},
			Constraints: []Constraint{SameLAN(GM, OC1)},
		},
		{
			Name:        "OC" + externalSuffix,
			Roles:       []Role{OC1},
			Constraints: []Constraint{ReceivesPTP(OC1)},
			Prefer:      []Constraint{ClockClassBelow(OC1, suiteDomain, lockedBelow)},
		},
		{
			Name:        "DualFollower",
			Roles:       []Role{GM, OC1Port1, OC1Port2},
			Constraints: []Constraint{SameLAN(GM, OC1Port1, OC1Port2), SameNIC(OC1Port1, OC1Port2)},
		},
		{
			Name:        "DualFollower" + externalSuffix,
			Roles:       []Role{OC1Port1, OC1Port2},
			Constraints: []Constraint{SameNIC(OC1Port1, OC1Port2), ReceivesPTP(OC1Port1), ReceivesPTP(OC1Port2)},
			Prefer:      []Constraint{ClockClassBelow(OC1Port1, suiteDomain, lockedBelow), ClockClassBelow(OC1Port2, suiteDomain, lockedBelow)},
		},
	}
}

func boundary() []Problem {
	return []Problem{
		{
			Name:        "BC",
			Roles:       []Role{GM, BC1Receive, BC1Transmit},
			Constraints: []Constraint{SameLAN(GM, BC1Receive), SameNIC(BC1Receive, BC1Transmit)},
			Prefer:      []Constraint{Not(SameLAN(BC1Receive, BC1Transmit))},
		},
		{
			Name:  "BC" + withSlavesSuffix,
			Roles: []Role{GM, BC1Receive, BC1Transmit, OC1},
			Constraints: []Constraint{
				SameLAN(GM, BC1Receive), SameNIC(BC1Receive, BC1Transmit), SameLAN(BC1Transmit, OC1),
				Not(SameLAN(GM, OC1)), Not(SameNIC(GM, OC1)),
			},
			Prefer: []Constraint{Not(SameNode(BC1Transmit, OC1))},
		},
		{
			Name:        "BC" + externalSuffix,
			Roles:       []Role{BC1Receive, BC1Transmit},
			Constraints: []Constraint{ReceivesPTP(BC1Receive), SameNIC(BC1Receive, BC1Transmit)},
			Prefer:      []Constraint{ClockClassBelow(BC1Receive, suiteDomain, lockedBelow), Not(SameLAN(BC1Receive, BC1Transmit))},
		},
		{
			Name:  "BC" + withSlavesSuffix + externalSuffix,
			Roles: []Role{BC1Receive, BC1Transmit, OC1},
			Constraints: []Constraint{
				ReceivesPTP(BC1Receive), SameNIC(BC1Receive, BC1Transmit), SameLAN(BC1Transmit, OC1), Not(SameLAN(BC1Receive, OC1)),
			},
			Prefer: []Constraint{ClockClassBelow(BC1Receive, suiteDomain, lockedBelow), Not(SameNode(BC1Transmit, OC1))},
		},
	}
}

// Two boundary clocks on two NICs of one node, with a grandmaster in common.
func dualBoundary() []Problem {
	cards := []Constraint{
		SameNIC(BC1Receive, BC1Transmit), SameNIC(BC2Receive, BC2Transmit),
		SameNode(BC1Receive, BC2Receive), Not(SameNIC(BC1Receive, BC2Receive)),
	}
	local := []Constraint{SameLAN(GM, BC1Receive), SameLAN(GM, BC2Receive)}
	external := []Constraint{ReceivesPTP(BC1Receive), ReceivesPTP(BC2Receive)}
	receivers := []Constraint{
		SameLAN(BC1Transmit, OC1), SameLAN(BC2Transmit, OC2), Not(SameLAN(OC1, OC2)), Not(SameNIC(OC1, OC2)),
		Not(SameLAN(BC1Receive, OC1)), Not(SameLAN(BC2Receive, OC2)),
	}
	apart := []Constraint{Not(SameNIC(GM, OC1)), Not(SameNIC(GM, OC2))}

	clean := []Constraint{Not(SameLAN(BC1Receive, BC1Transmit)), Not(SameLAN(BC2Receive, BC2Transmit))}
	locked := []Constraint{ClockClassBelow(BC1Receive, suiteDomain, lockedBelow), ClockClassBelow(BC2Receive, suiteDomain, lockedBelow)}
	remote := []Constraint{Not(SameNode(BC1Transmit, OC1)), Not(SameNode(BC2Transmit, OC2))}

	clocks := []Role{BC1Receive, BC1Transmit, BC2Receive, BC2Transmit}
	return []Problem{
		{
			Name:        "DualNicBC",
			Roles:       slices.Concat([]Role{GM}, clocks),
			Constraints: slices.Concat(local, cards),
			Prefer:      clean,
		},
		{
			Name:        "DualNicBC" + withSlavesSuffix,
			Roles:       slices.Concat([]Role{GM}, clocks, []Role{OC1, OC2}),
			Constraints: slices.Concat(local, cards, receivers, apart),
			Prefer:      remote,
		},
		{
			Name:        "DualNicBC" + externalSuffix,
			Roles:       clocks,
			Constraints: slices.Concat(external, cards),
			Prefer:      slices.Concat(locked, clean),
		},
		{
			Name:        "DualNicBC" + withSlavesSuffix + externalSuffix,
			Roles:       slices.Concat(clocks, []Role{OC1, OC2}),
			Constraints: slices.Concat(external, cards, receivers),
			Prefer:      slices.Concat(locked, remote),
		},
	}
}

// Telecom grandmaster and boundary clock on WPC cards.
func telecom() []Problem {
	card := []Constraint{WPC(BC1Receive), SameNIC(BC1Receive, BC1Transmit, BC1Transmit2)}
	local := []Constraint{SameLAN(GM, BC1Receive)}
	external := []Constraint{ReceivesPTP(BC1Receive), ClockClassBelow(BC1Receive, suiteDomain, traceableBelow)}
	receiver := []Constraint{SameLAN(BC1Transmit, BC1Transmit2, OC1), Not(SameLAN(BC1Receive, OC1))}
	remote := []Constraint{Not(SameNode(BC1Transmit, OC1))}

	clock := []Role{BC1Receive, BC1Transmit, BC1Transmit2}
	return []Problem{
		{
			Name:        "TGM",
			Roles:       []Role{GMPort1, GMPort2},
			Constraints: []Constraint{WPC(GMPort1), WPC(GMPort2), SameNIC(GMPort1, GMPort2)},
		},
		{
			Name:        "TBC",
			Roles:       slices.Concat([]Role{GM}, clock),
			Constraints: slices.Concat(local, card, []Constraint{WPC(GM)}),
		},
		{
			Name:        "TBC" + withSlavesSuffix,
			Roles:       slices.Concat([]Role{GM}, clock, []Role{OC1}),
			Constraints: slices.Concat(local, card, receiver),
			Prefer:      remote,
		},
		{
			Name:        "TBC" + externalSuffix,
			Roles:       clock,
			Constraints: slices.Concat(external, card),
		},
		{
			Name:        "TBC" + withSlavesSuffix + externalSuffix,
			Roles:       slices.Concat(clock, []Role{OC1}),
			Constraints: slices.Concat(external, card, receiver),
			Prefer:      remote,
		},
	}
}
