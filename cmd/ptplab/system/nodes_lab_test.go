//go:build lab

package system_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/specs"
)

// nodeAreas are the areas about what nodes tell and about their processes.
var nodeAreas = []string{
	specs.AreaDiscovery, specs.AreaSync, specs.AreaMetrics, specs.AreaSockets, specs.AreaScheduling, specs.AreaLogs, specs.AreaRestart, specs.AreaSecurity,
}

// TestNodes runs these areas on labs as their topologies say. What is skipped is told.
func TestNodes(t *testing.T) {
	for _, topology := range []string{"oc", "dnbc", "dnbc-ha"} {
		t.Run(topology, func(t *testing.T) {
			system, _ := boot(t, load(t, topology))
			begun := time.Now()
			report, err := conformance.Run(t.Context(), system, conformance.Options{Settings: quickly(5 * time.Second), LabelFilter: strings.Join(nodeAreas, " || ")})
			if err != nil {
				t.Fatal(err)
			}
			if !report.OK() {
				t.Errorf("not every spec passed:\n%s", table(t, report))
			}
			t.Logf("%.0f s of the lab in %.1f s\n%s", report.SystemSeconds, time.Since(begun).Seconds(), table(t, report))
		})
	}
}

// TestNodeSabotages breaks a lab in the ways of these areas, and sees that area fail and clocks stay in sync. TestSabotageOnLab does so with
// all areas and modes; this is quicker.
func TestNodeSabotages(t *testing.T) {
	for _, topology := range []string{"oc", "dnbc-ha"} {
		t.Run(topology, func(t *testing.T) {
			system, _ := boot(t, load(t, topology))
			for _, s := range sabotage.All() {
				if s.Area != specs.AreaSync && s.Area != specs.AreaPath && isNodeArea(s.Area) && strings.Contains(s.Name, only) {
					nodeTrial(t, system, s)
				}
			}
		})
	}
}

func isNodeArea(area string) bool {
	return strings.Contains(" "+strings.Join(nodeAreas, " ")+" ", " "+area+" ")
}

func nodeTrial(t *testing.T, system *system.System, s sabotage.Sabotage) {
	t.Helper()
	begun := time.Now()
	broken, undo, err := s.Apply(t.Context(), system)
	if errors.Is(err, sabotage.ErrNotApplicable) {
		t.Logf("%s: %v", s.Name, err)
		return
	}
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	report, err := conformance.Run(t.Context(), broken, conformance.Options{Settings: quickly(5 * time.Second), LabelFilter: specs.AreaSync + " || " + s.Area})
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	if err := undo(t.Context()); err != nil {
		t.Errorf("undo %s: %v", s.Name, err)
	}
	var failed []string
	stray, skipped := false, false
	for _, spec := range report.Specs {
		skipped = skipped || spec.State == conformance.Skipped && spec.Area == s.Area
		if spec.State == conformance.Failed {
			failed = append(failed, spec.Name)
			stray = stray || spec.Area != s.Area
			t.Logf("%s: %s\n%s", s.Name, spec.Name, spec.Message)
		}
	}
	switch {
	case len(failed) == 0 && skipped:
		t.Logf("%s: what it is for was skipped", s.Name)
	case len(failed) == 0 || stray:
		t.Errorf("under %s, %s should fail and nothing else:\n%s", s.Name, s.Area, table(t, report))
	default:
		t.Logf("AS IT SHOULD %-45s %-11s %5.1f s: %s", s.Name, s.Area, time.Since(begun).Seconds(), strings.Join(failed, "; "))
	}
}
