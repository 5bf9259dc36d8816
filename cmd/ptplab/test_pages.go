package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/conformance"
	runs "github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/report"
	"github.com/ptplab/ptplab/conformance/sut"
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
func (p testPages) run(ctx context.Context, t *target, o conformance.Options) (conformance.Report, error) {
	if p.markdown == "" && !o.DryRun {
		p.markdown = os.Getenv(stepSummary)
	}
	var tested sut.System = t
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
	run := report.Run{Report: result, Settings: *o.Settings, Record: recorder.Record(), About: t.about(ctx)}
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
