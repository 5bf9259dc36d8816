//go:build lab

package system_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/specs"
)

// quickly are the suite's settings with a shorter measurement.
func quickly(measureFor time.Duration) *specs.Settings {
	s := specs.DefaultSettings()
	s.MeasureFor = measureFor
	return &s
}

// TestSuiteOnLab runs the suite on a lab of every topology that comes with ptplab, configured as the topology says. Every
// spec passes, or cannot be checked on a lab.
func TestSuiteOnLab(t *testing.T) {
	for _, test := range []struct {
		topology string
		mode     specs.Mode
	}{
		{"oc", specs.OC},
		{"bc", specs.BC},
		{"bc-slaves", specs.BC},
		{"dnbc", specs.DualNICBC},
		{"dnbc-ha", specs.DualNICBCHA},
		{"dual-follower", specs.DualFollower},
		{"external-gm", specs.BC},
		{"single-node", specs.BC},
	} {
		t.Run(test.topology, func(t *testing.T) {
			begun := time.Now()
			system, _ := boot(t, load(t, test.topology))
			booted := time.Now()
			dir := t.TempDir()
			o := conformance.Options{
				Settings: quickly(20 * time.Second), LabelFilter: "!slow",
				JUnit: filepath.Join(dir, "junit.xml"), JSON: filepath.Join(dir, "report.json"),
			}
			report, err := conformance.Run(t.Context(), system, o)
			if err != nil {
				t.Fatal(err)
			}
			checkClean(t, report)
			if report.Mode != test.mode {
				t.Errorf("mode %s, want %s", report.Mode, test.mode)
			}
			checkJSON(t, o.JSON, report)
			checkJUnit(t, o.JUnit, report)
			t.Logf("up %.1f s; %s", booted.Sub(begun).Seconds(), closing(t, report))
		})
	}
}

// checkClean sees that every spec has passed, or cannot be checked on a lab of plain nodes in virtual time.
func checkClean(t *testing.T, report conformance.Report) {
	t.Helper()
	ok := report.OK()
	for _, spec := range report.Specs {
		if spec.State == conformance.Skipped && !notOnLabs(spec) {
			t.Errorf("skipped: %s: %s", spec.Name, spec.Message)
			ok = false
		}
	}
	if !ok {
		t.Errorf("not every spec passed:\n%s", table(t, report))
	}
}

// notOnLabs says whether a spec was skipped for a reason that a lab of plain nodes in virtual time cannot help.
func notOnLabs(spec conformance.SpecReport) bool {
	if slices.ContainsFunc(spec.Labels, func(l string) bool {
		return l == "needs-cluster" || l == "needs-prometheus" || l == "needs-loads" || l == "needs-reboot"
	}) {
		return true
	}
	if spec.Area == specs.AreaSoak && strings.Contains(spec.Message, "not asked for") {
		return true
	}
	return spec.Area == specs.AreaEvents && strings.Contains(spec.Name, "1.0") // which labs do not offer
}

// checkJSON sees the report in its JSON file.
func checkJSON(t *testing.T, file string, want conformance.Report) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got conformance.Report
	reader := json.NewDecoder(bytes.NewReader(text))
	reader.DisallowUnknownFields()
	if err := reader.Decode(&got); err != nil {
		t.Fatalf("%s: %v:\n%s", file, err, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// checkJUnit sees every spec in the JUnit file, none of them failed.
func checkJUnit(t *testing.T, file string, report conformance.Report) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var junit struct {
		XMLName  xml.Name `xml:"testsuites"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Cases    []struct {
			Name   string `xml:"name,attr"`
			Status string `xml:"status,attr"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal(text, &junit); err != nil {
		t.Fatalf("%s: %v:\n%s", file, err, text)
	}
	passed := map[string]bool{} // with Ginkgo's container and labels around the name
	for _, c := range junit.Cases {
		passed[c.Name] = c.Status == "passed"
	}
	for _, spec := range report.Specs {
		if spec.State != conformance.Passed {
			continue
		}
		found := false
		for name := range passed {
			found = found || passed[name] && strings.Contains(name, spec.Name)
		}
		if !found {
			t.Errorf("%s has no passed case %q:\n%s", file, spec.Name, text)
		}
	}
	if junit.Failures != 0 || junit.Errors != 0 || len(junit.Cases) != len(report.Specs) {
		t.Errorf("%s: %d cases, %d failures, %d errors; want %d, 0, 0:\n%s", file, len(junit.Cases), junit.Failures, junit.Errors, len(report.Specs), text)
	}
}

// table is a report as people see it.
func table(t *testing.T, report conformance.Report) string {
	t.Helper()
	var text strings.Builder
	if err := report.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// closing is the last line of the table.
func closing(t *testing.T, report conformance.Report) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(table(t, report)), "\n")
	return lines[len(lines)-1]
}
