package sabotage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// classSabotages have clocks tell another class than they should.
func classSabotages() []Sabotage {
	boundary := []specs.Mode{specs.BC, specs.DualNICBC}
	return []Sabotage{
		rewritten("another clock class in the metric", specs.AreaClockClass, []specs.Mode{specs.OC, specs.DualFollower}, otherClass),
		classFrozen("clock class metric frozen", specs.AreaClockClass, boundary),
		lostTogether(),
		goodClassBehind(),
	}
}

const classMetric = "openshift_ptp_clock_class{"

// otherClass tells a class that neither the clock nor its grandmaster has.
func otherClass(text string) string {
	return eachLine(text, func(line string) string {
		if series, _, ok := strings.Cut(line, "} "); ok && strings.HasPrefix(series, classMetric) {
			return series + "} 248"
		}
		return line
	})
}

// classFrozen repeats the first clock class of each process that was told in the area.
func classFrozen(name, area string, modes []specs.Mode) Sabotage {
	return Sabotage{Name: name, Area: area, Modes: modes, Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		first := map[string]string{} // by series
		frozen := func(text string) string {
			return eachLine(text, func(line string) string {
				series, _, ok := strings.Cut(line, "} ")
				if !ok || !strings.HasPrefix(series, classMetric) {
					return line
				}
				if first[series] == "" {
					first[series] = line
				}
				return first[series]
			})
		}
		return rewriting{inArea{system, area}, frozen}, nothing, nil
	}}
}

// lostTogether takes the upstream links of all boundary clocks under test down with that of one: they do not stand for themselves.
func lostTogether() Sabotage {
	return relinked("one NIC takes the other along", specs.AreaClockClass, dual(), func(inv sut.Inventory, set linkSetter) linkSetter {
		clocks := boundaries(inv)
		return func(ctx context.Context, port sut.PortRef, up bool) error {
			faults := []error{set(ctx, port, up)}
			for _, other := range clocks {
				for _, name := range other.ReceivePorts {
					if hasReceivePort(clocks, port) {
						faults = append(faults, set(ctx, sut.PortRef{Node: other.Node, Interface: name}, up))
					}
				}
			}
			return errors.Join(faults...)
		}
	})
}

// goodClassBehind starts an impostor at the transmit port of the boundary clock of the furthest receiver as soon as that clock loses
// its upstream link: what is behind it goes on hearing class 6, which nobody has.
func goodClassBehind() Sabotage {
	return Sabotage{
		Name:  "clock class 6 announced while free-running",
		Area:  specs.AreaClockClass,
		Modes: []specs.Mode{specs.BC, specs.DualNICBC},
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			chain, err := target(ctx, system)
			if err != nil {
				return nil, nil, err
			}
			n := slices.IndexFunc(chain, func(i sut.Instance) bool { return !i.InSwitch && i.Type == sut.Boundary })
			if n < 0 {
				return nil, nil, fmt.Errorf("%w: no boundary clock above %s", ErrNotApplicable, chain[0])
			}
			above := chain[n]
			config, err := run(ctx, system, above.Node, "cat", above.Config)
			if err != nil {
				return nil, nil, fmt.Errorf("read the configuration of %s: %w", above, err)
			}
			works := false
			turn := func(ctx context.Context, on bool) error {
				if works == on {
					return nil
				}
				argv := []string{"sh", "-c", impostorScript, "ptplab-impostor", "stop", impostorBase}
				if on {
					argv = append(argv[:4], "start", impostorBase, impostorConfig(config, above.TransmitPorts))
				}
				works = on
				_, err := run(ctx, system, above.Node, argv...)
				return err
			}
			setLink := func(ctx context.Context, port sut.PortRef, up bool) error {
				if specs.AreaOf(ctx) == specs.AreaClockClass && hasReceivePort([]sut.Instance{above}, port) {
					if err := turn(ctx, !up); err != nil {
						return err
					}
				}
				return system.SetLink(ctx, port, up)
			}
			return links{system, setLink}, func(ctx context.Context) error { return turn(ctx, false) }, nil
		},
	}
}

// boundaries are the boundary clocks under test.
func boundaries(inv sut.Inventory) []sut.Instance {
	return slices.DeleteFunc(slices.Clone(inv.Instances), func(i sut.Instance) bool { return i.InSwitch || i.Type != sut.Boundary })
}

// hasReceivePort says whether a port is a receive port of one of several instances.
func hasReceivePort(instances []sut.Instance, port sut.PortRef) bool {
	return slices.ContainsFunc(instances, func(i sut.Instance) bool {
		return i.Node == port.Node && slices.Contains(i.ReceivePorts, port.Interface)
	})
}
