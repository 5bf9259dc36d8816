package specs

import (
	"context"
	"fmt"

	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/sut"
)

// grandmaster is the grandmaster that an instance should follow. Where its cables lead to several, it is the one that
// the instance says it follows.
func (t *Test) grandmaster(ctx context.Context, i sut.Instance) (sut.Instance, error) {
	candidates := t.grandmasters(i)
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	state, err := pmc.ReadState(ctx, t.System, i)
	if err != nil {
		return sut.Instance{}, err
	}
	for _, candidate := range candidates {
		own, err := pmc.ReadState(ctx, t.System, candidate)
		if err != nil {
			return sut.Instance{}, err
		}
		if own.ClockIdentity == state.GrandmasterIdentity {
			return candidate, nil
		}
	}
	return sut.Instance{}, fmt.Errorf("%s follows grandmaster %s, which is none of the %d that it could", i, state.GrandmasterIdentity, len(candidates))
}

// grandmasters lists those at the ends of an instance's chains; all there are, if its upstream is not known.
func (t *Test) grandmasters(i sut.Instance) []sut.Instance {
	var found []sut.Instance
	seen := map[string]bool{}
	add := func(g sut.Instance) {
		if g.Type == sut.Grandmaster && !seen[g.Name] {
			seen[g.Name] = true
			found = append(found, g)
		}
	}
	for _, chain := range t.Inventory.Chains(i) {
		add(chain[len(chain)-1])
	}
	if len(found) == 0 {
		for _, g := range t.Inventory.Instances {
			add(g)
		}
	}
	return found
}
