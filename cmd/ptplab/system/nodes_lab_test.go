//go:build lab

package system_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/specs"
)

// nodeAreas are the areas about what nodes tell and about their processes.
func nodeAreas() []string {
	return []string{
		specs.AreaDiscovery, specs.AreaSync, specs.AreaMetrics, specs.AreaSockets, specs.AreaScheduling, specs.AreaLogs, specs.AreaRestart, specs.AreaSecurity,
	}
}

// TestNodes runs these areas on two workers with a cable between them: there the suite gives keys to both ends by their
// objects, where in labs with a switch it changes the configuration file of the switch. Then it breaks the lab in the ways
// of the security area, or in those that the environment variable SABOTAGE names a part of; "-" stands for all of these
// areas. TestConformance and TestSabotageOnLab do the same in every mode, behind a switch.
func TestNodes(t *testing.T) {
	system, _ := boot(t, load(t, "oc"))
	begun := time.Now()
	report, err := conformance.Run(t.Context(), system, conformance.Options{
		Settings: quickly(5 * time.Second), LabelFilter: strings.Join(nodeAreas(), " || "),
	})
	if err != nil {
		t.Fatal(err)
	}
	checkClean(t, report)
	t.Logf("%.0f s of the lab in %.1f s\n%s", report.SystemSeconds, time.Since(begun).Seconds(), table(t, report))
	for _, s := range sabotage.All() {
		asked := only != "" && (only == "-" || strings.Contains(s.Name, only))
		if s.Area != specs.AreaSync && slices.Contains(nodeAreas(), s.Area) && (asked || only == "" && s.Area == specs.AreaSecurity) {
			nodeTrial(t, system, s)
		}
	}
}

// nodeTrial sabotages a lab, sees the sabotage's area fail and clocks stay in sync, and mends the lab.
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
	stray := false
	for _, spec := range report.Specs {
		if spec.State == conformance.Failed {
			failed = append(failed, spec.Name)
			stray = stray || spec.Area != s.Area
			t.Logf("%s: %s\n%s", s.Name, spec.Name, spec.Message)
		}
	}
	switch {
	case len(failed) == 0 && !slices.Contains(s.TriedIn(), report.Mode):
		t.Logf("%s: mode %s has nothing that it could break", s.Name, report.Mode)
	case len(failed) == 0 || stray:
		t.Errorf("under %s, %s should fail and nothing else:\n%s", s.Name, s.Area, table(t, report))
	default:
		t.Logf("as it should: %-45s %-11s %5.1f s: %s", s.Name, s.Area, time.Since(begun).Seconds(), strings.Join(failed, "; "))
	}
}
