package podlogs

import (
	"context"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Watch returns the system with a collector that looks while time passes, every so often in the system's time: a plain
// node keeps a limited number of lines. What goes wrong is told and stops nothing.
func Watch(system sut.System, c *Collector, every time.Duration, tell func(error)) sut.System {
	return &watched{System: system, collector: c, every: max(every, time.Second), tell: tell}
}

type watched struct {
	sut.System
	collector *Collector
	every     time.Duration
	slept     time.Duration // since the last look
	tell      func(error)
}

// Unwrap gives the system itself, for what else it can do.
func (w *watched) Unwrap() sut.System { return w.System }

// Sleep lets the time pass in pieces, with a look after each.
func (w *watched) Sleep(ctx context.Context, d time.Duration) error {
	for {
		piece := min(d, w.every-w.slept)
		if err := w.System.Sleep(ctx, piece); err != nil {
			return err
		}
		d -= piece
		w.slept += piece
		if w.slept >= w.every {
			w.slept = 0
			if err := w.collector.Look(ctx); err != nil && w.tell != nil {
				w.tell(err)
			}
		}
		if d <= 0 {
			return nil
		}
	}
}
