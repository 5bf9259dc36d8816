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
	d := drawing{start: run.Report.SystemStarted, specs: run.Report.Specs, settings: run.Settings, record: run.Record}
	if d.start.IsZero() {
		d.start = run.Record.Start
	}
	var all []view
	recorded := run.Record.End.After(run.Record.Start)
	if recorded {
		all = append(all, d.view("The whole run", window{d.start, run.Record.End}))
	}
	for _, s := range run.Report.Specs {
		if v, ok := d.specView(s); ok {
			all = append(all, v)
		}
	}
	if !recorded {
		return all
	}
	d.zoom = true
	for _, f := range faults(run.Record) {
		all = append(all, d.view(f.title(d.start), f.around(d.start, run.Record.End)))
	}
	return all
}

// specView shows a spec that has left plots, over its own time.
func (d drawing) specView(s conformance.SpecReport) (v view, ok bool) {
	w := window{d.at(s.StartSeconds), d.at(s.StartSeconds + s.SystemSeconds)}
	if !w.to.After(w.from) {
		return v, false
	}
	for _, a := range s.Attachments {
		if a.Plot != nil && len(a.Plot.Offset)+len(a.Plot.TrueError) > 0 {
			v.Plots = append(v.Plots, d.attached(*a.Plot, w))
		}
	}
	if len(v.Plots) == 0 {
		return v, false
	}
	d.zoom = true
	v.Title, v.Timeline = s.Name, d.timeline(w)
	return v, true
}

// attached draws a plot that a spec has left.
func (d drawing) attached(p specs.Plot, w window) plot {
	c := record.Clock{Against: "its grandmaster"}
	for _, one := range p.Offset {
		c.Offset.Points = append(c.Offset.Points, record.Point{At: one.At, NS: one.NS})
	}
	for _, one := range p.TrueError {
		c.TrueError.Points = append(c.TrueError.Points, record.Point{At: one.At, NS: one.NS})
	}
	low, high, limits := p.Low, p.High, "bounds of the offset"
	if p.Bound > 0 {
		low, high, limits = -p.Bound, p.Bound, "bounds of the true error"
	}
	drawn := d.curves(c, w, low, high)
	drawn.Title = p.Clock
	for _, l := range p.Losses {
		title := fmt.Sprintf("%s lost its sync, at %s for %s: %s", p.Clock, seconds(l.From.Sub(d.start).Seconds()), seconds(l.Until.Sub(l.From).Seconds()), l.State)
		if b, ok := w.bar(l.From, l.Until, l.State, title); ok {
			drawn.Faults = append(drawn.Faults, b)
		}
	}
	if len(p.Losses) > 0 {
		drawn.Note += "; sync lost " + count(len(p.Losses), "time")
	}
	drawn.Note += "; " + limits + " are drawn"
	return drawn
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
	p := d.curves(c, w, -d.settings.TrueErrorBound, d.settings.TrueErrorBound)
	p.Title = c.String()
	for _, link := range d.record.Links {
		p.Faults = append(p.Faults, d.trackBars(link, w, "up")...)
	}
	return p
}

// curves draws offsets and true errors with two bounds.
func (d drawing) curves(c record.Clock, w window, least, most float64) plot {
	offset, truth := within(c.Offset.Points, w), within(c.TrueError.Points, w)
	low, high := extremes(offset)
	lowTruth, highTruth := extremes(truth)
	limit := max(-least, most)
	axis := newAxis(min(low, lowTruth), max(high, highTruth), limit, plotHeight)
	p := plot{
		Height: plotHeight, Axis: axis.ticks(), Ticks: w.timeTicks(d.start),
		Limits: []tick{{At: axis.y(most), Label: signed(most)}, {At: axis.y(least), Label: signed(least)}},
		Offset: path(across(c.Offset.Points, w), w, axis), TrueError: path(across(c.TrueError.Points, w), w, axis),
		Note: d.note(c, offset, truth),
	}
	if axis.log {
		p.Note += fmt.Sprintf("; the axis is logarithmic beyond ±%s", nanoseconds(limit))
	}
	return p
}

// signed is a bound with its sign.
func signed(ns float64) string {
	if ns > 0 {
		return "+" + nanoseconds(ns)
	}
	return nanoseconds(ns)
}

// note tells what a plot shows in words.
func (d drawing) note(c record.Clock, offset, truth []record.Point) string {
	var parts []string
	if c.Type != "" {
		kind := string(c.Type) + " clock"
		if c.InSwitch {
			kind += " of the switch"
		}
		parts = append(parts, kind)
	}
	reference := "ideal time"
	if c.Against != "" {
		reference = c.Against
	}
	if len(truth) > 0 {
		parts = append(parts, fmt.Sprintf("true error against %s %s", reference, rangeOf(truth)))
	}
	if len(offset) > 0 {
		program := "ptp4l"
		if c.Type == "" {
			program = "its program"
		}
		parts = append(parts, "offset as "+program+" says "+rangeOf(offset))
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
