package sabotage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// linkSetter sets a link, or does something else.
type linkSetter func(ctx context.Context, port sut.PortRef, up bool) error

// relinked changes what setting a link does in one area.
func relinked(name, area string, modes []specs.Mode, make func(sut.Inventory, linkSetter) linkSetter) Sabotage {
	return Sabotage{Name: name, Area: area, Modes: modes, Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		inv, err := system.Inventory(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("list the system: %w", err)
		}
		other := make(inv, system.SetLink)
		setLink := func(ctx context.Context, port sut.PortRef, up bool) error {
			if specs.AreaOf(ctx) != area {
				return system.SetLink(ctx, port, up)
			}
			return other(ctx, port, up)
		}
		return links{system, setLink}, nothing, nil
	}}
}

// lossSabotages have clocks bear the loss of something worse, or better, than they should.
func lossSabotages() []Sabotage {
	return []Sabotage{
		stepWithoutEffect(),
		relinked("transmit link disturbs the receive port", specs.AreaFailover, []specs.Mode{specs.BC, specs.DualNICBC}, transmitDisturbs),
		misconfigured("clock runs on without its PtpConfig", specs.AreaFailover, []specs.Mode{specs.OC, specs.DualFollower, specs.DualNICBCHA},
			func(c sut.Configurer, _ sut.Inventory, broken *configuring) {
				broken.remove = ignoreFirst(c.DeleteConfig, func(name string) bool { return !suiteMade(name) })
			}),
	}
}

// followerPortDead takes the link of a follower's last port down for good. The clock stays locked, with nothing to fall back to.
func followerPortDead() Sabotage {
	return Sabotage{
		Name:  "second port of a follower is dead",
		Area:  specs.AreaSync,
		Modes: []specs.Mode{specs.DualFollower},
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			chain, err := target(ctx, system)
			if err != nil {
				return nil, nil, err
			}
			ports := chain[0].ReceivePorts
			if len(ports) < 2 {
				return nil, nil, fmt.Errorf("%w: %s has one receive port", ErrNotApplicable, chain[0])
			}
			port := sut.PortRef{Node: chain[0].Node, Interface: ports[len(ports)-1]}
			undo := func(ctx context.Context) error {
				return errors.Join(system.SetLink(ctx, port, true), settle(ctx, system))
			}
			if err := system.SetLink(ctx, port, false); err != nil {
				return nil, nil, fmt.Errorf("take link %s down: %w", port, err)
			}
			if err := settle(ctx, system); err != nil {
				return nil, nil, errors.Join(err, undo(context.WithoutCancel(ctx)))
			}
			return system, undo, nil
		},
	}
}

// steady is a system whose clocks cannot be stepped.
type steady struct{ inArea }

func (s steady) Exec(ctx context.Context, node string, argv []string) (sut.Result, error) {
	if s.is(ctx) && argv[0] == "phc_ctl" {
		return sut.Result{}, nil
	}
	return s.System.Exec(ctx, node, argv)
}

// stepWithoutEffect says that a clock was stepped, and nobody notices anything of it.
func stepWithoutEffect() Sabotage {
	return Sabotage{
		Name:  "phase step without effect",
		Area:  specs.AreaFailover,
		Modes: []specs.Mode{specs.OC, specs.BC},
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			return steady{inArea{system, specs.AreaFailover}}, nothing, nil
		},
	}
}

// transmitDisturbs takes the receive links of a boundary clock down and up with its transmit links.
func transmitDisturbs(inv sut.Inventory, set linkSetter) linkSetter {
	return func(ctx context.Context, port sut.PortRef, up bool) error {
		faults := []error{set(ctx, port, up)}
		for _, i := range boundaries(inv) {
			if i.Node != port.Node || !slices.Contains(i.TransmitPorts, port.Interface) {
				continue
			}
			for _, name := range i.ReceivePorts {
				faults = append(faults, set(ctx, sut.PortRef{Node: i.Node, Interface: name}, up))
			}
		}
		return errors.Join(faults...)
	}
}

// outageSabotages have clocks not come back from an outage.
func outageSabotages() []Sabotage {
	return []Sabotage{
		relinked("link does not come back after an outage", specs.AreaOutage, []specs.Mode{specs.OC, specs.BC, specs.DualNICBC}, upIgnored),
		relinked("outage without effect", specs.AreaOutage, []specs.Mode{specs.OC, specs.BC}, func(sut.Inventory, linkSetter) linkSetter {
			return func(context.Context, sut.PortRef, bool) error { return nil }
		}),
		classFrozen("clock class metric frozen in an outage", specs.AreaOutage, []specs.Mode{specs.BC, specs.DualNICBC}),
	}
}

// upIgnored leaves the first link down that should come up after one went down. Whoever asks again, as a cleanup does, is obeyed.
func upIgnored(_ sut.Inventory, set linkSetter) linkSetter {
	ignored := true
	return func(ctx context.Context, port sut.PortRef, up bool) error {
		if up && !ignored {
			ignored = true
			return nil
		}
		ignored = up
		return set(ctx, port, up)
	}
}
