package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/settings"
)

// testLimit is how long a test may take, on the wall clock.
const testLimit = time.Hour

func testCommand(a *app) *cobra.Command {
	var r testRun
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the conformance suite against the lab",
		Long: `Run the conformance suite against the lab: clocks lock, time comes down the path
that the topology says, the true error stays within bounds, links fail over, and
more. The suite tests what the lab is configured for. With --mode it finds out how the ports are
cabled, chooses ports for that mode, configures them, and restores what was there.

The settings of the suite are flags, environment variables and keys of a
configuration file; --explain lists all of them with their values.` + exitNote,
		Example: `  ptplab test
  ptplab test --mode BC --html report.html
  ptplab test --list
  ptplab test --focus 'bc1 .*locks' --junit report.xml
  ptplab test --label-filter 'sync || path'
  ptplab test --explain`,
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.Resolve(settings.Input{Flags: cmd.Flags(), LookupEnv: os.LookupEnv})
			if err != nil {
				return &codeError{exitUsage, err}
			}
			if r.explain {
				return a.explainSettings(s, r.output.format)
			}
			r.settings = s
			return a.inTarget(r.lab, s, cmd, func(ctx context.Context, t *target) error {
				ctx, cancel := withTimeout(ctx, r.timeout)
				defer cancel()
				return r.in(ctx, a, t)
			})
		},
	}
	labFlag(cmd, &r.lab)
	flags := cmd.Flags()
	flags.StringArrayVar(&r.options.Focus, "focus", nil, "only specs whose name matches this `regexp`; may be repeated")
	flags.StringArrayVar(&r.options.Skip, "skip", nil, "no specs whose name matches this `regexp`; may be repeated")
	flags.StringVar(&r.options.LabelFilter, "label-filter", "", "only specs whose labels match this `query`: areas, modes, fast, slow, needs-truth and so on")
	flags.BoolVar(&r.options.FailFast, "fail-fast", false, "stop at the first failure")
	flags.BoolVar(&r.options.DryRun, "list", false, "list the specs that would run")
	flags.BoolVar(&r.explain, "explain", false, "print the settings of the suite and where each came from, and run nothing")
	flags.StringVar(&r.options.JUnit, "junit", "", "write a JUnit report to this `file`; default $JUNIT_OUTPUT_DIR/$JUNIT_OUTPUT_FILE")
	flags.StringVar(&r.options.JSON, "json", "", "write a JSON report to this `file`")
	r.pages.flags(cmd)
	suiteFlags(cmd, "mode", "kubeconfig", "test-config", "external-gm", "skip-interfaces", "keep-ptpconfig", "max-offset", "min-offset", "test-cases", "flake-attempts")
	timeoutFlag(cmd, &r.timeout, testLimit)
	outputFlag(cmd, &r.output, "table", "json")
	return cmd
}

// explainSettings prints the effective settings.
func (a *app) explainSettings(s *settings.Settings, format string) error {
	if format == "json" {
		return s.ExplainJSON(a.stdout)
	}
	return s.Explain(a.stdout)
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
