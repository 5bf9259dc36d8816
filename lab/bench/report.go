package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Report is all that was measured.
type Report struct {
	Machine     Machine `json:"machine"`
	Repetitions int     `json:"repetitions"`
	Rows        []Row   `json:"rows"`
}

// Row is one figure.
type Row struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit"`
	Target  float64   `json:"target,omitempty"` // 0: none
	AtLeast bool      `json:"atLeast"`          // the figure is to be at least the target, not at most
	Values  []float64 `json:"values"`           // in the order in which they were measured
	Median  float64   `json:"median"`
	Met     bool      `json:"met"` // true also where there is no target
	Before  float64   `json:"loadBefore"`
	During  float64   `json:"loadDuring"` // the highest that was seen; the benchmark itself adds about 1
}

// finish works out what follows from the values.
func (r *Row) finish() {
	r.Median = median(r.Values)
	switch {
	case r.Target == 0:
		r.Met = true
	case r.AtLeast:
		r.Met = r.Median >= r.Target
	default:
		r.Met = r.Median <= r.Target
	}
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// exponent is k where a cost grows as size^k: 1 is linear.
func exponent(size1, cost1, size2, cost2 float64) float64 {
	return math.Log(cost2/cost1) / math.Log(size2/size1)
}

// print writes the table, at most 80 columns wide.
func (r *Report) print(w io.Writer) error {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "%s, %d CPUs, Linux %s\n", m.CPU, m.CPUs, m.Kernel)
	fmt.Fprintf(&b, "load before %.2f; median of %d; load: before, and the highest during\n\n", m.Load, r.Repetitions)
	fmt.Fprintf(&b, "%-32s %7s %-4s %6s %4s  %-13s %s\n", "", "median", "", "target", "met", "min-max", "load")
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "%-32s %7s %-4s %6s %4s  %-13s %.1f %.1f\n", row.Name, short(row.Median), row.Unit,
			row.target(), row.met(), short(slices.Min(row.Values))+"-"+short(slices.Max(row.Values)), row.Before, row.During)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Row) target() string {
	switch {
	case r.Target == 0:
		return "-"
	case r.AtLeast:
		return ">=" + short(r.Target)
	}
	return "<=" + short(r.Target)
}

func (r *Row) met() string {
	switch {
	case r.Target == 0:
		return "-"
	case r.Met:
		return "yes"
	}
	return "NO"
}

// short is a figure with three digits, or more where there are more before the point.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
