package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/specs"
)

// The bounds of a Markdown summary. A build server takes 1 MiB of a step.
const (
	markdownPlain    = 20 // specs; of more the areas are shown, and the specs to unfold
	markdownSpecs    = 200
	markdownFailures = 20
	markdownMessage  = 2000 // bytes
	markdownNumbers  = 2    // of a spec in the table
	markdownMeasured = 100
)

// WriteMarkdown writes a summary of a run for the page of a build: the specs, the failures with their messages, the
// numbers measured.
func WriteMarkdown(w io.Writer, run Run) error {
	var text strings.Builder
	fmt.Fprintf(&text, "## %s PTP conformance: %s\n\n", sign(verdict(run.Report)), cell(headline(run.Report)))
	var known []string
	for _, f := range facts(run) {
		known = append(known, fmt.Sprintf("%s: %s", cell(f.Name), cell(f.Value)))
	}
	text.WriteString(strings.Join(known, " · ") + "\n")
	writeFailures(&text, run.Report)
	if len(run.Report.Specs) > markdownPlain {
		writeAreas(&text, run.Report.Specs)
		text.WriteString("\n<details><summary>All specs</summary>\n")
		writeSpecs(&text, run.Report.Specs)
		text.WriteString("\n</details>\n")
	} else {
		writeSpecs(&text, run.Report.Specs)
	}
	writeNumbers(&text, run.Report.Specs)
	_, err := io.WriteString(w, text.String())
	return err
}

func sign(s conformance.State) string {
	switch s {
	case conformance.Passed:
		return "✅"
	case conformance.Failed:
		return "❌"
	}
	return "⚪"
}

func writeFailures(text *strings.Builder, r conformance.Report) {
	shown := 0
	for _, s := range r.Specs {
		if s.State != conformance.Failed {
			continue
		}
		if shown++; shown > markdownFailures {
			fmt.Fprintf(text, "\nand %s\n", count(r.Failed-markdownFailures, "further failure"))
			return
		}
		fmt.Fprintf(text, "\n**✗ %s**\n%s", cell(s.Name), fenced(shorten(s.Message, markdownMessage)))
	}
}

func writeSpecs(text *strings.Builder, all []conformance.SpecReport) {
	text.WriteString("\n| | Spec | System time | Measured |\n|---|---|--:|---|\n")
	for _, s := range all[:min(len(all), markdownSpecs)] {
		told := numbers(s.Measurements[:min(len(s.Measurements), markdownNumbers)])
		if s.State == conformance.Skipped {
			told = shorten(s.Message, 200)
		}
		state := string(s.State)
		if s.Attempts > 1 {
			state += fmt.Sprintf(" after %d attempts", s.Attempts)
		}
		fmt.Fprintf(text, "| %s %s | %s | %s | %s |\n", sign(s.State), state, cell(s.Name), seconds(s.SystemSeconds), cell(told))
	}
	if more := len(all) - markdownSpecs; more > 0 {
		fmt.Fprintf(text, "\nand %s\n", count(more, "further spec"))
	}
}

// writeAreas writes a line an area: how many of its specs came to what.
func writeAreas(text *strings.Builder, all []conformance.SpecReport) {
	text.WriteString("\n| Area | Specs | | System time |\n|---|--:|---|--:|\n")
	for _, a := range areas(all) {
		took := 0.0
		for _, r := range a.Rows {
			took += r.SystemSeconds
		}
		fmt.Fprintf(text, "| %s %s | %d | %s | %s |\n", sign(a.State), cell(a.Name), len(a.Rows), cell(a.Summary), seconds(took))
	}
}

func numbers(all []specs.Measurement) string {
	var parts []string
	for _, m := range all {
		parts = append(parts, m.Name+" "+number(m))
	}
	return strings.Join(parts, ", ")
}

// writeNumbers writes what the table of specs leaves out, to unfold.
func writeNumbers(text *strings.Builder, all []conformance.SpecReport) {
	var rows []string
	for _, s := range all {
		if len(s.Measurements) <= markdownNumbers {
			continue
		}
		for _, m := range s.Measurements {
			rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", cell(s.Name), cell(m.Name), number(m)))
		}
	}
	if len(rows) == 0 {
		return
	}
	text.WriteString("\n<details><summary>All numbers</summary>\n\n| Spec | Measured | |\n|---|---|--:|\n")
	text.WriteString(strings.Join(rows[:min(len(rows), markdownMeasured)], ""))
	if more := len(rows) - markdownMeasured; more > 0 {
		fmt.Fprintf(text, "\nand %s\n", count(more, "further number"))
	}
	text.WriteString("\n</details>\n")
}

// cell makes a text fit to stand in a table, as it is.
func cell(s string) string {
	return strings.NewReplacer("\n", " ", `\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`").Replace(s)
}

// shorten cuts a long text at a rune.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " …"
}

// fenced is a block of text as it is, whatever is in it.
func fenced(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "text\n" + strings.TrimRight(s, "\n") + "\n" + fence + "\n"
}
