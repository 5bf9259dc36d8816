package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/specs"
)

// drawing makes pictures of a run.
type drawing struct {
	start    time.Time // of the run, in the system's time
	specs    []conformance.SpecReport
	settings specs.Settings
	record   record.Record
	zoom     bool // only what changes
}

// at is an instant by its distance from the start.
func (d drawing) at(s float64) time.Time { return d.start.Add(time.Duration(s * float64(time.Second))) }

// view is a timeline and plots on one time axis.
type view struct {
	Title    string
	Timeline timeline
	Plots    []plot
}

// plot is the offset and the true error of one clock over time.
type plot struct {
	Title, Note string
	Height      int // px
	Axis        []tick
	Ticks       []tick
	Limits      []tick // bounds of the true error
	Faults      []bar  // links that were down
	Offset      string // SVG path data, as are the others
	TrueError   string
}

// plotHeight is that of a plot, px.
const plotHeight = 150

// views are the whole run, and the surroundings of each link fault.
func views(run Run) []view {
	if !run.Record.End.After(run.Record.Start) {
		return nil
	}
	d := drawing{start: run.Report.SystemStarted, specs: run.Report.Specs, settings: run.Settings, record: run.Record}
	if d.start.IsZero() {
		d.start = run.Record.Start
	}
	all := []view{d.view("The whole run", window{d.start, run.Record.End})}
	d.zoom = true
	for _, f := range faults(run.Record) {
		all = append(all, d.view(f.title(d.start), f.around(d.start, run.Record.End)))
	}
	return all
}

func (d drawing) view(title string, w window) view {
	v := view{Title: title, Timeline: d.timeline(w)}
	for _, c := range d.record.Clocks {
		if d.shows(c, w) {
			v.Plots = append(v.Plots, d.plot(c, w))
		}
	}
	return v
}

// shows says whether a window has something of a clock; in a close-up, whether its state changes.
func (d drawing) shows(c record.Clock, w window) bool {
	if d.zoom {
		return changes(c.State, w)
	}
	return len(c.State.Steps)+len(c.Offset.Points)+len(c.TrueError.Points) > 0
}

func (d drawing) plot(c record.Clock, w window) plot {
	offset, truth := within(c.Offset.Points, w), within(c.TrueError.Points, w)
	low, high := extremes(offset)
	lowTruth, highTruth := extremes(truth)
	limit := d.settings.TrueErrorBound
	axis := newAxis(min(low, lowTruth), max(high, highTruth), limit, plotHeight)
	p := plot{
		Title: c.String(), Height: plotHeight, Axis: axis.ticks(), Ticks: w.timeTicks(d.start),
		Limits: []tick{{At: axis.y(limit), Label: "+" + nanoseconds(limit)}, {At: axis.y(-limit), Label: nanoseconds(-limit)}},
		Offset: path(across(c.Offset.Points, w), w, axis), TrueError: path(across(c.TrueError.Points, w), w, axis),
		Note: d.note(c, offset, truth),
	}
	if axis.log {
		p.Note += fmt.Sprintf("; the axis is logarithmic beyond ±%s", nanoseconds(limit))
	}
	for _, link := range d.record.Links {
		p.Faults = append(p.Faults, d.trackBars(link, w, "up")...)
	}
	return p
}

// note tells what a plot shows in words.
func (d drawing) note(c record.Clock, offset, truth []record.Point) string {
	kind := string(c.Type) + " clock"
	if c.InSwitch {
		kind += " of the switch"
	}
	reference := "ideal time"
	if c.Against != "" {
		reference = c.Against
	}
	parts := []string{kind}
	if len(truth) > 0 {
		parts = append(parts, fmt.Sprintf("true error against %s %s", reference, rangeOf(truth)))
	}
	if len(offset) > 0 {
		parts = append(parts, "offset as ptp4l says "+rangeOf(offset))
	}
	return strings.Join(parts, "; ")
}

func rangeOf(points []record.Point) string {
	low, high := extremes(points)
	if low == high {
		return fmt.Sprintf("%s (%s)", nanoseconds(low), count(len(points), "sample"))
	}
	return fmt.Sprintf("%s to %s (%s)", nanoseconds(low), nanoseconds(high), count(len(points), "sample"))
}

// fault is a time in which a link was down.
type fault struct {
	port     string
	down, up time.Time
}

// mostFaults is how many close-ups a page has.
const mostFaults = 12

// faults lists when links went down, port by port.
func faults(r record.Record) []fault {
	var all []fault
	for _, link := range r.Links {
		for n, step := range link.Steps {
			if step.Value != "down" || len(all) == mostFaults {
				continue
			}
			f := fault{link.Name, step.At, r.End}
			if n+1 < len(link.Steps) {
				f.up = link.Steps[n+1].At
			}
			all = append(all, f)
		}
	}
	return all
}

func (f fault) title(start time.Time) string {
	return fmt.Sprintf("Link of %s down, at %s for %s", f.port, seconds(f.down.Sub(start).Seconds()), seconds(f.up.Sub(f.down).Seconds()))
}

// around is a window with half as much again before and after a fault, and at least 5 s.
func (f fault) around(start, end time.Time) window {
	margin := max(f.up.Sub(f.down)/2, 5*time.Second)
	w := window{f.down.Add(-margin), f.up.Add(2 * margin)}
	if w.from.Before(start) {
		w.from = start
	}
	if w.to.After(end) {
		w.to = end
	}
	return w
}
