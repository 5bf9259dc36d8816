package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// bench is one thing to do that gives some figures at once.
type bench struct {
	name string
	rows []Row // with what is known before: name, unit, target
	once func(ctx context.Context, e *environment) (figures, error)
}

// figures are values by the names of their rows.
type figures map[string]float64

// measureAll measures the rows that were asked for and adds them to the report. A bench that fails has no rows, and the
// others go on.
func (e *environment) measureAll(ctx context.Context, all []bench, report *Report) error {
	var failed []error
	for _, b := range all {
		if !e.wanted(b) {
			continue
		}
		rows, err := e.measure(ctx, b)
		if ctx.Err() != nil {
			return nil // what is measured so far is reported; that it was interrupted says main
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", b.name, err))
			continue
		}
		for _, r := range rows {
			if e.rows.MatchString(r.Name) {
				report.Rows = append(report.Rows, r)
			}
		}
	}
	return errors.Join(failed...)
}

func (e *environment) wanted(b bench) bool {
	for _, r := range b.rows {
		if e.rows.MatchString(r.Name) {
			return true
		}
	}
	return false
}

// measure repeats one bench.
func (e *environment) measure(ctx context.Context, b bench) ([]Row, error) {
	rows := append([]Row(nil), b.rows...)
	before := load()
	during := before
	for i := range e.times {
		e.say("%s: %d of %d", b.name, i+1, e.times)
		begun := time.Now()
		got, err := b.once(ctx, e)
		if err != nil {
			return nil, err
		}
		during = max(during, load())
		var told []string
		for k := range rows {
			v, found := got[rows[k].Name]
			if !found {
				return nil, fmt.Errorf("row %q was not measured", rows[k].Name)
			}
			rows[k].Values = append(rows[k].Values, v)
			told = append(told, short(v)+" "+rows[k].Unit)
		}
		e.detail("%s in %.1f s: %s", b.name, time.Since(begun).Seconds(), strings.Join(told, ", "))
	}
	for k := range rows {
		rows[k].Before, rows[k].During = before, during
		rows[k].finish()
	}
	return rows, nil
}
