package record

import (
	"context"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// watched is a system without true error under watch.
type watched struct {
	sut.System
	recorder *Recorder
}

// Unwrap is the bare system, for what only some can do.
func (w watched) Unwrap() sut.System { return w.System }

func (w watched) Inventory(ctx context.Context) (sut.Inventory, error) {
	inv, err := w.System.Inventory(ctx)
	if err == nil {
		w.recorder.know(inv)
	}
	return inv, err
}

func (w watched) Metrics(ctx context.Context, node string) ([]byte, error) {
	w.recorder.look(ctx)
	text, err := w.System.Metrics(ctx, node)
	if at, ok := w.recorder.now(ctx); ok && err == nil {
		w.recorder.scraped(at, node, text)
	}
	return text, err
}

func (w watched) SetLink(ctx context.Context, port sut.PortRef, up bool) error {
	err := w.System.SetLink(ctx, port, up)
	if at, ok := w.recorder.now(ctx); ok && err == nil {
		w.recorder.link(at, port, up)
	}
	return err
}

// truthful is a system with true error under watch.
type truthful struct{ watched }

// TrueError measures in parts, and between them looks at the rest of the system. The samples are as many, and as far apart, as those of
// one measurement.
func (t truthful) TrueError(ctx context.Context, ports []sut.PortRef, duration, interval time.Duration) ([]sut.Series, error) {
	if interval <= 0 {
		return t.recorder.truth.TrueError(ctx, ports, duration, interval)
	}
	r := t.recorder
	var all []sut.Series
	for from := time.Duration(0); ; {
		r.look(ctx)
		part := min(partOf(duration, interval), duration-from)
		start, known := r.now(ctx)
		series, err := r.truth.TrueError(ctx, ports, part, interval)
		if err != nil {
			return nil, err
		}
		if known {
			r.sampled(start, series)
		}
		all = join(all, series, from)
		from += part.Truncate(interval) + interval
		if from > duration {
			return all, nil
		}
		if err := t.System.Sleep(ctx, interval); err != nil {
			return nil, err
		}
	}
}

// partOf is how much to measure without a look, a multiple of the interval.
func partOf(duration, interval time.Duration) time.Duration {
	return max(duration/lookLong, lookEvery).Truncate(interval)
}

// join appends series that began later.
func join(all, next []sut.Series, later time.Duration) []sut.Series {
	if all == nil {
		return next
	}
	for n := range min(len(all), len(next)) {
		for _, sample := range next[n].Samples {
			sample.At += later
			all[n].Samples = append(all[n].Samples, sample)
		}
	}
	return all
}
