package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance"
)

// headline is what came of a run in a few words: "1 of 11 specs failed".
func headline(r conformance.Report) string {
	total := len(r.Specs)
	if total > 0 && r.Specs[0].State == conformance.Planned {
		return count(total, "spec") + " would run"
	}
	var parts []string
	switch {
	case r.Failed > 0:
		parts = append(parts, fmt.Sprintf("%d of %s failed", r.Failed, count(total, "spec")))
	case r.Passed == total && total > 0:
		parts = append(parts, fmt.Sprintf("%s passed", count(total, "spec")))
	default:
		parts = append(parts, fmt.Sprintf("%d of %s passed", r.Passed, count(total, "spec")))
	}
	if r.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", r.Skipped))
	}
	if r.NotRun > 0 {
		parts = append(parts, fmt.Sprintf("%d not run", r.NotRun))
	}
	return strings.Join(parts, ", ")
}

// count is "1 spec", "2 specs".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// facts are those of the caller, between the mode and the times.
func facts(run Run) []Fact {
	all := []Fact{{"Mode", string(run.Report.Mode)}}
	all = append(all, run.About...)
	if !run.Report.Started.IsZero() {
		all = append(all, Fact{"Started", run.Report.Started.UTC().Format("2006-01-02 15:04:05 UTC")})
	}
	return append(all,
		Fact{"Wall time", seconds(run.Report.WallSeconds)},
		Fact{"System time", fmt.Sprintf("%s from %s", seconds(run.Report.SystemSeconds), run.Report.SystemStarted.UTC().Format("2006-01-02 15:04:05 UTC"))})
}

// mark shows a state where there is no colour.
func mark(s conformance.State) string {
	switch s {
	case conformance.Passed:
		return "✓"
	case conformance.Failed:
		return "✗"
	}
	return "–"
}

// seconds is a duration in seconds for people: "12.3 s", "5 min 4 s".
func seconds(s float64) string {
	if s < 600 {
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	return strings.TrimSuffix(time.Duration(s*float64(time.Second)).Round(time.Second).String(), "0s")
}

// nanoseconds is a time error for people, with three digits that count: "+3 ns", "−5 µs", "1.5 ms".
func nanoseconds(ns float64) string {
	unit := "ns"
	for _, larger := range []string{"µs", "ms", "s"} {
		if math.Abs(ns) < 999.5 {
			break
		}
		ns, unit = ns/1000, larger
	}
	text := strconv.FormatFloat(math.Abs(ns), 'g', 3, 64)
	if math.Abs(ns) >= 999.5 {
		text = strconv.FormatFloat(math.Abs(ns), 'f', 0, 64)
	}
	switch {
	case text == "0":
		return "0 ns"
	case ns < 0:
		return "−" + text + " " + unit
	}
	return text + " " + unit
}
