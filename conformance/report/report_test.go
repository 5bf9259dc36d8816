package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/report"
	"github.com/ptplab/ptplab/conformance/specs"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func html(t *testing.T, run report.Run) string {
	t.Helper()
	var text strings.Builder
	if err := report.WriteHTML(&text, run); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func markdown(t *testing.T, run report.Run) string {
	t.Helper()
	var text strings.Builder
	if err := report.WriteMarkdown(&text, run); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestHTML(t *testing.T) { golden(t, "page.html", html(t, canned())) }

func TestMarkdown(t *testing.T) { golden(t, "summary.md", markdown(t, canned())) }

func TestPageLoadsNothing(t *testing.T) {
	text := html(t, canned())
	loads := regexp.MustCompile(`(?i)(src\s*=|url\(|@import|https?://|<script|<link[^>]*href="[^d#]|href="[^d#])`)
	if found := loads.FindString(text); found != "" {
		t.Errorf("the page has %q", found)
	}
	for _, broken := range []string{"ZgotmplZ", "NaN", "Inf%", "<no value>"} {
		if strings.Contains(text, broken) {
			t.Errorf("the page has %q", broken)
		}
	}
}

func TestPageWithoutRecord(t *testing.T) {
	run := canned()
	run.Record.Clocks, run.Record.Links, run.Record.Logs, run.Record.End = nil, nil, nil, run.Record.Start
	text := html(t, run)
	if strings.Contains(text, "<svg") || !strings.Contains(text, "1 of 4 specs failed") {
		t.Errorf("page:\n%s", text)
	}
}

func TestHeadlines(t *testing.T) {
	for _, c := range []struct {
		states []conformance.State
		want   string
	}{
		{[]conformance.State{"passed", "passed"}, "✅ PTP conformance: 2 specs passed"},
		{[]conformance.State{"passed"}, "✅ PTP conformance: 1 spec passed"},
		{[]conformance.State{"passed", "skipped"}, "✅ PTP conformance: 1 of 2 specs passed, 1 skipped"},
		{[]conformance.State{"passed", "failed", "not run"}, "❌ PTP conformance: 1 of 3 specs failed, 1 not run"},
		{[]conformance.State{"skipped"}, "⚪ PTP conformance: 0 of 1 spec passed, 1 skipped"},
		{[]conformance.State{"planned", "planned"}, "⚪ PTP conformance: 2 specs would run"},
	} {
		var run report.Run
		for _, s := range c.states {
			run.Report.Specs = append(run.Report.Specs, conformance.SpecReport{State: s})
			switch s {
			case conformance.Passed:
				run.Report.Passed++
			case conformance.Failed:
				run.Report.Failed++
			case conformance.Skipped:
				run.Report.Skipped++
			case conformance.NotRun:
				run.Report.NotRun++
			}
		}
		if got, _, _ := strings.Cut(markdown(t, run), "\n"); got != "## "+c.want {
			t.Errorf("%v: got %q, want %q", c.states, got, c.want)
		}
	}
}

func TestMarkdownStaysShort(t *testing.T) {
	run := canned()
	failed := run.Report.Specs[1]
	failed.Message = strings.Repeat("``` é", 100_000)
	for range 5000 {
		run.Report.Specs = append(run.Report.Specs, failed)
		run.Report.Failed++
	}
	text := markdown(t, run)
	if len(text) > 200_000 {
		t.Errorf("%d bytes", len(text))
	}
	for _, want := range []string{"and 4981 further failures", "and 4804 further specs", "further numbers", "\n````text\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestManySpecs sees areas in the order of the run, in the page and in the summary, and that retries show.
func TestManySpecs(t *testing.T) {
	run := many(4)
	page, summary := html(t, run), markdown(t, run)
	for name, text := range map[string]string{"page": page, "summary": summary} {
		last := -1
		for _, area := range []string{specs.AreaValidation, specs.AreaSync, specs.AreaMetrics, specs.AreaEvents, specs.AreaFailover, specs.AreaSecurity, specs.AreaSoak} {
			mark := `id="area-` + area + `"`
			if name == "summary" {
				mark = " " + area + " | "
			}
			at := strings.Index(text, mark)
			if at <= last {
				t.Errorf("%s: area %s is at %d, the one before at %d", name, area, at, last)
			}
			last = at
		}
		if n := strings.Count(text, "after 2 attempts"); n != 1 {
			t.Errorf("%s: %d specs took 2 attempts", name, n)
		}
	}
	if n := strings.Count(page, `<tr id="spec-`); n != len(run.Report.Specs) {
		t.Errorf("%d rows for %d specs", n, len(run.Report.Specs))
	}
	if !strings.Contains(summary, "<summary>All specs</summary>") || strings.Contains(markdown(t, canned()), "All specs") {
		t.Error("many specs are to unfold, few are not")
	}
}

// TestSoakView sees what a soak has left: its file, its curves, its losses and the events on one axis; also where nothing was recorded.
func TestSoakView(t *testing.T) {
	run := many(1)
	for range 2 {
		page := html(t, run)
		for _, want := range []string{
			"<h2>soak: the clocks keep their sync</h2>", "<code>event-output.csv</code>", "Events of w1", "Events of the system",
			"the OS clock of w1 lost its sync, at 38.0 s for 3.0 s: FREERUN", "sync lost 2 times; bounds of the offset are drawn",
			"CLOCK_REALTIME FREERUN, at 38.0 s", "true error against its grandmaster", `class="HOLDOVER"`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		for _, broken := range []string{"ZgotmplZ", "NaN", "<no value>"} {
			if strings.Contains(page, broken) {
				t.Errorf("the page has %q", broken)
			}
		}
		run.Record = record.Record{}
	}
}
