//go:build lab

package system_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

// soakOf are the suite's settings with a soak of some minutes; CPU use has a limit that only a hog reaches.
func soakOf(d time.Duration, events string) *specs.Settings {
	s := specs.DefaultSettings()
	s.Soak = settings.Soak{
		EventFile: events,
		ClockSync: settings.SoakTest{Enable: true, Duration: d, FailureThreshold: 1},
		CPU:       settings.SoakTest{Enable: true, Duration: d, FailureThreshold: 3},
		CPUWindow: d / 5, CPUNode: 900,
	}
	return &s
}

// TestSoakOnLab soaks labs of several topologies for minutes of their time.
func TestSoakOnLab(t *testing.T) {
	for _, topology := range []string{"oc", "dnbc"} {
		t.Run(topology, func(t *testing.T) {
			system, _ := boot(t, load(t, topology))
			file := filepath.Join(t.TempDir(), "events.csv")
			var progress strings.Builder
			begun := time.Now()
			report, err := conformance.Run(t.Context(), system, conformance.Options{LabelFilter: specs.AreaSoak, Settings: soakOf(10*time.Minute, file), Progress: &progress})
			if err != nil {
				t.Fatal(err)
			}
			if report.Failed > 0 || report.Passed < 2 {
				t.Errorf("a quiet lab fails:\n%s", table(t, report))
			}
			t.Logf("twice 10 minutes took %s\n%s%s", time.Since(begun), progress.String(), table(t, report))
			checkEventFile(t, file)
			for _, s := range report.Specs {
				if s.State == conformance.Passed && !slices.ContainsFunc(s.Attachments, func(a specs.Attachment) bool { return a.Plot != nil && len(a.Plot.Offset) > 100 }) {
					t.Errorf("%s: no plot with offsets", s.Name)
				}
			}
		})
	}
}

// checkEventFile sees five columns in each line, and a clock that became LOCKED.
func checkEventFile(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	locked := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) != 5 {
			t.Errorf("%d columns: %s", len(fields), line)
			continue
		}
		if _, err := time.Parse(time.RFC3339Nano, fields[0]); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		locked = locked || fields[3] == "LOCKED" && fields[4] == "1"
	}
	if !locked {
		t.Errorf("no event says LOCKED:\n%s", text)
	}
}

// TestCPUSoakOnLab measures CPU use in a lab in real time, as it is and with a hog.
func TestCPUSoakOnLab(t *testing.T) {
	quiet, _ := bootIn(t, load(t, "oc"), sim.Real)
	s := soakOf(10*time.Second, os.DevNull)
	s.Soak.ClockSync.Enable = false
	run := func(system sut.System) conformance.SpecReport {
		t.Helper()
		report, err := conformance.Run(t.Context(), system, conformance.Options{LabelFilter: specs.AreaSoak + " && needs-loads", Settings: s})
		if err != nil || len(report.Specs) != 1 {
			t.Fatalf("%d specs: %v", len(report.Specs), err)
		}
		t.Logf("%s", table(t, report))
		return report.Specs[0]
	}
	as := run(quiet)
	if as.State != conformance.Passed || len(as.Measurements) == 0 || as.Measurements[0].Value <= 0 || as.SystemSeconds < 12 {
		t.Errorf("as it is: %s in %g s, %v", as.State, as.SystemSeconds, as.Measurements)
	}
	for _, one := range sabotage.All() {
		if one.Name != "a program that uses a whole core" {
			continue
		}
		hogged, _, err := one.Apply(t.Context(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		if as := run(hogged); as.State != conformance.Failed || !strings.Contains(as.Message, "which fails at 3") {
			t.Errorf("with a hog: %s: %s", as.State, as.Message)
		}
		return
	}
	t.Error("there is no hog")
}
