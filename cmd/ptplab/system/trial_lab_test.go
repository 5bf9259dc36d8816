//go:build lab

package system_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// trial is what came of one sabotage in one mode.
type trial struct {
	Mode     specs.Mode
	Sabotage string
	Area     string
	Skipped  string   // why it is not applicable, "" if it is
	Failed   []string // "sync: oc1", in the order of the run
	Specs    []string // "sync: locks to its time transmitter", those that failed
	AsShould bool
	Took     time.Duration // on the wall clock
}

// String is what came of it, in a line.
func (r trial) String() string {
	verdict := "failed as it should"
	switch {
	case r.Skipped != "":
		verdict = r.Skipped
	case !r.AsShould:
		verdict = "WRONG: failed are " + strings.Join(r.Failed, ", ")
	}
	return fmt.Sprintf("%-12s %-11s %-48s %5.1f s  %s", r.Mode, r.Area, r.Sabotage, r.Took.Seconds(), verdict)
}

// make sabotages a lab, runs the suite, and mends the lab, and says whether that is well again.
func (r *trial) make(t *testing.T, system sut.System, s sabotage.Sabotage) (mended bool) {
	t.Helper()
	begun := time.Now()
	defer func() { r.Took = time.Since(begun) }()
	broken, undo, err := s.Apply(t.Context(), system)
	if errors.Is(err, sabotage.ErrNotApplicable) {
		r.Skipped, r.AsShould = err.Error(), true
		return true
	}
	if err != nil {
		t.Fatalf("%s: %v", r.Sabotage, err)
	}
	report, err := conformance.Run(t.Context(), broken, conformance.Options{Settings: soaking(s), LabelFilter: "!needs-cluster"})
	if err != nil {
		t.Fatalf("%s: %v", r.Sabotage, err)
	}
	r.judge(t, report)
	if err := undo(t.Context()); err != nil {
		t.Fatalf("undo %s: %v", r.Sabotage, err)
	}
	// What does not come back shows where the clocks are looked at first.
	clean, err := conformance.Run(t.Context(), system, conformance.Options{Settings: quickly(5 * time.Second), LabelFilter: "sync || path || accuracy"})
	if err != nil {
		t.Fatalf("after %s: %v", r.Sabotage, err)
	}
	if !clean.OK() || clean.Skipped > 0 {
		t.Errorf("%s is not undone:\n%s", r.Sabotage, table(t, clean))
		return false
	}
	return true
}

// soaking are the suite's settings with short soaks. Where events are sabotaged, version 1.0 of their API is asked for: no
// lab offers it, but a spec must not believe one that says it does.
func soaking(under sabotage.Sabotage) *specs.Settings {
	s := quickly(10 * time.Second)
	if s.V1Regression = under.Area == specs.AreaEvents; s.V1Regression {
		return s
	}
	s.Soak.ClockSync = settings.SoakTest{Enable: true, Duration: time.Minute, FailureThreshold: 1}
	s.Soak.EventFile = os.DevNull
	s.Soak.CPU = settings.SoakTest{Enable: true, Duration: time.Minute, FailureThreshold: 1}
	s.Soak.CPUWindow, s.Soak.CPUNode = time.Minute, 900
	return s
}

// judge sees whether the sabotage's area failed and everything else passed. Where it fails, what needs it is skipped and
// says so.
func (r *trial) judge(t *testing.T, report conformance.Report) {
	t.Helper()
	r.AsShould = true
	for _, spec := range report.Specs {
		blamesArea := strings.HasSuffix(spec.Message, ", see "+r.Area)
		switch {
		case spec.State == conformance.Failed:
			r.Failed = append(r.Failed, failure(spec))
			r.Specs = append(r.Specs, kind(t, spec))
			r.AsShould = r.AsShould && spec.Area == r.Area
			t.Logf("%s: %s\n%s", r.Sabotage, spec.Name, spec.Message)
		case spec.State == conformance.Skipped && (blamesArea || notOnLabs(spec)):
		case spec.State != conformance.Passed:
			r.AsShould = false
		}
	}
	r.AsShould = r.AsShould && len(r.Failed) > 0
	if !r.AsShould {
		t.Errorf("under %s, %s should fail, nothing else, and nothing be skipped without need:\n%s", r.Sabotage, r.Area, table(t, report))
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
