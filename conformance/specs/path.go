package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/sut"
)

func pathSpecs() []Spec {
	return []Spec{{
		Area:     AreaPath,
		Name:     "takes time through the expected clocks",
		Subjects: receivers,
		Check:    checkPath,
	}}
}

// checkPath follows the time from the subject to the grandmaster, hop by hop, by what each instance says of its
// parent. A receiver that hears the grandmaster past a boundary clock is found out: its parent is not that clock.
func checkPath(ctx context.Context, t *Test) error {
	chains := t.Inventory.Chains(t.Subject)
	if len(chains) == 0 {
		return Skipped(fmt.Sprintf("not known what %s is cabled to", t.Subject))
	}
	for _, i := range slices.Concat(chains...) {
		if i.Config == "" {
			return Skipped(fmt.Sprintf("%s cannot be asked for its data sets", i))
		}
		if !i.InSwitch {
			if err := t.needSync(i); err != nil {
				return err
			}
		}
	}
	var found []hop
	var fault error
	_, err := t.until(ctx, fmt.Sprintf("the path of %s to lead through %s", t.Subject, describe(chains)), t.Settings.LockWithin,
		func(ctx context.Context) (bool, string, error) {
			found, fault = t.walk(ctx, t.Subject)
			return fault == nil, "", fault
		})
	if err != nil {
		return lookAt(err, t.astray(ctx, fault)...)
	}
	t.Measured(Measurement{Name: "stepsRemoved", Value: float64(found[0].state.StepsRemoved), Unit: "hops"})
	return nil
}

// strayError says that an instance takes its time from another than it should.
type strayError struct {
	instance sut.Instance
	parent   string // clockIdentity, "" for its own
	expected []string
}

func (e *strayError) Error() string {
	parent := e.parent
	if parent == "" {
		parent = "itself"
	}
	return fmt.Sprintf("parent of %s is %s, expected %s", e.instance, parent, strings.Join(e.expected, " or "))
}

// astray tells where to look when a walk has ended with an error.
func (t *Test) astray(ctx context.Context, fault error) []string {
	var stray *strayError
	if !errors.As(fault, &stray) {
		return []string{process(t.Subject), "what pmc -u -b 0 -f says there of CURRENT_DATA_SET and PARENT_DATA_SET"}
	}
	places := []string{process(stray.instance)}
	if stray.parent != "" {
		places = []string{t.whois(ctx, stray.parent), "who else transmits where " + stray.instance.String() + " listens"}
	}
	return append(places, t.upstreams(stray.instance)...)
}

// hop is an instance on the way to the grandmaster and what it says of itself.
type hop struct {
	instance sut.Instance
	state    pmc.State
}

// walk goes from an instance to its grandmaster by the parents that the instances name, and returns the hops. It is
// an error if a parent is not an expected one, a domain is not the instance's, a step is not counted or the grandmaster is another.
func (t *Test) walk(ctx context.Context, i sut.Instance) ([]hop, error) {
	state, err := pmc.ReadState(ctx, t.System, i)
	if err != nil {
		return nil, err
	}
	if state.Domain != i.Domain {
		return nil, fmt.Errorf("%s is in domain %d, not in %d", i, state.Domain, i.Domain)
	}
	here := hop{i, state}
	if !i.IsReceiver() {
		return []hop{here}, checkGrandmaster(here)
	}
	parent, err := t.parent(ctx, here)
	if err != nil {
		return nil, err
	}
	above, err := t.walk(ctx, parent)
	if err != nil {
		return nil, err
	}
	return append([]hop{here}, above...), checkStep(here, above[0])
}

// parent is the expected upstream instance that an instance names as its parent.
func (t *Test) parent(ctx context.Context, here hop) (sut.Instance, error) {
	var expected []string
	for _, name := range here.instance.Upstream {
		upstream, _ := t.Inventory.Instance(name)
		state, err := pmc.ReadState(ctx, t.System, upstream)
		if err != nil {
			return sut.Instance{}, err
		}
		if state.ClockIdentity == here.state.ParentIdentity {
			return upstream, nil
		}
		expected = append(expected, fmt.Sprintf("%s (%s)", state.ClockIdentity, upstream))
	}
	stray := &strayError{instance: here.instance, expected: expected}
	if here.state.ParentIdentity != here.state.ClockIdentity {
		stray.parent = here.state.ParentIdentity
	}
	return sut.Instance{}, stray
}

func checkStep(here, above hop) error {
	if got, want := here.state.StepsRemoved, above.state.StepsRemoved+1; got != want {
		return fmt.Errorf("stepsRemoved of %s is %d, expected %d: one more than at %s", here.instance, got, want, above.instance)
	}
	if got, want := here.state.GrandmasterIdentity, above.state.GrandmasterIdentity; got != want {
		return fmt.Errorf("grandmaster of %s is %s, but %s at %s", here.instance, got, want, above.instance)
	}
	return nil
}

func checkGrandmaster(here hop) error {
	if here.state.GrandmasterIdentity != here.state.ClockIdentity {
		return fmt.Errorf("grandmaster %s follows %s", here.instance, here.state.GrandmasterIdentity)
	}
	if here.state.StepsRemoved != 0 {
		return fmt.Errorf("stepsRemoved of grandmaster %s is %d, expected 0", here.instance, here.state.StepsRemoved)
	}
	return nil
}

// describe names the instances of chains: "sw1-1500, gm".
func describe(chains [][]sut.Instance) string {
	var ways []string
	for _, chain := range chains {
		var names []string
		for _, i := range chain[1:] {
			names = append(names, i.Name)
		}
		ways = append(ways, strings.Join(names, ", "))
	}
	return strings.Join(ways, " or ")
}
