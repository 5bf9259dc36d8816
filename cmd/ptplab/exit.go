package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/cluster"
	"github.com/ptplab/ptplab/conformance/solver"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/topology"
)

// The exit statuses of ptplab.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // bad usage or topology
	exitHost        = 3 // this machine, or the cluster, is not ready
	exitSpecs       = 4 // specs failed
	exitBusy        = 5 // another command works on the lab
	exitInterrupted = 130
)

// codeError is an error with the exit status that it asks for.
type codeError struct {
	code int
	err  error // nil: say nothing
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// usageErrorf is an error in the command line.
func usageErrorf(format string, args ...any) error {
	return &codeError{exitUsage, fmt.Errorf(format, args...)}
}

// hostErrorf is an error of this machine, or of what this version of ptplab can do on it.
func hostErrorf(format string, args ...any) error {
	return &codeError{exitHost, fmt.Errorf(format, args...)}
}

// exitCode is the status that an error asks for.
func exitCode(err error) int {
	var code *codeError
	switch {
	case err == nil:
		return exitOK
	case is[*lab.BusyError](err):
		return exitBusy
	case errors.As(err, &code):
		return code.code
	case is[*lab.RoomError](err), is[*image.MissingError](err), is[*image.SpaceError](err), is[*image.FetchError](err),
		is[*cluster.NotReadyError](err), is[*cluster.AccessError](err), is[*arrange.NoPortsError](err):
		return exitHost
	case is[topology.Faults](err), is[*lab.NotFoundError](err), is[*lab.AmbiguousError](err),
		is[*cluster.ConfigError](err), is[*solver.Unsolvable](err), errors.Is(err, conformance.ErrUsage), agent.KindOf(err) == "usage":
		return exitUsage
	}
	return exitFailed
}

// is says whether there is an error of a type in the chain.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// conclude prints an error, once, and returns the exit status of the command.
func (a *app) conclude(ctx context.Context, err error) int {
	code := exitCode(err)
	if !a.begun && code == exitFailed {
		code = exitUsage // cobra did not understand the command line
	}
	if err != nil && err.Error() != "" && ctx.Err() != nil {
		code = exitInterrupted
		err = errors.Join(errors.New("interrupted"), besides(err, ctx))
	}
	for _, part := range parts(err) {
		a.printError(part)
	}
	return code
}

// printError prints one error. Faults of a topology say where they are.
func (a *app) printError(err error) {
	text := strings.TrimRight(err.Error(), "\n")
	switch {
	case text == "", errors.Is(err, syscall.EPIPE):
	case is[topology.Faults](err):
		fmt.Fprintln(a.stderr, text)
	default:
		fmt.Fprintln(a.stderr, a.fitted("ptplab: "+text))
	}
}

// fitted breaks long lines between words where a person reads them on a terminal. Programs get them whole.
func (a *app) fitted(text string) string {
	if f, ok := a.stderr.(*os.File); !ok || !isTerminal(f) {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(line) > lineWidth && !strings.HasPrefix(line, " ") {
			lines[i] = strings.Join(wrap(line, lineWidth-2), "\n  ")
		}
	}
	return strings.Join(lines, "\n")
}

// parts are the errors that have been joined to one.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || err.Error() != errors.Join(joined.Unwrap()...).Error() { // or it has words of its own
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, parts(one)...)
	}
	return all
}

// besides is what is left of an error without the parts that only say that the context has ended.
func besides(err error, ctx context.Context) error {
	var rest []error
	for _, part := range parts(err) {
		if !errors.Is(part, context.Cause(ctx)) && !errors.Is(part, ctx.Err()) {
			rest = append(rest, part)
		}
	}
	return errors.Join(rest...)
}
