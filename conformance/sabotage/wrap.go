package sabotage

import (
	"context"
	"errors"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// links is a system whose SetLink is another function.
type links struct {
	sut.System
	setLink func(ctx context.Context, port sut.PortRef, up bool) error
}

func (l links) Unwrap() sut.System { return l.System }

func (l links) SetLink(ctx context.Context, port sut.PortRef, up bool) error {
	return l.setLink(ctx, port, up)
}

// linkIgnoresDown leaves links up that should go down: no clock notices anything.
func linkIgnoresDown() Sabotage {
	return Sabotage{
		Name:  "link down without effect",
		Area:  specs.AreaFailover,
		Modes: []specs.Mode{specs.OC, specs.DualFollower},
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			return links{system, func(context.Context, sut.PortRef, bool) error { return nil }}, nothing, nil
		},
	}
}

// linkStaysDown leaves links down that should come up again.
func linkStaysDown() Sabotage {
	return Sabotage{
		Name:  "link stays down",
		Area:  specs.AreaFailover,
		Modes: []specs.Mode{specs.OC, specs.DualFollower},
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			var left []sut.PortRef
			setLink := func(ctx context.Context, port sut.PortRef, up bool) error {
				if up {
					return nil
				}
				left = append(left, port)
				return system.SetLink(ctx, port, false)
			}
			undo := func(ctx context.Context) error {
				var faults []error
				for _, port := range left {
					faults = append(faults, system.SetLink(ctx, port, true))
				}
				return errors.Join(faults...)
			}
			return links{system, setLink}, undo, nil
		},
	}
}

// comesBackOff makes a cable asymmetric when its link comes up again: the clock locks, 5 us from where it was.
func comesBackOff() Sabotage {
	return Sabotage{
		Name:  "clock comes back 5 us off",
		Area:  specs.AreaFailover,
		Modes: []specs.Mode{specs.OC, specs.DualFollower},
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			saboteur, err := saboteurWithTruth(system)
			if err != nil {
				return nil, nil, err
			}
			var off []sut.PortRef
			setLink := func(ctx context.Context, port sut.PortRef, up bool) error {
				if up {
					off = append(off, port)
					if err := saboteur.SetAsymmetry(ctx, port, asymmetryNs); err != nil {
						return err
					}
				}
				return system.SetLink(ctx, port, up)
			}
			undo := func(ctx context.Context) error {
				var faults []error
				for _, port := range off {
					faults = append(faults, saboteur.SetAsymmetry(ctx, port, 0))
				}
				return errors.Join(faults...)
			}
			return links{system, setLink}, undo, nil
		},
	}
}

// frozen is a system whose metrics stand still from the first link that goes down.
type frozen struct {
	sut.System
	still map[string][]byte // by node
	stuck bool
}

func (f *frozen) Unwrap() sut.System { return f.System }

func (f *frozen) SetLink(ctx context.Context, port sut.PortRef, up bool) error {
	f.stuck = true
	return f.System.SetLink(ctx, port, up)
}

func (f *frozen) Metrics(ctx context.Context, node string) ([]byte, error) {
	if text, ok := f.still[node]; ok && f.stuck {
		return text, nil
	}
	text, err := f.System.Metrics(ctx, node)
	f.still[node] = text
	return text, err
}

// frozenMetrics serves the metrics of a good time for ever.
func frozenMetrics() Sabotage {
	return Sabotage{
		Name:  "frozen metrics",
		Area:  specs.AreaFailover,
		Modes: []specs.Mode{specs.OC, specs.DualFollower},
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			return &frozen{System: system, still: map[string][]byte{}}, nothing, nil
		},
	}
}
