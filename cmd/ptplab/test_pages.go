package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/conformance"
	runs "github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/report"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
)

// stepSummary names the file to which a step of a GitHub workflow appends what its page should show.
const stepSummary = "GITHUB_STEP_SUMMARY"

// pageTime is how long, on the wall clock, a lab may take to tell its logs and versions.
const pageTime = 30 * time.Second

// testPages are the reports of a test for people.
type testPages struct {
	html, markdown string // files; empty for none
}

func (p *testPages) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.html, "html", "", "write a page with plots, timeline and logs to this `file`")
	cmd.Flags().StringVar(&p.markdown, "markdown", "", "write a Markdown summary to this `file`; default $"+stepSummary)
}

// run runs the suite and writes the pages. Whatever came of the run, they tell it.
func (p testPages) run(ctx context.Context, l *lab.Lab, o conformance.Options) (conformance.Report, error) {
	if p.markdown == "" && !o.DryRun {
		p.markdown = os.Getenv(stepSummary)
	}
	var tested sut.System = system.New(l, l.Plan)
	recorder := runs.New(tested)
	if p.html != "" {
		tested = recorder.System()
	}
	result, err := conformance.Run(ctx, tested, o)
	if len(result.Specs) == 0 || p.html+p.markdown == "" {
		return result, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageTime)
	defer cancel()
	recorder.KeepLogs(ctx)
	run := report.Run{Report: result, Settings: specs.DefaultSettings(), Record: recorder.Record(), About: about(ctx, l, tested)}
	if o.Settings != nil {
		run.Settings = *o.Settings
	}
	return result, errors.Join(err, p.write(run))
}

func (p testPages) write(run report.Run) error {
	mode := os.O_TRUNC
	if p.markdown == os.Getenv(stepSummary) {
		mode = os.O_APPEND // other commands of the step write there too
	}
	return errors.Join(
		writePage(p.html, os.O_TRUNC, run, report.WriteHTML),
		writePage(p.markdown, mode, run, report.WriteMarkdown))
}

func writePage(file string, mode int, run report.Run, write func(io.Writer, report.Run) error) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|mode, 0o644)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := errors.Join(write(f, run), f.Close()); err != nil {
		return fmt.Errorf("write report %s: %w", file, err)
	}
	return nil
}

// about says what was tested and with what.
func about(ctx context.Context, l *lab.Lab, tested sut.System) []report.Fact {
	facts := []report.Fact{
		{Name: "Lab", Value: fmt.Sprintf("%s, engine %s, %s time", l.Name, l.Engine, l.Time)},
		{Name: "Topology", Value: filepath.Base(l.Topology)},
		{Name: "ptplab", Value: strings.TrimPrefix(buildVersion(debug.ReadBuildInfo()).String(), "ptplab ")},
	}
	return append(facts, report.Programs(ctx, tested, l.Plan.NICs[0].Owner)...)
}
