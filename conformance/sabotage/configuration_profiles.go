package sabotage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// configuring is a system that does something else with PtpConfigs than it is told.
type configuring struct {
	inArea
	sut.Configurer
	put    func(ctx context.Context, object ptpconfig.PtpConfig) error // nil for what the system does
	remove func(ctx context.Context, name string) error                // nil for what the system does
}

func (c configuring) PutConfig(ctx context.Context, object ptpconfig.PtpConfig) error {
	if c.put == nil || !c.is(ctx) {
		return c.Configurer.PutConfig(ctx, object)
	}
	return c.put(ctx, object)
}

func (c configuring) DeleteConfig(ctx context.Context, name string) error {
	if c.remove == nil || !c.is(ctx) {
		return c.Configurer.DeleteConfig(ctx, name)
	}
	return c.remove(ctx, name)
}

// misconfigured changes what a system does with PtpConfigs. Make gets the system's own way to change them, its inventory and what to
// fill in.
func misconfigured(name, area string, modes []specs.Mode, make func(sut.Configurer, sut.Inventory, *configuring)) Sabotage {
	return Sabotage{Name: name, Area: area, Modes: modes, Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		configurer, ok := sut.As[sut.Configurer](system)
		if !ok {
			return nil, nil, fmt.Errorf("%w: its PtpConfigs cannot be changed", ErrNotApplicable)
		}
		inv, err := system.Inventory(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("list the system: %w", err)
		}
		broken := configuring{inArea: inArea{system, area}, Configurer: configurer}
		make(configurer, inv, &broken)
		return broken, nothing, nil
	}}
}

// suiteMade says whether an object is one that the specs make for a check.
func suiteMade(name string) bool { return strings.HasPrefix(name, "ptplab-") }

// profileSabotages have nodes run other profiles than they should, or objects pass that should not.
func profileSabotages() []Sabotage {
	return []Sabotage{
		misconfigured("label of a node is ignored", specs.AreaProfiles, []specs.Mode{specs.OC, specs.DualNICBC}, func(c sut.Configurer, inv sut.Inventory, broken *configuring) {
			broken.put = func(ctx context.Context, object ptpconfig.PtpConfig) error {
				return c.PutConfig(ctx, forAll(object, inv.Nodes))
			}
		}),
		misconfigured("priority is ignored", specs.AreaProfiles, nil, func(c sut.Configurer, _ sut.Inventory, broken *configuring) {
			broken.put = func(ctx context.Context, object ptpconfig.PtpConfig) error {
				return c.PutConfig(ctx, ofLowPriority(object))
			}
		}),
		misconfigured("deleted PtpConfig runs on", specs.AreaProfiles, []specs.Mode{specs.OC, specs.DualNICBCHA}, func(c sut.Configurer, _ sut.Inventory, broken *configuring) {
			broken.remove = ignoreFirst(c.DeleteConfig, suiteMade)
		}),
		misconfigured("invalid PtpConfig is accepted", specs.AreaProfiles, nil, func(c sut.Configurer, _ sut.Inventory, broken *configuring) {
			broken.put = func(ctx context.Context, object ptpconfig.PtpConfig) error {
				err := c.PutConfig(ctx, object)
				if errors.As(err, new(*sut.RefusedError)) {
					return nil
				}
				return err
			}
		}),
		misconfigured("underscores are refused", specs.AreaProfiles, []specs.Mode{specs.DualNICBCHA}, func(c sut.Configurer, _ sut.Inventory, broken *configuring) {
			broken.put = func(ctx context.Context, object ptpconfig.PtpConfig) error {
				for _, p := range object.Spec.Profile {
					if strings.Contains(p.PtpSettings["haProfiles"], "_") {
						return &sut.RefusedError{Object: "PtpConfig " + object.Metadata.Name, Reason: "haProfiles has an underscore"}
					}
				}
				return c.PutConfig(ctx, object)
			}
		}),
	}
}

// forAll is an object of the suite that matches nodes by their names instead of a label. Others stay as they are.
func forAll(object ptpconfig.PtpConfig, nodes []string) ptpconfig.PtpConfig {
	if !suiteMade(object.Metadata.Name) {
		return object
	}
	object.Spec.Recommend = slices.Clone(object.Spec.Recommend)
	for n, r := range object.Spec.Recommend {
		if !slices.ContainsFunc(r.Match, func(m ptpconfig.Match) bool { return m.NodeLabel != "" }) {
			continue
		}
		object.Spec.Recommend[n].Match = nil
		for _, node := range nodes {
			object.Spec.Recommend[n].Match = append(object.Spec.Recommend[n].Match, ptpconfig.Match{NodeName: node})
		}
	}
	return object
}

// ofLowPriority is an object of the suite that loses against every other.
func ofLowPriority(object ptpconfig.PtpConfig) ptpconfig.PtpConfig {
	if !suiteMade(object.Metadata.Name) {
		return object
	}
	object.Spec.Recommend = slices.Clone(object.Spec.Recommend)
	for n := range object.Spec.Recommend {
		object.Spec.Recommend[n].Priority = 1000
	}
	return object
}

// ignoreFirst does not do what it is asked the first time for each name that it is for. Whoever asks again, as a cleanup does, is
// obeyed.
func ignoreFirst(do func(ctx context.Context, name string) error, isFor func(string) bool) func(context.Context, string) error {
	asked := map[string]bool{}
	return func(ctx context.Context, name string) error {
		if isFor(name) && !asked[name] {
			asked[name] = true
			return nil
		}
		delete(asked, name)
		return do(ctx, name)
	}
}
