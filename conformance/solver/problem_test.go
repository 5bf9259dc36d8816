package solver

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		problem Problem
		want    string // "" for no fault
	}{
		{Problem{Name: "p"}, ""},
		{Problem{Name: "p", Roles: []Role{"a", "b"}, Constraints: []Constraint{Not(SameLAN("a", "b")), IsPTP("a")}}, ""},
		{Problem{Name: "p", Roles: []Role{"a", "a"}}, `problem p: role "a" is listed twice`},
		{Problem{Name: "p", Roles: []Role{"a"}, Constraints: []Constraint{SameLAN("a", "b")}}, `names role "b", which the problem does not have`},
		{Problem{Name: "p", Roles: []Role{"a"}, Prefer: []Constraint{WPC("b")}}, `names role "b", which the problem does not have`},
		{Problem{Name: "p", Roles: []Role{"a"}, Constraints: []Constraint{SameLAN("a", "a")}}, `names role "a" twice`},
		{Problem{Name: "p", Roles: []Role{"a"}, Constraints: []Constraint{SameNIC("a")}}, "relates fewer than two roles"},
		{Problem{Name: "p", Constraints: []Constraint{{Kind: KindWPC}}}, "is about one role"},
		{Problem{Name: "p", Roles: []Role{"a"}, Constraints: []Constraint{{Kind: "colour", Roles: []Role{"a"}}}}, `unknown kind "colour"`},
		{Problem{Name: "p", Roles: []Role{"a"}, Constraints: make([]Constraint, maxConstraints+1)}, "65 constraints are more than 64"},
	}
	n := network(t, ciTopology)
	for _, test := range tests {
		err := test.problem.Validate()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v, not %q", test.problem, err, test.want)
		}
		_, allErr := n.All(t.Context(), test.problem, 0)
		_, countErr := n.Count(t.Context(), test.problem, 0)
		if (allErr == nil) != (err == nil) || (countErr == nil) != (err == nil) {
			t.Errorf("%+v: %v, but All says %v and Count %v", test.problem, err, allErr, countErr)
		}
	}
	for _, p := range Problems() {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestDoubledPort(t *testing.T) {
	_, err := NewNetwork([]Port{{Node: "w1", Interface: "a"}, {Node: "w1", Interface: "b"}, {Node: "w1", Interface: "a"}})
	if err == nil || err.Error() != "port w1/a is listed twice" {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	cause := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	p, _ := Find("BC")
	n := network(t, ciTopology)
	if _, err := n.Best(ctx, p); !errors.Is(err, cause) {
		t.Errorf("Best: %v", err)
	}
	if _, err := n.Count(ctx, p, 0); !errors.Is(err, cause) {
		t.Errorf("Count: %v", err)
	}
}

func TestSentences(t *testing.T) {
	for want, c := range map[string]Constraint{
		"a and b are on one LAN":                        SameLAN("a", "b"),
		"a, b and c are on one NIC":                     SameNIC("a", "b", "c"),
		"a and b are on different nodes":                Not(SameNode("a", "b")),
		"a, b and c are not all on one LAN":             Not(SameLAN("a", "b", "c")),
		"a has hardware time stamps":                    IsPTP("a"),
		"a has no hardware time stamps":                 Not(IsPTP("a")),
		"a hears no external grandmaster":               Not(ReceivesPTP("a")),
		"a is on a WPC card":                            Not(Not(WPC("a"))),
		"a hears a grandmaster in domain 24":            Domain("a", 24),
		"a hears a clock class below 135 in any domain": ClockClassBelow("a", AnyDomain, 135),
		"a hears no clock class below 8 in domain 44":   Not(ClockClassBelow("a", 44, 8)),
	} {
		if c.String() != want {
			t.Errorf("%q, not %q", c, want)
		}
	}
}

func TestScoreWords(t *testing.T) {
	for want, s := range map[string]Score{
		"perfect":      {},
		"1 shared NIC": {SharedNICs: 1},
		"2 broken preferences, 1 shared node, 3 wasted ports": {Unpreferred: 2, SharedNodes: 1, WastedPorts: 3},
	} {
		if s.String() != want {
			t.Errorf("%q, not %q", s, want)
		}
	}
}
