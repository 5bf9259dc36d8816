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
// sabotage, to pass again. Each spec must fail under one of them.
func TestEventsSabotaged(t *testing.T) {
	system, _ := boot(t, load(t, "oc"))
	failed := map[string][]string{} // sabotages by spec
	for _, s := range sabotage.All() {
		if s.Area != specs.AreaEvents {
			continue
		}
		broken, undo, err := s.Apply(t.Context(), system)
		if errors.Is(err, sabotage.ErrNotApplicable) {
			t.Logf("%s: %v", s.Name, err)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		begun := time.Now()
		report := runEvents(t, broken)
		for _, spec := range report.Specs {
			if spec.State == conformance.Failed {
				failed[kind(t, spec)] = append(failed[kind(t, spec)], s.Name)
				t.Logf("%s: %s\n%s", s.Name, spec.Name, spec.Message)
			}
			if spec.State == conformance.Failed && spec.Area != s.Area {
				t.Errorf("%s made %s fail", s.Name, spec.Name)
			}
		}
		if report.OK() {
			t.Errorf("%s made nothing fail:\n%s", s.Name, table(t, report))
		}
		t.Logf("%s: %.1f s of the lab, %.1f s", s.Name, report.SystemSeconds, time.Since(begun).Seconds())
		if err := undo(t.Context()); err != nil {
			t.Fatalf("undo %s: %v", s.Name, err)
		}
		if clean := runEvents(t, system); !wantClean(t, clean) {
			t.Fatalf("%s is not undone:\n%s", s.Name, table(t, clean))
		}
	}
	for _, spec := range specs.All() {
		name := spec.Area + ": " + spec.Name
		missing := slices.ContainsFunc(spec.Needs, func(n specs.Need) bool { return n.Missing(system) != "" })
		if spec.Area == specs.AreaEvents && !missing && failed[name] == nil {
			t.Errorf("no sabotage makes this spec fail: %s", name)
		}
		if spec.Area == specs.AreaEvents {
			t.Logf("%s\n    %s", name, strings.Join(failed[name], "\n    "))
		}
	}
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

var _ sut.Notifications = (*system.System)(nil)
