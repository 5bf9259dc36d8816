package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/record"
)

// rowHeight is that of a row of a timeline with its title, px.
const rowHeight = 32

// timeline shows what was the case when, in rows on one time axis.
type timeline struct {
	Rows   []row
	Ticks  []tick
	Cuts   []float64 // where specs begin, percent
	Height int       // px
}

// row is one thing over time.
type row struct {
	Name string
	Y    int // of its top, px
	Bars []bar
}

// bar is a time in which something was the case.
type bar struct {
	X, Width float64 // percent
	Class    string  // "passed", "LOCKED", "down"
	Title    string
}

// bar cuts a time to a window; ok says whether there is anything of it.
func (w window) bar(from, to time.Time, class, title string) (b bar, ok bool) {
	x, end := w.percent(from), w.percent(to)
	return bar{x, end - x, class, title}, !to.Before(w.from) && !from.After(w.to)
}

// mostCuts is how many lines between specs are still of use.
const mostCuts = 24

// timeline draws a window: specs, links that went down, states of clocks, roles of ports that changed.
func (d drawing) timeline(w window) timeline {
	t := timeline{Ticks: w.timeTicks(d.start)}
	t.add("Specs", d.specBars(w))
	for _, b := range d.specBars(w) {
		if b.X > 0 {
			t.Cuts = append(t.Cuts, b.X)
		}
	}
	if len(t.Cuts) > mostCuts {
		t.Cuts = nil // they would hatch the drawing
	}
	for _, link := range d.record.Links {
		if bars := d.trackBars(link, w, "up"); len(bars) > 0 {
			t.add("Link of "+link.Name+" down", bars)
		}
	}
	for _, row := range d.noteRows(w) {
		t.add(row.Name, row.Bars)
	}
	for _, c := range d.record.Clocks {
		if d.shows(c, w) {
			t.add("State of "+c.String(), d.trackBars(c.State, w, ""))
		}
	}
	for _, c := range d.record.Clocks {
		for _, role := range c.Roles {
			if changes(role, w) {
				t.add("Role of "+role.Name, d.trackBars(role, w, ""))
			}
		}
	}
	t.Height = rowHeight * len(t.Rows)
	return t
}

func (t *timeline) add(name string, bars []bar) {
	t.Rows = append(t.Rows, row{name, rowHeight * len(t.Rows), bars})
}

// markWidth is how wide the mark of an instant is, percent.
const markWidth = 0.25

// noteRows are what the specs have noted, a row a node.
func (d drawing) noteRows(w window) []row {
	var rows []row
	index := map[string]int{}
	for _, s := range d.specs {
		for _, n := range s.Notes {
			b, ok := w.bar(n.At, n.At, noteClass(n.Text), fmt.Sprintf("%s: %s, at %s", n.Node, n.Text, seconds(n.At.Sub(d.start).Seconds())))
			if !ok {
				continue
			}
			b.Width, b.X = markWidth, min(b.X, 100-markWidth)
			at, known := index[n.Node]
			if !known {
				at = len(rows)
				index[n.Node] = at
				rows = append(rows, row{Name: strings.TrimSpace("Events of " + cmp.Or(n.Node, "the system"))})
			}
			rows[at].Bars = append(rows[at].Bars, b)
		}
	}
	return rows
}

// noteClass colours a note by the state that it tells, if it does.
func noteClass(text string) string {
	for _, state := range []string{"FREERUN", "HOLDOVER", "LOCKED", "FAULTY"} {
		if strings.Contains(text, state) {
			return state
		}
	}
	return "note"
}

// specBars are the specs that ran.
func (d drawing) specBars(w window) []bar {
	var bars []bar
	for _, s := range d.specs {
		if s.State == conformance.NotRun || s.State == conformance.Planned {
			continue
		}
		from := d.at(s.StartSeconds)
		to := d.at(s.StartSeconds + s.SystemSeconds)
		title := fmt.Sprintf("%s: %s, at %s for %s", s.Name, s.State, seconds(s.StartSeconds), seconds(s.SystemSeconds))
		if b, ok := w.bar(from, to, string(s.State), title); ok {
			bars = append(bars, b)
		}
	}
	return bars
}

// trackBars are the times in which a track had a value, but for the one value to leave out.
func (d drawing) trackBars(t record.Track, w window, leaveOut string) []bar {
	var bars []bar
	for n, step := range t.Steps {
		end := d.record.End
		if n+1 < len(t.Steps) {
			end = t.Steps[n+1].At
		}
		if step.Value == leaveOut {
			continue
		}
		title := fmt.Sprintf("%s: %s, at %s for %s", t.Name, step.Value, seconds(step.At.Sub(d.start).Seconds()), seconds(end.Sub(step.At).Seconds()))
		if b, ok := w.bar(step.At, end, step.Value, title); ok {
			bars = append(bars, b)
		}
	}
	return bars
}

// changes says whether a track takes another value within a window.
func changes(t record.Track, w window) bool {
	for n, step := range t.Steps {
		if n > 0 && step.At.After(w.from) && step.At.Before(w.to) {
			return true
		}
	}
	return false
}
