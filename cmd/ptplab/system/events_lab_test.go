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
	"github.com/ptplab/ptplab/conformance/sut"
)

// v1Spec is the one spec of the events area that no lab passes: none serves version 1.0 of the API.
const v1Spec = "events: is told by API version 1.0 where that is still served"

// TestEventsOnLab runs the events area on labs.
func TestEventsOnLab(t *testing.T) {
	for _, name := range []string{"oc", "bc", "dnbc", "dual-follower"} {
		t.Run(name, func(t *testing.T) {
			system, _ := boot(t, load(t, name))
			begun := time.Now()
			report := runEvents(t, system)
			t.Logf("%.1f s of the lab, %.1f s\n%s", report.SystemSeconds, time.Since(begun).Seconds(), table(t, report))
			wantClean(t, report)
		})
	}
}

// TestEventsSabotaged breaks notifications in every known way, and wants the events area to fail and, without the
// sabotage, to pass again. If all are run, each spec must fail under one of them.
func TestEventsSabotaged(t *testing.T) {
	system, _ := boot(t, load(t, "oc"))
	failed := map[string][]string{} // sabotages by spec
	tried, all := 0, 0
	for _, s := range sabotage.All() {
		if s.Area != specs.AreaEvents {
			continue
		}
		all++
		mended := true
		t.Run(s.Name, func(t *testing.T) {
			tried++
			mended = false
			for _, name := range sabotageEvents(t, system, s) {
				failed[name] = append(failed[name], s.Name)
			}
			mended = true
		})
		if !mended {
			t.Fatalf("%s is not undone", s.Name)
		}
	}
	for _, spec := range specs.All() {
		name := spec.Area + ": " + spec.Name
		missing := slices.ContainsFunc(spec.Needs, func(n specs.Need) bool { return n.Missing(system) != "" })
		if spec.Area != specs.AreaEvents || missing {
			continue
		}
		if tried == all && failed[name] == nil {
			t.Errorf("no sabotage makes this spec fail: %s", name)
		}
		t.Logf("%s\n    %s", name, strings.Join(failed[name], "\n    "))
	}
}

// sabotageEvents tries one sabotage and lists the specs that failed. It ends the test if the lab is not as before.
func sabotageEvents(t *testing.T, system *system.System, s sabotage.Sabotage) []string {
	t.Helper()
	broken, undo, err := s.Apply(t.Context(), system)
	if errors.Is(err, sabotage.ErrNotApplicable) {
		t.Logf("%v", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	report := runEvents(t, broken)
	var failed []string
	for _, spec := range report.Specs {
		if spec.State != conformance.Failed {
			continue
		}
		failed = append(failed, kind(t, spec))
		t.Logf("%s\n%s", spec.Name, spec.Message)
		if spec.Area != s.Area {
			t.Errorf("%s failed", spec.Name)
		}
	}
	if failed == nil {
		t.Errorf("nothing failed:\n%s", table(t, report))
	}
	t.Logf("%.1f s of the lab, %.1f s", report.SystemSeconds, time.Since(begun).Seconds())
	if err := undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !wantClean(t, runEvents(t, system)) {
		t.FailNow()
	}
	return failed
}

func runEvents(t *testing.T, s sut.System) conformance.Report {
	t.Helper()
	settings := specs.DefaultSettings()
	settings.V1Regression = true
	o := conformance.Options{Settings: &settings, LabelFilter: specs.AreaSync + " || " + specs.AreaEvents}
	report, err := conformance.Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// wantClean wants everything passed that a lab can do.
func wantClean(t *testing.T, report conformance.Report) bool {
	t.Helper()
	clean := report.OK()
	for _, spec := range report.Specs {
		if spec.State == conformance.Skipped && kind(t, spec) != v1Spec {
			t.Errorf("%s is skipped: %s", spec.Name, spec.Message)
			clean = false
		}
	}
	if !clean {
		t.Errorf("not clean:\n%s", table(t, report))
	}
	return clean
}
