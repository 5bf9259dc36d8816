package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/lab"
)

// testLimit is how long a test may take, on the wall clock.
const testLimit = time.Hour

func testCommand(a *app) *cobra.Command {
	var name string
	var timeout time.Duration
	var output formatValue
	var o conformance.Options
	var pages testPages
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the conformance suite against the lab",
		Long: `Run the conformance suite against the lab: clocks lock, time comes down the path
that the topology says, the true error stays within bounds, links fail over.` + exitNote,
		Example: `  ptplab test
  ptplab test --list
  ptplab test --focus 'bc1 .*locks' --junit report.xml
  ptplab test --html report.html
  ptplab test --label-filter 'sync || path'`,
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.inLab(name, cmd, func(ctx context.Context, l *lab.Lab) error {
				ctx, cancel := withTimeout(ctx, timeout)
				defer cancel()
				o.Progress = specWriter{a.talk}
				report, err := pages.run(ctx, l, o)
				a.talk.End("")
				return errors.Join(ended(ctx, err), a.tellTest(report, output.format))
			})
		},
	}
	labFlag(cmd, &name)
	flags := cmd.Flags()
	flags.StringArrayVar(&o.Focus, "focus", nil, "only specs whose name matches this `regexp`; may be repeated")
	flags.StringArrayVar(&o.Skip, "skip", nil, "no specs whose name matches this `regexp`; may be repeated")
	flags.StringVar(&o.LabelFilter, "label-filter", "", "only specs whose areas match this `query`")
	flags.BoolVar(&o.FailFast, "fail-fast", false, "stop at the first failure")
	flags.BoolVar(&o.DryRun, "list", false, "list the specs that would run")
	flags.StringVar(&o.JUnit, "junit", "", "write a JUnit report to this `file`")
	flags.StringVar(&o.JSON, "json", "", "write a JSON report to this `file`")
	pages.flags(cmd)
	timeoutFlag(cmd, &timeout, testLimit)
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

// tellTest prints a report. One without specs is of a suite that did not run, and its error says why.
func (a *app) tellTest(report conformance.Report, format string) error {
	if len(report.Specs) == 0 {
		return nil
	}
	var err error
	if format == "json" {
		err = writeJSON(a.stdout, report)
	} else {
		err = report.WriteTable(a.stdout)
	}
	return errors.Join(err, verdict(report))
}

// verdict is an error unless all is well.
func verdict(r conformance.Report) error {
	if r.OK() || r.Specs[0].State == conformance.Planned {
		return nil
	}
	text := fmt.Sprintf("%d of %s failed", r.Failed, plural(len(r.Specs), "spec"))
	switch {
	case r.Failed == 0 && r.NotRun == 0:
		text = "no spec could be checked here; the report says why"
	case r.NotRun > 0:
		text += fmt.Sprintf(", %d did not run", r.NotRun)
	}
	return &codeError{exitSpecs, errors.New(text)}
}

// specWriter makes steps of the suite's progress: a line without indent is a spec that begins.
type specWriter struct{ talk *talk.Talk }

func (w specWriter) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "":
		case strings.HasPrefix(line, " "):
			w.talk.Printf("%s", line)
		default:
			w.talk.Begin(line, talk.Passing)
		}
	}
	return len(p), nil
}
