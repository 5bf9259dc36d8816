package sabotage

import (
	"context"
	"errors"
	"fmt"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// asymmetryNs makes a clock err by half as much while ptp4l sees nothing.
const asymmetryNs = 10_000

// asymmetricCable delays what the furthest receiver sends: its ptp4l reports an offset of zero, its clock is 5 us off.
func asymmetricCable() Sabotage {
	return Sabotage{
		Name:  "asymmetric cable",
		Area:  specs.AreaAccuracy,
		Modes: []specs.Mode{specs.OC, specs.DualNICBC},
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			saboteur, err := saboteurWithTruth(system)
			if err != nil {
				return nil, nil, err
			}
			chain, err := target(ctx, system)
			if err != nil {
				return nil, nil, err
			}
			set := func(ctx context.Context, ns int64) error {
				var faults []error
				for _, port := range chain[0].ReceivePorts {
					faults = append(faults, saboteur.SetAsymmetry(ctx, sut.PortRef{Node: chain[0].Node, Interface: port}, ns))
				}
				return errors.Join(faults...)
			}
			if err := set(ctx, asymmetryNs); err != nil {
				return nil, nil, fmt.Errorf("make the cable of %s asymmetric: %w", chain[0], err)
			}
			return system, func(ctx context.Context) error { return set(ctx, 0) }, nil
		},
	}
}

func saboteurWithTruth(system sut.System) (sut.Saboteur, error) {
	saboteur, ok := sut.As[sut.Saboteur](system)
	if !ok {
		return nil, fmt.Errorf("%w: it cannot be sabotaged", ErrNotApplicable)
	}
	if _, ok := sut.As[sut.Truth](system); !ok {
		return nil, fmt.Errorf("%w: its true errors are not known", ErrNotApplicable)
	}
	return saboteur, nil
}
