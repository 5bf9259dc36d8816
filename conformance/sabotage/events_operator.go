package sabotage

import (
	"context"
	"errors"
	"fmt"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// operated is a system with an operator that somebody meddles with.
type operated struct {
	*meddled
	operator sut.Operator
	set      func(ctx context.Context, c sut.OperatorConfig) error
	get      func(ctx context.Context) (sut.OperatorConfig, error)
}

// OperatorConfig is what the sabotage tells.
func (o *operated) OperatorConfig(ctx context.Context) (sut.OperatorConfig, error) { return o.get(ctx) }

// SetOperatorConfig is what the sabotage lets through.
func (o *operated) SetOperatorConfig(ctx context.Context, c sut.OperatorConfig) error {
	return o.set(ctx, c)
}

// withOperator makes a sabotage of a system's operator. The settings are put back in the end.
func withOperator(name string, meddle func(o *operated, before sut.OperatorConfig)) Sabotage {
	return Sabotage{Name: name, Area: specs.AreaEvents, Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		operator, found := sut.As[sut.Operator](system)
		if !found {
			return nil, nil, fmt.Errorf("%w: it has no operator", ErrNotApplicable)
		}
		n, err := meddling(system)
		if err != nil {
			return nil, nil, err
		}
		before, err := operator.OperatorConfig(ctx)
		if err != nil {
			return nil, nil, err
		}
		o := &operated{n, operator, operator.SetOperatorConfig, operator.OperatorConfig}
		meddle(o, before)
		return o, func(ctx context.Context) error {
			return errors.Join(n.mend(ctx), operator.SetOperatorConfig(ctx, before))
		}, nil
	}}
}

func operatorSabotages() []Sabotage {
	return []Sabotage{
		settingIgnored(),
		withOperator("operator's settings do not last", func(o *operated, before sut.OperatorConfig) {
			o.get = func(context.Context) (sut.OperatorConfig, error) { return before, nil }
		}),
		afterRefusal("refused version accepted", func(context.Context, *operated, *sut.RefusedError) error { return nil }),
		afterRefusal("refused for no good reason", func(_ context.Context, _ *operated, refused *sut.RefusedError) error {
			return &sut.RefusedError{Object: refused.Object, Reason: "it was Tuesday"}
		}),
		afterRefusal("refusal restarts the notification services", func(ctx context.Context, o *operated, refused *sut.RefusedError) error {
			inv, err := o.Inventory(ctx)
			if err != nil {
				return err
			}
			down := map[string]bool{}
			for _, i := range inv.Instances {
				if i.IsReceiver() && !i.InSwitch && !down[i.Node] {
					down[i.Node] = true
					err = errors.Join(err, o.notifications.CrashNotifier(ctx, i.Node))
				}
			}
			return errors.Join(err, refused)
		}),
		versionDead("API gone with the default version", ""),
		versionDead("API gone with version 2.0", "2.0"),
	}
}

// settingIgnored takes the operator's settings and does nothing about them. It refuses what the operator would.
func settingIgnored() Sabotage {
	return withOperator("operator's settings ignored", func(o *operated, before sut.OperatorConfig) {
		settings := before
		o.get = func(context.Context) (sut.OperatorConfig, error) { return settings, nil }
		o.set = func(ctx context.Context, c sut.OperatorConfig) error {
			// The version alone is tried, with the publisher as it is.
			err := o.operator.SetOperatorConfig(ctx, sut.OperatorConfig{EnableEventPublisher: before.EnableEventPublisher, APIVersion: c.APIVersion})
			if err == nil {
				settings = c
			}
			return err
		}
	})
}

// afterRefusal makes a sabotage of what follows when the operator refuses settings.
func afterRefusal(name string, then func(context.Context, *operated, *sut.RefusedError) error) Sabotage {
	return withOperator(name, func(o *operated, _ sut.OperatorConfig) {
		o.set = func(ctx context.Context, c sut.OperatorConfig) error {
			err := o.operator.SetOperatorConfig(ctx, c)
			var refused *sut.RefusedError
			if errors.As(err, &refused) {
				return then(ctx, o, refused)
			}
			return err
		}
	})
}

// versionDead lets the API be dead once the operator was told a version.
func versionDead(name, version string) Sabotage {
	return withOperator(name, func(o *operated, _ sut.OperatorConfig) {
		o.deafen()
		o.set = func(ctx context.Context, c sut.OperatorConfig) error {
			err := o.operator.SetOperatorConfig(ctx, c)
			if err == nil {
				o.lose(c.APIVersion == version)
			}
			return err
		}
	})
}
