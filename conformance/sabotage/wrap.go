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
	return relinked("link down without effect", specs.AreaFailover, []specs.Mode{specs.OC, specs.DualFollower}, func(sut.Inventory, linkSetter) linkSetter {
		return func(context.Context, sut.PortRef, bool) error { return nil }
	})
}

// linkStaysDown leaves links down that should come up again, until they are asked to for the second time.
func linkStaysDown() Sabotage {
	return relinked("link stays down", specs.AreaFailover, []specs.Mode{specs.OC, specs.DualFollower}, upIgnored)
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
			off := map[sut.PortRef]bool{}
			mend := func(ctx context.Context) error {
				var faults []error
				for port := range off {
					faults = append(faults, saboteur.SetAsymmetry(ctx, port, 0))
				}
				clear(off)
				return errors.Join(faults...)
			}
			setLink := func(ctx context.Context, port sut.PortRef, up bool) error {
				switch {
				case specs.AreaOf(ctx) != specs.AreaFailover:
					if err := mend(ctx); err != nil {
						return err
					}
				case up && off[port]: // asked again, as a cleanup does
					if err := mend(ctx); err != nil {
						return err
					}
				case up:
					off[port] = true
					if err := saboteur.SetAsymmetry(ctx, port, asymmetryNs); err != nil {
						return err
					}
				}
				return system.SetLink(ctx, port, up)
			}
			return links{system, setLink}, mend, nil
		},
	}
}

// frozen is a system whose metrics stand still from the first link that goes down.
type frozen struct {
	inArea
	still map[string][]byte // by node
	stuck bool
}

func (f *frozen) SetLink(ctx context.Context, port sut.PortRef, up bool) error {
	f.stuck = true
	return f.System.SetLink(ctx, port, up)
}

func (f *frozen) Metrics(ctx context.Context, node string) ([]byte, error) {
	if text, ok := f.still[node]; ok && f.stuck && f.is(ctx) {
		return text, nil
	}
	text, err := f.System.Metrics(ctx, node)
	f.still[node] = text
	return text, err
}

// frozenMetrics serves the metrics of a good time in the whole area.
func frozenMetrics() Sabotage {
	return Sabotage{
		Name:  "frozen metrics",
		Area:  specs.AreaFailover,
		Modes: []specs.Mode{specs.OC, specs.DualFollower},
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			return &frozen{inArea: inArea{system, specs.AreaFailover}, still: map[string][]byte{}}, nothing, nil
		},
	}
}
