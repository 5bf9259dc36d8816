//go:build lab

package system_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// clocksFilter selects the areas of what clocks do.
var clocksFilter = strings.Join([]string{specs.AreaSync, specs.AreaPath, specs.AreaProfiles, specs.AreaClockClass, specs.AreaFailover, specs.AreaOutage}, " || ")

// TestClocksAsFound runs the specs of what clocks do on labs as their topology configures them.
func TestClocksAsFound(t *testing.T) {
	for _, topology := range []string{"oc", "dual-follower", "bc-slaves", "dnbc", "dnbc-ha"} {
		t.Run(topology, func(t *testing.T) {
			system, _ := boot(t, load(t, topology))
			runClocks(t, system, specs.DefaultSettings())
		})
	}
}

// TestClocksInEveryMode runs them on one lab, brought into every mode.
func TestClocksInEveryMode(t *testing.T) {
	system, _ := boot(t, load(t, "dnbc"))
	for _, mode := range specs.Modes() {
		t.Run(string(mode), func(t *testing.T) {
			arranged(t, system, arrange.Options{Mode: mode})
			runClocks(t, system, specs.DefaultSettings())
		})
	}
}

// runClocks sees every spec pass, and that the lab has its objects afterwards.
func runClocks(t *testing.T, system sut.System, settings specs.Settings) conformance.Report {
	t.Helper()
	configurer, _ := sut.As[sut.Configurer](system)
	before, err := configurer.Configs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	report, err := conformance.Run(t.Context(), system, conformance.Options{LabelFilter: clocksFilter, Settings: &settings})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() || report.Skipped > 0 {
		t.Errorf("not every spec passed:\n%s", table(t, report))
	}
	var took strings.Builder
	for _, spec := range report.Specs {
		fmt.Fprintf(&took, "%6.1f s %5.2f s  %s\n", spec.SystemSeconds, spec.WallSeconds, spec.Name)
	}
	t.Logf("mode %s: %.1f s of its time in %.1f s\n%s", report.Mode, report.SystemSeconds, time.Since(begun).Seconds(), took.String())
	after, err := configurer.Configs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(before) {
		t.Errorf("%d PtpConfigs after the run, %d before", len(after), len(before))
	}
	return report
}
