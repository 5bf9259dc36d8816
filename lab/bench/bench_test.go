package main

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %g, want %g", c.values, got, c.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing is %g, want NaN", got)
	}
}

func TestExponent(t *testing.T) {
	for _, c := range []struct{ cost10, cost100, want float64 }{
		{2, 20, 1}, {2, 200, 2}, {2, 2, 0},
	} {
		if got := exponent(10, c.cost10, 100, c.cost100); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%g to %g from 10 to 100 grows with exponent %g, want %g", c.cost10, c.cost100, got, c.want)
		}
	}
}

func TestMet(t *testing.T) {
	for _, c := range []struct {
		row  Row
		want bool
	}{
		{Row{Target: 25, AtLeast: true, Values: []float64{25}}, true},
		{Row{Target: 25, AtLeast: true, Values: []float64{24.9}}, false},
		{Row{Target: 10, Values: []float64{10}}, true},
		{Row{Target: 10, Values: []float64{10.1}}, false},
		{Row{Values: []float64{7}}, true},
	} {
		c.row.finish()
		if c.row.Met != c.want {
			t.Errorf("%+v: met %v, want %v", c.row, c.row.Met, c.want)
		}
	}
}

// What is printed fits a terminal, with the names and targets of all rows there are and values of unlikely size.
func TestTableFits80Columns(t *testing.T) {
	r := Report{Machine: Machine{CPU: "A Processor", CPUs: 2, Kernel: "6.18.44"}, Repetitions: 5}
	for _, b := range benches() {
		for _, row := range b.rows {
			row.Values, row.Before, row.During = []float64{88.88, 8888, 888.8}, 8.88, 8.88
			row.finish()
			r.Rows = append(r.Rows, row)
		}
	}
	var out strings.Builder
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 81 { // with its newline
			t.Errorf("line of %d columns: %s", len(line)-1, line)
		}
	}
}

func TestRowNamesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range benches() {
		for _, r := range b.rows {
			if seen[r.Name] {
				t.Errorf("there are two rows %q", r.Name)
			}
			seen[r.Name] = true
		}
	}
}

func TestOnlyWantedRowsAreMeasured(t *testing.T) {
	ran := map[string]int{}
	fake := func(name string, fail error, rows ...string) bench {
		b := bench{name: name, once: func(context.Context, *environment) (figures, error) {
			ran[name]++
			f := figures{}
			for _, r := range rows {
				f[r] = float64(ran[name])
			}
			return f, fail
		}}
		for _, r := range rows {
			b.rows = append(b.rows, Row{Name: r, Unit: "s"})
		}
		return b
	}
	e := &environment{options: &options{rows: regexp.MustCompile("^wanted"), times: 3}, talk: io.Discard}
	broken := errors.New("no kernel")
	all := []bench{fake("a", nil, "wanted one", "other"), fake("b", nil, "another"), fake("c", broken, "wanted two"), fake("d", nil, "wanted three")}
	var report Report
	err := e.measureAll(t.Context(), all, &report)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "c: ") {
		t.Errorf("error %v, want c: %v", err, broken)
	}
	if ran["a"] != 3 || ran["b"] != 0 || ran["c"] != 1 || ran["d"] != 3 {
		t.Errorf("benches ran %v times", ran)
	}
	var names []string
	for _, r := range report.Rows {
		names = append(names, r.Name)
		if len(r.Values) != 3 || r.Median != 2 {
			t.Errorf("row %s: values %v, median %g", r.Name, r.Values, r.Median)
		}
	}
	if got := strings.Join(names, ", "); got != "wanted one, wanted three" {
		t.Errorf("rows %s", got)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-n", "0"}, {"-run", "("}, {"extra"}} {
		if _, err := parseFlags(args); err == nil {
			t.Errorf("flags %q are taken", args)
		}
	}
}

func TestMachineText(t *testing.T) {
	const cpuinfo = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Processor\n"
	if got := modelName(cpuinfo, "?"); got != "Intel(R) Xeon(R) Processor" {
		t.Errorf("CPU %q", got)
	}
	if got := modelName("processor\t: 0\n", "?"); got != "?" {
		t.Errorf("CPU %q of a machine that tells none", got)
	}
}

func TestPeakOfThisProcess(t *testing.T) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	if got := peakKB(string(text)); got < 1000 {
		t.Errorf("this process's peak is %d KiB", got)
	}
	if got := peakKB("Name:\tx\nState:\tZ (zombie)\n"); got != 0 {
		t.Errorf("a zombie's peak is %d KiB", got)
	}
}

func TestParseStat(t *testing.T) {
	const line = "29772 (uml-userspace) S 29770 29770 29770 0 -1 1077936128 37 0 0 0 16 43 0 0 20 0 1 0 551 0 0"
	if parent, ticks, ok := parseStat(line); parent != 29770 || ticks != 59 || !ok {
		t.Errorf("parent %d, %d ticks, %v", parent, ticks, ok)
	}
	if parent, ticks, ok := parseStat("7 (a) b) S 3 0 0 0 0 0 0 0 0 0 1 2 0"); parent != 3 || ticks != 3 || !ok {
		t.Errorf("name with a bracket: parent %d, %d ticks, %v", parent, ticks, ok)
	}
	if _, _, ok := parseStat("7 (a) S 3"); ok {
		t.Error("a line that is cut off is taken")
	}
}
