// Package sabotage breaks a system under test on purpose, in ways that the specs must notice. Every area of the
// suite has at least one sabotage, and under it that area alone must fail.
package sabotage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// ErrNotApplicable is wrapped by the error of a sabotage that this system has no place for.
var ErrNotApplicable = errors.New("not applicable to this system")

// Sabotage is one way to break a system.
type Sabotage struct {
	Name string // "impostor beside a transmit port"
	Area string // the area of specs that must fail, and no other
	// Modes are those in which to try it; nil stands for OC, the fastest. It is to be tried where each spec that it is meant
	// for runs.
	Modes []specs.Mode
	// Apply breaks the system and returns it for a run of the suite; it may come back wrapped. Undo mends it.
	Apply func(ctx context.Context, system sut.System) (broken sut.System, undo func(context.Context) error, err error)
}

// TriedIn are the modes in which to try it.
func (s Sabotage) TriedIn() []specs.Mode {
	if s.Modes == nil {
		return []specs.Mode{specs.OC}
	}
	return s.Modes
}

// NeedsCluster says whether the sabotage breaks what only a Kubernetes cluster has.
func (s Sabotage) NeedsCluster() bool {
	return slices.ContainsFunc(clusterSabotages(), func(c Sabotage) bool { return c.Name == s.Name })
}

// All lists the sabotages that work on any system whose Exec runs a shell. Those that need more are not applicable where it is
// missing.
func All() []Sabotage {
	return slices.Concat(clocks(), metricsSabotages(), configurationSabotages(), eventsSabotages(), clusterSabotages(), soakSabotages())
}

// clocks break the sync of clocks and what is known of it.
func clocks() []Sabotage {
	return []Sabotage{
		upstreamStopped(),
		impostorBeside(),
		asymmetricCable(),
		clockStepped(),
		linkIgnoresDown(),
		linkStaysDown(),
		comesBackOff(),
		frozenMetrics(),
	}
}

func nothing(context.Context) error { return nil }

// target is the receiver that is furthest from its grandmaster and no part of the network, with its chain.
func target(ctx context.Context, system sut.System) ([]sut.Instance, error) {
	inv, err := system.Inventory(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the system: %w", err)
	}
	var longest []sut.Instance
	for _, i := range inv.Instances {
		if i.InSwitch || !i.IsReceiver() {
			continue
		}
		for _, chain := range inv.Chains(i) {
			if len(chain) > len(longest) {
				longest = chain
			}
		}
	}
	if longest == nil {
		return nil, fmt.Errorf("%w: no receiver with a known upstream", ErrNotApplicable)
	}
	return longest, nil
}

// settleTime lets a change of the network reach every clock: announce time-outs and elections of several hops.
const settleTime = 10 * time.Second

// settle waits, in the system's time, for a sabotage to take effect.
func settle(ctx context.Context, system sut.System) error {
	if err := system.Sleep(ctx, settleTime); err != nil {
		return fmt.Errorf("let the sabotage take effect: %w", err)
	}
	return nil
}

// run executes a program of a sabotage; it must succeed.
func run(ctx context.Context, system sut.System, node string, argv ...string) (string, error) {
	result, err := system.Exec(ctx, node, argv)
	if err != nil {
		return "", err
	}
	if result.Exit != 0 {
		return "", fmt.Errorf("%s on %s: exit status %d: %s", argv[0], node, result.Exit, result.Stderr)
	}
	return result.Stdout, nil
}
