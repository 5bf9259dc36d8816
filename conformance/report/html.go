package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/specs"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// page is what the template is given.
type page struct {
	Style    template.CSS
	Title    string
	Headline string
	State    conformance.State // passed, failed, or skipped for neither
	Facts    []Fact
	Areas    []area
	Views    []view
	Logs     []record.Log
	Notes    []string
	Bound    string
}

// WriteHTML writes a run as one HTML page that loads nothing from elsewhere.
func WriteHTML(w io.Writer, run Run) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"percent": func(p float64) string { return fmt.Sprintf("%.2f%%", p) },
		"px":      func(v float64) string { return fmt.Sprintf("%.1f", v) },
		"seconds": seconds,
		"mark":    mark,
		"below":   func(y int) int { return y + barTop },
		"lines":   func(l []string) string { return strings.Join(l, "\n") },
		"add":     func(a, b int) int { return a + b },
		"number":  number,
		"few":     func(m []specs.Measurement) []specs.Measurement { return m[:min(len(m), fewNumbers)] },
		"more":    func(m []specs.Measurement) []specs.Measurement { return m[min(len(m), fewNumbers):] },
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("page template: %w", err)
	}
	return t.Execute(w, pageOf(run))
}

// barTop is how far below the top of its row a bar begins, px: the row's name is above it.
const barTop = 16

// fewNumbers is how many of a spec's numbers are shown at once.
const fewNumbers = 4

func pageOf(run Run) page {
	p := page{
		Style: template.CSS(pageStyle), Headline: headline(run.Report), State: verdict(run.Report), Facts: facts(run),
		Areas: areas(run.Report.Specs), Views: views(run), Logs: run.Record.Logs, Bound: nanoseconds(run.Settings.TrueErrorBound),
	}
	p.Title = fmt.Sprintf("PTP conformance, mode %s: %s", run.Report.Mode, p.Headline)
	if run.Record.Missed > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s at the system had no answer; the last said: %s", count(run.Record.Missed, "look"), run.Record.LastMiss))
	}
	for _, c := range run.Record.Clocks {
		for _, t := range append([]record.Track{c.State}, c.Roles...) {
			if t.Lost > 0 {
				p.Notes = append(p.Notes, fmt.Sprintf("%s changed %s more than are drawn", t.Name, count(t.Lost, "time")))
			}
		}
	}
	return p
}

func verdict(r conformance.Report) conformance.State {
	switch {
	case r.OK():
		return conformance.Passed
	case r.Failed > 0:
		return conformance.Failed
	}
	return conformance.Skipped
}

// number is a measured value with its unit.
func number(m specs.Measurement) string {
	switch {
	case m.Unit == "ns":
		return nanoseconds(m.Value)
	case m.Unit == "s" && m.Value < 1:
		return nanoseconds(m.Value * 1e9)
	}
	return fmt.Sprintf("%.4g %s", m.Value, m.Unit)
}
