package specs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// triedName is the name of objects that are only tried. They are for no node.
const triedName = "ptplab-tried"

// tried makes an object that is for no node, with one profile.
func tried(p ptpconfig.Profile) ptpconfig.PtpConfig {
	return ptpconfig.PtpConfig{
		APIVersion: ptpconfig.APIVersion, Kind: ptpconfig.Kind,
		Metadata: ptpconfig.Metadata{Name: triedName, Namespace: ptpconfig.Namespace},
		Spec: ptpconfig.Spec{
			Profile:   []ptpconfig.Profile{p},
			Recommend: []ptpconfig.Recommend{{Profile: p.Name, Priority: 100, Match: []ptpconfig.Match{{NodeLabel: "ptp/ptplab-nowhere"}}}},
		},
	}
}

// fault is one way to spoil a valid profile.
type fault struct {
	name  string
	spoil func(*ptpconfig.Profile)
}

// profileFaults are what the webhook of the operator turns down.
func profileFaults() []fault {
	setting := func(key, value string) func(*ptpconfig.Profile) {
		return func(p *ptpconfig.Profile) { p.PtpSettings = map[string]string{key: value} }
	}
	conf := func(section, key, value string) func(*ptpconfig.Profile) {
		return func(p *ptpconfig.Profile) {
			p.Ptp4lConf = new(string(ptpconfig.Conf(*p.Ptp4lConf).Set(section, key, value)))
		}
	}
	return []fault{
		{"a key of ptpSettings that does not exist", setting("ptplabNonsense", "1")},
		{"a stdoutFilter that is no regular expression", setting("stdoutFilter", "(")},
		{"a logReduce that is no mode", setting("logReduce", "sometimes")},
		{"haProfiles that are no list of names", setting("haProfiles", "one two;three")},
		{"SCHED_FIFO without a priority", func(p *ptpconfig.Profile) { p.PtpSchedulingPolicy, p.PtpSchedulingPriority = "SCHED_FIFO", 0 }},
		{"a security parameter pointer in [global]", conf(ptpconfig.Global, "spp", "5")},
		{"an interface that ptp4lConf has not", func(p *ptpconfig.Profile) { p.Interface = new("ens99f9") }},
	}
}

// validProfile is one that nothing is wrong with.
func validProfile() ptpconfig.Profile {
	return ptpconfig.Profile{
		Name: "ptplab-tried", Interface: new("ens98f8"), Ptp4lOpts: new("-2"),
		Ptp4lConf:           new(string(ptpconfig.BaseConf().Set("ens98f8", "masterOnly", "0"))),
		PtpSchedulingPolicy: "SCHED_OTHER", PtpSchedulingPriority: 65,
	}
}

// checkInvalid tries to create objects with one fault each. All must be refused and leave nothing, while the same object without a
// fault is accepted: a system that refuses everything proves nothing.
func checkInvalid(ctx context.Context, t *Test) error {
	c, err := t.configurer()
	if err != nil {
		return err
	}
	before, err := c.Configs(ctx)
	if err != nil {
		return fmt.Errorf("list the PtpConfigs: %w", err)
	}
	remove := func(ctx context.Context) error { return c.DeleteConfig(ctx, triedName) }
	t.Cleanup("delete PtpConfig "+triedName, remove)
	var faults []error
	for _, f := range profileFaults() {
		p := validProfile()
		f.spoil(&p)
		var refused *sut.RefusedError
		err := c.PutConfig(ctx, tried(p))
		switch {
		case err == nil:
			faults = append(faults, fmt.Errorf("a PtpConfig with %s was accepted", f.name))
		case !errors.As(err, &refused):
			return fmt.Errorf("create a PtpConfig with %s: %w", f.name, err)
		}
		after, err := c.Configs(ctx)
		if err != nil {
			return fmt.Errorf("list the PtpConfigs: %w", err)
		}
		if !sameObjects(before, after) {
			faults = append(faults, fmt.Errorf("a PtpConfig with %s changed the objects of the system", f.name))
			if err := remove(ctx); err != nil {
				return err
			}
		}
	}
	if err := c.PutConfig(ctx, tried(validProfile())); err != nil {
		faults = append(faults, fmt.Errorf("a valid PtpConfig: %w", err))
	}
	return lookAt(errors.Join(faults...), "whether the webhook of the operator is reached")
}

// sameObjects says whether two lists have the same objects as the suite sees them, in any order.
func sameObjects(a, b []ptpconfig.PtpConfig) bool {
	if len(a) != len(b) {
		return false
	}
	for _, one := range a {
		n := slices.IndexFunc(b, func(o ptpconfig.PtpConfig) bool { return o.Metadata.Name == one.Metadata.Name })
		if n < 0 || !reflect.DeepEqual(one.Spec, b[n].Spec) {
			return false
		}
	}
	return true
}

// checkUnderscores creates an object that names profiles with underscores in haProfiles, as the names of users have.
func checkUnderscores(ctx context.Context, t *Test) error {
	c, err := t.configurer()
	if err != nil {
		return err
	}
	const list = "test_profile_bc1,test_profile_bc2"
	object := tried(ptpconfig.Profile{
		Name: "test_ha_profile", Ptp4lOpts: new(""), Phc2sysOpts: new("-a -r -n 24"),
		PtpSettings: map[string]string{"haProfiles": list}, PtpSchedulingPolicy: "SCHED_OTHER", PtpSchedulingPriority: 65,
	})
	t.Cleanup("delete PtpConfig "+triedName, func(ctx context.Context) error { return c.DeleteConfig(ctx, triedName) })
	if err := c.PutConfig(ctx, object); err != nil {
		return lookAt(fmt.Errorf("create a PtpConfig with haProfiles %q: %w", list, err), "the webhook of the operator")
	}
	kept, err := t.configNamed(ctx, triedName)
	if err != nil {
		return err
	}
	if len(kept.Spec.Profile) != 1 || kept.Spec.Profile[0].PtpSettings["haProfiles"] != list {
		return fmt.Errorf("PtpConfig %s was accepted, but its haProfiles are not %q", triedName, list)
	}
	return nil
}
