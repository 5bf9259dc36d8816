package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/topology"
)

// app is what all commands share: the streams, and how much to say.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	quiet, verbose bool
	talk           *talk.Talk   // progress and hints, on stderr; silent with -q
	log            *slog.Logger // for -v
	begun          bool         // the command line was understood
}

// begin is called once the flags are known.
func (a *app) begin() {
	a.begun = true
	if !a.quiet {
		a.talk = talk.New(a.stderr)
	}
	if a.verbose {
		a.log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// logger takes what libraries have to say; without -v, nobody reads it.
func (a *app) logger() *slog.Logger {
	if a.log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.log
}

// open locks a lab for a command; with no name, the only one there is.
func (a *app) open(name, command string) (*lab.Lab, error) {
	if name != "" {
		if err := topology.CheckLabName(name); err != nil {
			return nil, usageErrorf("--lab %s: %w", name, err)
		}
	}
	home, err := lab.DefaultHome()
	if err != nil {
		return nil, err
	}
	return lab.Open(home, name, command)
}

// inLab opens a lab for as long as a function needs it.
func (a *app) inLab(name string, cmd *cobra.Command, do func(context.Context, *lab.Lab) error) error {
	l, err := a.open(name, cmd.Name())
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), l), l.Close())
}

// withTimeout is a context that ends after d, with an error that says so; d 0 means never.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("not done after %s (--timeout)", d))
}

// labFlag adds --lab, which completes to the labs that there are.
func labFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "lab", "", "`name` of the lab; may be left out if there is only one")
	if err := cmd.RegisterFlagCompletionFunc("lab", completeLabs); err != nil {
		panic(err) // the flag above is there
	}
}

// timeoutFlag adds --timeout.
func timeoutFlag(cmd *cobra.Command, d *time.Duration, standard time.Duration) {
	cmd.Flags().DurationVar(d, "timeout", standard, "give up after this `time` on the wall clock; 0 means never")
}
