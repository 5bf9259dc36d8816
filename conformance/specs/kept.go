package specs

import (
	"context"
	"fmt"
	"time"
)

// Note is something that happened in the system during a check, for the timeline of the reports: an event that came, a program that
// restarted.
type Note struct {
	At   time.Time `json:"at"`             // in the system's time
	Node string    `json:"node,omitempty"` // "" for the system as a whole
	Text string    `json:"text"`           // "os-clock-sync-state: CLOCK_REALTIME LOCKED -7"
}

// Attachment is something that a check leaves beside its verdict: a file, a plot, or both.
type Attachment struct {
	Name string `json:"name"`           // "events"
	File string `json:"file,omitempty"` // path on this machine
	Plot *Plot  `json:"plot,omitempty"`
}

// Plot is the time error of one clock over a check.
type Plot struct {
	Clock     string      `json:"clock"`               // "oc1 on w1"
	Low       float64     `json:"low"`                 // the smallest offset that was accepted, ns
	High      float64     `json:"high"`                // the largest, ns
	Bound     float64     `json:"bound,omitempty"`     // of |true error|, ns; 0 where it is not known
	Offset    []PlotPoint `json:"offset,omitempty"`    // as its program measures it
	TrueError []PlotPoint `json:"trueError,omitempty"` // against its grandmaster
	Losses    []PlotLoss  `json:"losses,omitempty"`    // of sync
}

// PlotPoint is a time error at a time.
type PlotPoint struct {
	At time.Time `json:"at"` // in the system's time
	NS float64   `json:"ns"`
}

// PlotLoss is a time without sync.
type PlotLoss struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	State string    `json:"state"` // "HOLDOVER"
}

// progress tells how far a check is.
func (t *Test) progress(format string, args ...any) {
	if t.Progress != nil {
		t.Progress(format, args...)
	}
}

// note keeps something that happened for the timeline.
func (t *Test) note(at time.Time, node, format string, args ...any) {
	if t.Noted != nil {
		t.Noted(Note{at, node, fmt.Sprintf(format, args...)})
	}
}

// attach keeps something beside the verdict.
func (t *Test) attach(a Attachment) {
	if t.Attached != nil {
		t.Attached(a)
	}
}

// areaKey is the key of the area in a context.
type areaKey struct{}

// InArea says in a context for which area of specs a system is being asked. Sabotages that are for one area alone look for it.
func InArea(ctx context.Context, area string) context.Context {
	return context.WithValue(ctx, areaKey{}, area)
}

// AreaOf is the area of specs for which a system is being asked; "" if nobody said.
func AreaOf(ctx context.Context) string {
	area, _ := ctx.Value(areaKey{}).(string)
	return area
}
