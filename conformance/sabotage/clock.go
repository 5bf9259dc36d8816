package sabotage

import (
	"context"
	"fmt"
	"time"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// kickNs is how far a clock is stepped. Its ptp4l brings it back within seconds.
const kickNs = 5_000

// kicked is a system one clock of which is stepped whenever true errors are measured over a time.
type kicked struct {
	sut.System
	truth    sut.Truth
	saboteur sut.Saboteur
	port     sut.PortRef // of the clock
}

func (k kicked) Unwrap() sut.System { return k.System }

func (k kicked) TrueError(ctx context.Context, ports []sut.PortRef, duration, interval time.Duration) ([]sut.Series, error) {
	if duration > 0 && specs.AreaOf(ctx) == specs.AreaAccuracy { // soaks measure too
		if err := k.kick(ctx); err != nil {
			return nil, err
		}
	}
	return k.truth.TrueError(ctx, ports, duration, interval)
}

func (k kicked) kick(ctx context.Context) error {
	now, err := k.now(ctx)
	if err != nil {
		return err
	}
	return k.saboteur.SetClockError(ctx, k.port, now+kickNs)
}

// now is the clock's true error, ns.
func (k kicked) now(ctx context.Context) (int64, error) {
	series, err := k.truth.TrueError(ctx, []sut.PortRef{k.port}, 0, time.Second)
	if err != nil {
		return 0, fmt.Errorf("true error of %s: %w", k.port, err)
	}
	if len(series) != 1 || len(series[0].Samples) == 0 {
		return 0, fmt.Errorf("true error of %s: no sample", k.port)
	}
	return int64(series[0].Samples[0].ErrorNs), nil
}

// clockStepped steps the furthest receiver's clock by 5 us once all clocks are well and their errors are being
// measured: it is right before and after.
func clockStepped() Sabotage {
	return Sabotage{
		Name:  "clock stepped while measured",
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
			truth, _ := sut.As[sut.Truth](system)
			k := kicked{system, truth, saboteur, chain[0].ClockPort()}
			before, err := k.now(ctx)
			if err != nil {
				return nil, nil, err
			}
			// What is left of the kick, and what the grandmaster has drifted since, is its ptp4l's to correct.
			undo := func(ctx context.Context) error { return saboteur.SetClockError(ctx, k.port, before) }
			return k, undo, nil
		},
	}
}
