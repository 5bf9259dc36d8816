package sabotage

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// configuredSabotages have nodes not do what their profiles say.
func configuredSabotages() []Sabotage {
	setting := func(name, key string, value func(string) string) Sabotage {
		return misread(name, specs.AreaLogs, func(p *ptpconfig.Profile) {
			text, ok := p.PtpSettings[key]
			if !ok {
				return
			}
			if text = value(text); text == "" {
				delete(p.PtpSettings, key)
				return
			}
			p.PtpSettings[key] = text
		})
	}
	none := func(string) string { return "" }
	enhancedIs := func(other string) func(string) string {
		return func(text string) string {
			if strings.HasPrefix(text, "enhanced") {
				return other
			}
			return text
		}
	}
	noThreshold := func(text string) string {
		if fields := strings.Fields(text); len(fields) == 3 {
			return strings.Join(fields[:2], " ")
		}
		return text
	}
	return []Sabotage{
		misread("SCHED_FIFO is ignored", specs.AreaScheduling, func(p *ptpconfig.Profile) { p.PtpSchedulingPolicy = "SCHED_OTHER" }),
		misread("real-time priority is ignored", specs.AreaScheduling, func(p *ptpconfig.Profile) { p.PtpSchedulingPriority = 10 }),
		setting("log filter is ignored", "stdoutFilter", none),
		setting("log reduction is ignored", "logReduce", none),
		setting("log reduction without summaries", "logReduce", enhancedIs("basic")),
		setting("log reduction without threshold", "logReduce", noThreshold),
		setting("log reduction at another interval", "logReduce", enhancedIs("enhanced 1s 500")),
		keysAllAlike(),
		keysEmpty(),
	}
}

// misreading is a system that runs its profiles with something changed, and does not say so.
type misreading struct {
	inArea
	sut.Configurer
	change func(*ptpconfig.Profile)
	asked  map[string]ptpconfig.PtpConfig // what was put, by name
}

// PutConfig puts something else.
func (m misreading) PutConfig(ctx context.Context, object ptpconfig.PtpConfig) error {
	// What was put for this area is put back unchanged: a cleanup may come when the area is over.
	if !m.is(ctx) || m.isOriginal(object) {
		delete(m.asked, object.Metadata.Name)
		return m.Configurer.PutConfig(ctx, object)
	}
	changed, err := copied(object)
	if err != nil {
		return err
	}
	for i := range changed.Spec.Profile {
		m.change(&changed.Spec.Profile[i])
	}
	m.asked[object.Metadata.Name] = object
	return m.Configurer.PutConfig(ctx, changed)
}

// isOriginal says whether an object has none of what the suite changes in these areas.
func (m misreading) isOriginal(object ptpconfig.PtpConfig) bool {
	for _, p := range object.Spec.Profile {
		if p.PtpSchedulingPolicy == "SCHED_FIFO" || p.PtpSettings["stdoutFilter"] != "" || p.PtpSettings["logReduce"] != "" {
			return false
		}
	}
	return true
}

// Configs lists what was asked for.
func (m misreading) Configs(ctx context.Context) ([]ptpconfig.PtpConfig, error) {
	objects, err := m.Configurer.Configs(ctx)
	for i, o := range objects {
		if asked, ok := m.asked[o.Metadata.Name]; ok {
			objects[i] = asked
		}
	}
	return objects, err
}

func copied(object ptpconfig.PtpConfig) (ptpconfig.PtpConfig, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return ptpconfig.PtpConfig{}, err
	}
	var c ptpconfig.PtpConfig
	return c, json.Unmarshal(text, &c)
}

// misread has nodes run their profiles with something changed.
func misread(name, area string, change func(*ptpconfig.Profile)) Sabotage {
	return Sabotage{Name: name, Area: area, Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		configurer, ok := sut.As[sut.Configurer](system)
		if !ok {
			return nil, nil, fmt.Errorf("%w: its PtpConfigs cannot be changed", ErrNotApplicable)
		}
		return misreading{inArea{system, area}, configurer, change, map[string]ptpconfig.PtpConfig{}}, nothing, nil
	}}
}

// mounting is a system that mounts other secrets than it is given.
type mounting struct {
	inArea
	sut.SecretKeeper
	change func(ptpconfig.Secret) (ptpconfig.Secret, error)
}

func (m mounting) PutSecret(ctx context.Context, s ptpconfig.Secret) error {
	if m.is(ctx) {
		var err error
		if s, err = m.change(s); err != nil {
			return err
		}
	}
	return m.SecretKeeper.PutSecret(ctx, s)
}

// mounted changes secrets on their way to the nodes.
func mounted(name string, change func() func(ptpconfig.Secret) (ptpconfig.Secret, error)) Sabotage {
	return Sabotage{Name: name, Area: specs.AreaSecurity, Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		keeper, ok := sut.As[sut.SecretKeeper](system)
		if !ok {
			return nil, nil, fmt.Errorf("%w: it mounts no secrets", ErrNotApplicable)
		}
		return mounting{inArea{system, specs.AreaSecurity}, keeper, change()}, nothing, nil
	}}
}

// keysAllAlike mounts the first keys for all: a clock that should have others believes its upstream.
func keysAllAlike() Sabotage {
	return mounted("other keys are accepted", func() func(ptpconfig.Secret) (ptpconfig.Secret, error) {
		var first map[string]string
		return func(s ptpconfig.Secret) (ptpconfig.Secret, error) {
			if first == nil {
				first = s.StringData
			}
			s.StringData = first
			return s, nil
		}
	})
}

// keysEmpty mounts files without a key: what should be signed cannot be.
func keysEmpty() Sabotage {
	return mounted("keys are mounted empty", func() func(ptpconfig.Secret) (ptpconfig.Secret, error) {
		return func(s ptpconfig.Secret) (ptpconfig.Secret, error) {
			empty := map[string]string{}
			for name := range s.StringData {
				empty[name] = "# nothing\n"
			}
			s.StringData = empty
			return s, nil
		}
	})
}
