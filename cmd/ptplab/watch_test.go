package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/lab"
)

func TestWatchAppends(t *testing.T) {
	for format, want := range map[string]string{"table": "lab dnbc, engine sim", "json": `"name": "dnbc"`, "yaml": "name: dnbc\n"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("interrupt")
		var out bytes.Buffer
		var firsts []bool
		w := &watcher{every: time.Millisecond, format: format, out: &out, next: func(_ context.Context, first bool) (*lab.Status, error) {
			firsts = append(firsts, first)
			switch len(firsts) {
			case 2:
				cancel(stop)
				return nil, &lab.BusyError{Lab: "dnbc", Holder: "ptplab link"}
			case 3:
				t.Error("it went on after the end")
			}
			return canned(), nil
		}}
		if err := w.run(ctx); exitCode(err) != exitInterrupted || err.Error() != "" {
			t.Errorf("%s: %v", format, err)
		}
		if !cmp.Equal(firsts, []bool{true, false}) {
			t.Errorf("%s: looks %v", format, firsts)
		}
		if n := strings.Count(out.String(), want); n != 1 {
			t.Errorf("%s: printed %d times, want once: %s", format, n, out.String())
		}
	}
}

func TestWatchEndsWithTheLab(t *testing.T) {
	gone := errors.New("lab dnbc does not run")
	for _, err := range []error{gone, &lab.BusyError{}} {
		w := &watcher{every: time.Millisecond, out: &bytes.Buffer{}, next: func(context.Context, bool) (*lab.Status, error) { return nil, err }}
		if got := w.run(t.Context()); !errors.Is(got, err) {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}

func TestPage(t *testing.T) {
	const head, end = "\x1b[H", "\x1b[K\x1b[J"
	for _, c := range []struct {
		text string
		rows int
		want string
	}{
		{"a\nb\n", 24, "a\x1b[K\r\nb"},
		{"a\nb\nc\n", 3, "a\x1b[K\r\nb\x1b[K\r\nc"},
		{"a\nb\nc\nd\n", 3, "a\x1b[K\r\nb\x1b[K\r\n(2 more lines)"},
	} {
		if got := page(c.text, c.rows); got != head+c.want+end {
			t.Errorf("page(%q, %d) = %q", c.text, c.rows, got)
		}
	}
}

func lines(node string, texts ...string) []lab.LogLine {
	var all []lab.LogLine
	for _, text := range texts {
		all = append(all, lab.LogLine{Node: node, Text: text})
	}
	return all
}

func TestOverlap(t *testing.T) {
	var o overlap
	if o.begun() {
		t.Error("a new overlap has begun")
	}
	for i, c := range []struct{ in, want []lab.LogLine }{
		{append(lines("w1", "a", "b"), lines("w2", "x")...), append(lines("w1", "a", "b"), lines("w2", "x")...)},
		{append(lines("w1", "a", "b"), lines("w2", "x")...), nil},
		{append(lines("w2", "x", "y"), lines("w1", "a", "b", "b")...), append(lines("w2", "y"), lines("w1", "b")...)},
		{append(lines("w1", "b", "b", "c"), lines("w2", "y", "z")...), append(lines("w1", "b", "b", "c"), lines("w2", "y", "z")...)}, // what was known is forgotten
		{append(lines("w1", "b", "b", "c", "d"), lines("w3", "new")...), append(lines("w1", "d"), lines("w3", "new")...)},
	} {
		if diff := cmp.Diff(c.want, o.news(c.in)); diff != "" {
			t.Errorf("look %d (-want +got):\n%s", i, diff)
		}
	}
	if !o.begun() {
		t.Error("it has not begun")
	}
}

func TestOverlapOfManyLines(t *testing.T) {
	var o overlap
	var all []string
	for range 200 {
		all = append(all, strings.Repeat("x", len(all)))
	}
	o.news(lines("w1", all...))
	fresh := o.news(lines("w1", append(all[100:], "new")...)) // the older half has gone
	if len(fresh) != 1 || fresh[0].Text != "new" {
		t.Errorf("%d lines are new, want 1", len(fresh))
	}
}
