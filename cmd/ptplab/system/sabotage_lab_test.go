//go:build lab

package system_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// trial is what came of one sabotage in one mode.
type trial struct {
	mode     specs.Mode
	sabotage sabotage.Sabotage
	skipped  string   // why it is not applicable, "" if it is
	failed   []string // "sync: oc1", in the order of the run
	specs    []string // "sync: locks to its time transmitter", those that failed
	asShould bool
	took     time.Duration // on the wall clock
}

// TestSabotageOnLab breaks a real lab in every known way, in each mode in which that means something, and sees exactly the
// expected area fail. After each sabotage the lab is mended, and a clean run proves it. A spec that no sabotage makes fail
// is a spec that cannot fail. Specs that only a cluster can have are proved on a simulated one, in package conformance.
func TestSabotageOnLab(t *testing.T) {
	var trials []*trial
	system, _ := boot(t, load(t, "dnbc"))
	for _, mode := range specs.Modes() {
		t.Run(string(mode), func(t *testing.T) {
			arranged(t, system, arrange.Options{Mode: mode})
			for _, s := range sabotage.All() {
				if !slices.Contains(s.TriedIn(), mode) || only != "" && !strings.Contains(s.Name, only) {
					continue
				}
				one := &trial{mode: mode, sabotage: s}
				trials = append(trials, one)
				one.make(t, system)
			}
		})
	}
	if only == "" {
		checkCoverage(t, trials)
	}
	t.Logf("what fails under sabotage\n%s", trialTable(trials))
}

// only, from the environment, is a part of the names of the sabotages to try.
var only = os.Getenv("SABOTAGE")

// arranged brings a lab into a mode until the test ends.
func arranged(t *testing.T, system sut.System, o arrange.Options) *arrange.Arrangement {
	t.Helper()
	a, err := arrange.Arrange(t.Context(), system, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Undo(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("undo mode %s: %v", o.Mode, err)
		}
	})
	return a
}

// make sabotages a lab, runs the suite, and mends the lab.
func (r *trial) make(t *testing.T, system *system.System) {
	t.Helper()
	begun := time.Now()
	defer func() { r.took = time.Since(begun) }()
	broken, undo, err := r.sabotage.Apply(t.Context(), system)
	if errors.Is(err, sabotage.ErrNotApplicable) {
		r.skipped, r.asShould = err.Error(), true
		return
	}
	if err != nil {
		t.Fatalf("%s: %v", r.sabotage.Name, err)
	}
	report, err := conformance.Run(t.Context(), broken, conformance.Options{Settings: soaking(), LabelFilter: "!needs-cluster"})
	if err != nil {
		t.Fatalf("%s: %v", r.sabotage.Name, err)
	}
	r.judge(t, report)
	if err := undo(t.Context()); err != nil {
		t.Fatalf("undo %s: %v", r.sabotage.Name, err)
	}
	// What does not come back shows where the clocks are looked at first.
	clean, err := conformance.Run(t.Context(), system, conformance.Options{Settings: quickly(5 * time.Second), LabelFilter: "sync || path || accuracy"})
	if err != nil {
		t.Fatalf("after %s: %v", r.sabotage.Name, err)
	}
	if !clean.OK() || clean.Skipped > 0 {
		t.Fatalf("%s is not undone:\n%s", r.sabotage.Name, table(t, clean))
	}
}

// soaking are the suite's settings with short soaks.
func soaking() *specs.Settings {
	s := quickly(10 * time.Second)
	s.Soak.ClockSync = settings.SoakTest{Enable: true, Duration: time.Minute, FailureThreshold: 1}
	s.Soak.EventFile = os.DevNull
	return s
}

// judge sees whether the sabotage's area failed and everything else passed. Where sync fails, what needs it is skipped and
// says so.
func (r *trial) judge(t *testing.T, report conformance.Report) {
	t.Helper()
	r.asShould = true
	for _, spec := range report.Specs {
		blamesSync := r.sabotage.Area == specs.AreaSync && strings.HasSuffix(spec.Message, "see "+specs.AreaSync)
		switch {
		case spec.State == conformance.Failed:
			r.failed = append(r.failed, failure(spec))
			r.specs = append(r.specs, kind(t, spec))
			r.asShould = r.asShould && spec.Area == r.sabotage.Area
			t.Logf("%s: %s\n%s", r.sabotage.Name, spec.Name, spec.Message)
		case spec.State == conformance.Skipped && (blamesSync || notOnLabs(spec)):
		case spec.State != conformance.Passed:
			r.asShould = false
		}
	}
	r.asShould = r.asShould && len(r.failed) > 0
	if !r.asShould {
		t.Errorf("under %s, %s should fail, nothing else, and nothing be skipped without need:\n%s", r.sabotage.Name, r.sabotage.Area, table(t, report))
	}
}

// failure is the area of a failed spec and its subject, if it has one: "sync: oc1".
func failure(report conformance.SpecReport) string {
	area, rest, _ := strings.Cut(report.Name, ": ")
	if subject, _, ok := strings.Cut(rest, " on "); ok {
		return area + ": " + subject
	}
	return area
}

// kind is the area and name of a spec, without its subject.
func kind(t *testing.T, report conformance.SpecReport) string {
	t.Helper()
	for _, spec := range specs.All() {
		if spec.Area == report.Area && strings.HasSuffix(report.Name, spec.Name) {
			return spec.Area + ": " + spec.Name
		}
	}
	t.Fatalf("no spec is called %q", report.Name)
	return ""
}

// checkCoverage sees that every spec has failed and every sabotage was tried.
func checkCoverage(t *testing.T, trials []*trial) {
	t.Helper()
	for _, spec := range specs.All() {
		if slices.ContainsFunc(spec.Needs, onlyClusters) {
			continue
		}
		name := spec.Area + ": " + spec.Name
		if !slices.ContainsFunc(trials, func(r *trial) bool { return r.asShould && slices.Contains(r.specs, name) }) {
			t.Errorf("no sabotage makes this spec fail: %s", name)
		}
	}
	for _, s := range sabotage.All() {
		if s.Area == specs.AreaValidation || s.Area == specs.AreaOperator {
			continue
		}
		if !slices.ContainsFunc(trials, func(r *trial) bool { return r.sabotage.Name == s.Name && r.skipped == "" }) {
			t.Errorf("no mode has a place for this sabotage: %s", s.Name)
		}
	}
}

// onlyClusters says whether a need is one that no lab of plain nodes in virtual time meets.
func onlyClusters(n specs.Need) bool {
	return n == specs.NeedCluster || n == specs.NeedPrometheus || n == specs.NeedLoads
}

// trialTable is a line a trial.
func trialTable(trials []*trial) string {
	const row = "%-14s %-31s %-20s %-12s %6s\n"
	var text strings.Builder
	fmt.Fprintf(&text, row, "MODE", "SABOTAGE", "FAILED", "AS IT SHOULD", "TOOK")
	for _, r := range trials {
		verdict, failed := "yes", strings.Join(r.failed, ", ")
		switch {
		case r.skipped != "":
			verdict = r.skipped
		case !r.asShould:
			verdict = "NO: " + r.sabotage.Area
		}
		if failed == "" {
			failed = "-"
		}
		// Of several subjects of one area, the area is said once.
		failed = strings.ReplaceAll(failed, ", "+r.sabotage.Area+": ", ", ")
		fmt.Fprintf(&text, row, r.mode, r.sabotage.Name, failed, verdict, fmt.Sprintf("%.1f s", r.took.Seconds()))
	}
	return text.String()
}
