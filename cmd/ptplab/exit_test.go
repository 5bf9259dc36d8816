package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/topology"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("any"), 1},
		{&lab.DifferentError{Name: "x", What: "topology"}, 1},
		{agent.ErrGone, 1},
		{usageErrorf("x"), 2},
		{topology.Faults{{}}, 2},
		{&lab.NotFoundError{}, 2},
		{&lab.AmbiguousError{}, 2},
		{fmt.Errorf("%w: x", conformance.ErrUsage), 2},
		{agent.Errorf("usage", "no such node"), 2},
		{agent.Errorf("", "broken"), 1},
		{hostErrorf("x"), 3},
		{&image.MissingError{}, 3},
		{&image.SpaceError{}, 3},
		{&image.FetchError{}, 3},
		{&image.CompileError{}, 1},
		{verdict(conformance.Report{Failed: 1, Specs: make([]conformance.SpecReport, 2)}), 4},
		{&lab.BusyError{}, 5},
		{errors.Join(usageErrorf("x"), &lab.BusyError{}), 5},
		{exitWith(42, nil), 42},
		{exitWith(0, nil), 0},
	} {
		for _, err := range []error{c.err, wrapped(c.err), errors.Join(c.err, nil)} {
			if got := exitCode(err); got != c.want {
				t.Errorf("exit status of %#v is %d, want %d", err, got, c.want)
			}
		}
	}
}

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("around: %w", err)
}

func TestConclude(t *testing.T) {
	cause := errors.New("interrupt signal received")
	for _, c := range []struct {
		name        string
		err         error
		interrupted bool
		code        int
		want        string
	}{
		{"nothing", nil, false, 0, ""},
		{"done in time", nil, true, 0, ""},
		{"one", errors.New("boot the lab kernel: no"), false, 1, "ptplab: boot the lab kernel: no\n"},
		{"two", errors.Join(errors.New("a"), errors.Join(errors.New("b"), nil)), false, 1, "ptplab: a\nptplab: b\n"},
		{"faults", topology.Faults{{File: "f", Line: 1, Column: 2, Length: 1, Message: "bad", Source: "xy"}}, false, 2,
			"f:1:2: bad\n    1 | xy\n      |  ^\n"},
		{"interrupted", fmt.Errorf("make clocks: %w", cause), true, 130, "ptplab: interrupted\n"},
		{"interrupted by context", context.Canceled, true, 130, "ptplab: interrupted\n"},
		{"interrupted and not cleaned up", errors.Join(cause, errors.New("its processes do not go")), true, 130,
			"ptplab: interrupted\nptplab: its processes do not go\n"},
		{"a command's own status", exitWith(3, nil), false, 3, ""},
		{"nobody reads", fmt.Errorf("write: %w", syscall.EPIPE), false, 1, ""},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		if c.interrupted {
			cancel(cause)
		}
		var stderr bytes.Buffer
		a := &app{stderr: &stderr, begun: true}
		if code := a.conclude(ctx, c.err); code != c.code || stderr.String() != c.want {
			t.Errorf("%s: exit status %d, want %d; %q, want %q", c.name, code, c.code, stderr.String(), c.want)
		}
		cancel(nil)
	}
}
