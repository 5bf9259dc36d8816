//go:build lab

package system_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/specs"
)

// soakTest is a soak that no loss of sync may disturb.
func soakTest(d time.Duration) settings.SoakTest {
	return settings.SoakTest{Enable: true, Duration: d, FailureThreshold: 1}
}

// TestConformance runs the whole suite on plain nodes in every mode, which it configures itself: one lab for all modes with a
// grandmaster of their own, another with one outside the workers. Every spec passes, or cannot be checked on a lab.
func TestConformance(t *testing.T) {
	var lines strings.Builder
	fmt.Fprintf(&lines, "%-14s %-9s %6s %8s %8s %10s %8s\n", "MODE", "GM", "PASSED", "SKIPPED", "FAILED", "LAB TIME", "TOOK")
	begun := time.Now()
	for _, part := range []struct {
		topology string
		external bool
		modes    []specs.Mode
	}{
		{"dnbc", false, specs.Modes()},
		{"external-gm", true, []specs.Mode{specs.OC, specs.BC}},
	} {
		t.Run(part.topology, func(t *testing.T) {
			system, _ := boot(t, load(t, part.topology))
			for _, mode := range part.modes {
				t.Run(string(mode), func(t *testing.T) {
					begun := time.Now()
					arranged(t, system, arrange.Options{Mode: mode, Generate: ptpconfig.Options{ExternalGrandmaster: part.external}})
					bounds := specs.DefaultSettings()
					bounds.Soak.ClockSync = soakTest(2 * time.Minute)
					bounds.Soak.EventFile = filepath.Join(t.TempDir(), "events.csv")
					report, err := conformance.Run(t.Context(), system, conformance.Options{Mode: string(mode), Settings: &bounds})
					if err != nil {
						t.Fatal(err)
					}
					checkClean(t, report)
					gm := "local"
					if part.external {
						gm = "external"
					}
					fmt.Fprintf(&lines, "%-14s %-9s %6d %8d %8d %8.0f s %6.1f s\n", mode, gm, report.Passed, report.Skipped, report.Failed, report.SystemSeconds, time.Since(begun).Seconds())
				})
			}
		})
	}
	t.Logf("the suite on plain nodes\n%s%.1f s in all", lines.String(), time.Since(begun).Seconds())
}
