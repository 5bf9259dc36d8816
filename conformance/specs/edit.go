package specs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// edit is a PtpConfig that a check has changed.
type edit struct {
	t        *Test
	keeper   sut.Configurer
	original ptpconfig.PtpConfig
	profile  int // index of the instance's in the object
}

// editable finds the PtpConfig of an instance, to be changed for the length of a check. It is put back by a cleanup in any case.
func (t *Test) editable(ctx context.Context, i sut.Instance) (*edit, error) {
	keeper, ok := sut.As[sut.Configurer](t.System)
	if !ok {
		return nil, Skipped("the suite may not change the PtpConfigs of this system")
	}
	objects, err := keeper.Configs(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the PtpConfigs: %w", err)
	}
	n := slices.IndexFunc(objects, func(o ptpconfig.PtpConfig) bool { return i.Object != "" && o.Metadata.Name == i.Object })
	if n < 0 {
		return nil, Skipped(fmt.Sprintf("no PtpConfig configures %s", i))
	}
	o := objects[n]
	p := slices.IndexFunc(o.Spec.Profile, func(p ptpconfig.Profile) bool { return isProfile(i.Profile, p.Name) })
	if p < 0 {
		return nil, fmt.Errorf("PtpConfig %s has no profile %s, which %s runs", i.Object, i.Profile, i)
	}
	return &edit{t, keeper, o, p}, nil
}

// put replaces the object by what change makes of its original profile.
func (e *edit) put(ctx context.Context, change func(*ptpconfig.Profile)) error {
	text, err := json.Marshal(e.original)
	if err != nil {
		return fmt.Errorf("copy PtpConfig %s: %w", e.original.Metadata.Name, err)
	}
	var changed ptpconfig.PtpConfig
	if err := json.Unmarshal(text, &changed); err != nil {
		return fmt.Errorf("copy PtpConfig %s: %w", e.original.Metadata.Name, err)
	}
	change(&changed.Spec.Profile[e.profile])
	e.t.Cleanup("put PtpConfig "+e.original.Metadata.Name+" back", e.restore)
	return e.keeper.PutConfig(ctx, changed)
}

// restore puts the original back.
func (e *edit) restore(ctx context.Context) error { return e.keeper.PutConfig(ctx, e.original) }

// set changes one of the profile's ptpSettings.
func (e *edit) set(ctx context.Context, key, value string) error {
	return e.put(ctx, func(p *ptpconfig.Profile) {
		if p.PtpSettings == nil {
			p.PtpSettings = map[string]string{}
		}
		delete(p.PtpSettings, "stdoutFilter")
		delete(p.PtpSettings, "logReduce")
		if key != "" {
			p.PtpSettings[key] = value
		}
	})
}

// firstConfigured is the first clock under test that an object configures.
func firstConfigured(inv sut.Inventory) []sut.Instance {
	for _, i := range underTest(inv) {
		if i.Object != "" && i.Config != "" {
			return []sut.Instance{i}
		}
	}
	return nil
}

// schedulingText is a profile's real-time scheduling in words: "SCHED_FIFO 65".
func schedulingText(policy string, priority int64) string {
	if policy != fifo {
		return strings.TrimSpace(policy)
	}
	return fmt.Sprintf("%s %d", policy, priority)
}

const fifo = "SCHED_FIFO"
