package soak

import (
	"encoding/csv"
	"io"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
)

// Line is a line of the file of events.
type Line struct {
	At     time.Time // when the state changed
	Type   string    // of the event, "event.sync.sync-status.os-clock-sync-state-change"
	Offset string    // ns, as the event has it; "" if it has none
	State  string    // "LOCKED"
}

// Write writes the lines as CSV without a head: timestamp, type, offset, state, and the state as a number, which is that of
// openshift_ptp_clock_state, or -1 for a state that this metric does not have.
func Write(w io.Writer, lines []Line) error {
	c := csv.NewWriter(w)
	for _, l := range lines {
		if err := c.Write([]string{l.At.UTC().Format(time.RFC3339Nano), l.Type, l.Offset, l.State, number(l.State)}); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func number(state string) string {
	for n, s := range []metrics.ClockState{metrics.FreeRun, metrics.Locked, metrics.Holdover} {
		if s.String() == state {
			return []string{"0", "1", "2"}[n]
		}
	}
	return "-1"
}
