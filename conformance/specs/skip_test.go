package specs_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// guarded notes which links go down.
type guarded struct {
	*fake.World
	down []string
}

func (g *guarded) SetLink(ctx context.Context, port sut.PortRef, up bool) error {
	if !up {
		g.down = append(g.down, port.Interface)
	}
	return g.World.SetLink(ctx, port, up)
}

// TestSkipInterfaces sees that interfaces which the settings exclude are never taken down, and that the skipped specs say so.
func TestSkipInterfaces(t *testing.T) {
	for _, c := range []struct {
		inventory sut.Inventory
		skip      []string
		outage    conformance.State // of the spec that takes all links down
		others    []string          // interfaces that go down nevertheless
	}{
		{fake.OC(), []string{"ens1f0"}, conformance.Skipped, nil},
		{fake.DNBC(), []string{"ens1f1", "ens1f0", "ens2f1"}, conformance.Passed, []string{"ens2f0"}},
		{fake.DualFollower(), []string{"ens1f1"}, "", nil},
	} {
		settings := specs.DefaultSettings()
		settings.SkipInterfaces = c.skip
		system := &guarded{World: fake.New(c.inventory)}
		report, err := conformance.Run(t.Context(), system, conformance.Options{Settings: &settings, LabelFilter: "sync || clock-class || failover || outage"})
		if err != nil || report.Failed > 0 {
			t.Fatalf("%v, %d failed", err, report.Failed)
		}
		slices.Sort(system.down)
		if got := slices.Compact(system.down); !slices.Equal(got, c.others) {
			t.Errorf("without %v, %v went down, want %v", c.skip, got, c.others)
		}
		for _, spec := range report.Specs {
			if spec.State == conformance.Skipped && !strings.Contains(spec.Message, "by the settings") {
				t.Errorf("%s: %s", spec.Name, spec.Message)
			}
			if strings.Contains(spec.Name, "after all their upstream links were down") && spec.State != c.outage {
				t.Errorf("without %v: %s: %s", c.skip, spec.Name, spec.State)
			}
		}
	}
}
