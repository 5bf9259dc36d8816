package conformance

import (
	"fmt"
	"io"
	"strings"

	"github.com/ptplab/ptplab/conformance/specs"
)

// tableWidth is what a terminal shows at least.
const tableWidth = 80

// WriteTable writes a summary for people: a line a spec of at most 80 columns, what failed and what was measured below it,
// the counts at the end.
func (r Report) WriteTable(w io.Writer) error {
	var text strings.Builder
	for _, spec := range r.Specs {
		fmt.Fprintf(&text, "%-8s", spec.State)
		text.WriteString(r.row(spec))
		if spec.Attempts > 1 {
			writeWrapped(&text, fmt.Sprintf("after %d attempts", spec.Attempts))
		}
		if spec.Message != "" {
			writeWrapped(&text, spec.Message)
		}
		writeMeasurements(&text, spec.Measurements)
		for _, a := range spec.Attachments {
			if a.File != "" {
				writeWrapped(&text, a.Name+": "+a.File)
			}
		}
	}
	text.WriteString(r.closing())
	_, err := io.WriteString(w, text.String())
	return err
}

// row is the name of a spec and, unless it was only planned, how long it took.
func (r Report) row(spec SpecReport) string {
	const nameWidth = tableWidth - 8 - 9
	lines := wrap(spec.Name, nameWidth)
	took := ""
	if spec.State != Planned && spec.State != NotRun {
		took = fmt.Sprintf("%8.1f s", spec.SystemSeconds)[1:]
	}
	text := strings.TrimRight(fmt.Sprintf("%-*s%s", nameWidth, lines[0], took), " ") + "\n"
	for _, line := range lines[1:] {
		text += strings.Repeat(" ", 8) + line + "\n"
	}
	return text
}

func (r Report) closing() string {
	if len(r.Specs) > 0 && r.Specs[0].State == Planned {
		return fmt.Sprintf("mode %s: %d specs would run\n", r.Mode, len(r.Specs))
	}
	text := fmt.Sprintf("mode %s: %d passed, %d failed, %d skipped", r.Mode, r.Passed, r.Failed, r.Skipped)
	if r.NotRun > 0 {
		text += fmt.Sprintf(", %d not run", r.NotRun)
	}
	return text + fmt.Sprintf("; %.1f s of its time in %.1f s\n", r.SystemSeconds, r.WallSeconds)
}

// tableMeasurements is how many numbers of one spec are shown; the JSON report has them all.
const tableMeasurements = 6

func writeMeasurements(text *strings.Builder, all []specs.Measurement) {
	for _, m := range all[:min(len(all), tableMeasurements)] {
		writeWrapped(text, m.String())
	}
	if more := len(all) - tableMeasurements; more > 0 {
		writeWrapped(text, fmt.Sprintf("and %d more numbers", more))
	}
}

// writeWrapped writes a text of any length, indented.
func writeWrapped(text *strings.Builder, message string) {
	const indent = "          "
	for _, paragraph := range strings.Split(message, "\n") {
		for _, line := range wrap(paragraph, tableWidth-len(indent)) {
			text.WriteString(indent + line + "\n")
		}
	}
}

// wrap breaks a text between words; a word longer than the width stays whole.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := lines[len(lines)-1]
		switch {
		case last == "":
			lines[len(lines)-1] = word
		case len(last)+1+len(word) <= width:
			lines[len(lines)-1] = last + " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
