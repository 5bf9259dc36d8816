package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/podlogs"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// restoreTime is how long, on the wall clock, it may take to restore a target.
const restoreTime = 2 * time.Minute

// logsEvery is how often, in a lab's time, its logs are read: its nodes keep a few minutes of lines.
const logsEvery = 10 * time.Second

// testRun is one call of ptplab test.
type testRun struct {
	lab      string
	timeout  time.Duration
	output   formatValue
	explain  bool
	options  conformance.Options
	pages    testPages
	settings *settings.Settings
}

// in runs the suite on a target.
func (r *testRun) in(ctx context.Context, a *app, t *target) (err error) {
	bounds := specs.DefaultSettings().With(r.settings)
	r.options.Settings = &bounds
	r.options.FlakeAttempts = int(r.settings.FlakeAttempts)
	r.options.Progress = specWriter{a.talk}
	if err := r.findJUnit(); err != nil {
		return err
	}
	if t.sweep != nil && !r.options.DryRun {
		if err := t.sweep(ctx); err != nil {
			return ended(ctx, err)
		}
		defer func() { err = errors.Join(err, r.leave(ctx, t)) }()
	}
	if configures(t, r.settings) {
		restore, err := r.arrange(ctx, a, t)
		if err != nil {
			return ended(ctx, err)
		}
		defer func() { err = errors.Join(err, restore()) }()
		r.options.Mode = string(r.settings.Mode)
	} else if t.sweep != nil {
		// Who takes time from whom, as far as the cabling tells; a lab of plain nodes knows its cables.
		if _, err := arrange.Discover(ctx, t, arrange.Options{Skip: r.settings.SkipInterfaces}); err != nil {
			return ended(ctx, err)
		}
	}
	stop, err := r.collectLogs(ctx, a, t)
	if err != nil {
		return err
	}
	report, err := r.pages.run(ctx, t, r.options)
	a.talk.End("")
	return errors.Join(ended(ctx, err), stop(), a.tellTest(report, r.output.format))
}

// collectLogs begins to keep the logs of the PTP pods, or of the plain nodes, if that is asked for, and returns what ends it.
func (r *testRun) collectLogs(ctx context.Context, a *app, t *target) (stop func() error, err error) {
	none := func() error { return nil }
	logs, ok := sut.As[sut.Logs](t)
	if !r.settings.CollectPodLogs || r.options.DryRun || !ok || t.logs == nil {
		return none, nil
	}
	inventory, err := t.Inventory(ctx)
	if err != nil {
		return none, err
	}
	source := t.logs(logs, inventory.Nodes)
	o := podlogs.Options{Dir: r.settings.LogDir, Suite: podlogs.Serial, Markers: r.settings.LogMarkers, Clock: t}
	if source.Follows() {
		o.Background = l2.MachineClock{} // the clock of a cluster, from another goroutine
	}
	collector, err := podlogs.New(source, o)
	if err != nil {
		return none, err
	}
	r.options.Observer = collector
	if !source.Follows() {
		t.System = podlogs.Watch(t.System, collector, logsEvery, func(err error) { a.talk.Printf("  %v", err) })
	}
	stop = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageTime)
		defer cancel()
		return collector.Stop(ctx)
	}
	if err := collector.Start(ctx); err != nil {
		return none, errors.Join(err, stop())
	}
	return stop, nil
}

// arrange brings the target into the mode that is asked for, and returns the way back.
func (r *testRun) arrange(ctx context.Context, a *app, t *target) (restore func() error, err error) {
	a.talk.Begin(fmt.Sprintf("configure %s for mode %s", t.name, r.settings.Mode), talk.Passing)
	defer a.talk.End("")
	arrangement, err := arrange.Arrange(ctx, t, arrange.Options{
		Mode: r.settings.Mode, Generate: r.settings.Generate(), Skip: r.settings.SkipInterfaces,
		Progress: func(format string, args ...any) { a.talk.Printf("  "+format, args...) },
	})
	if err != nil {
		return nil, err
	}
	return func() error {
		if r.settings.KeepPtpConfig {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTime)
		defer cancel()
		a.talk.Begin("restore "+t.name, talk.Wait)
		defer a.talk.End("")
		return arrangement.Undo(ctx)
	}, nil
}

// leave puts a cluster back, or makes what is configured stay.
func (r *testRun) leave(ctx context.Context, t *target) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTime)
	defer cancel()
	if r.settings.KeepPtpConfig {
		return t.keep(ctx)
	}
	return t.sweep(ctx)
}

// findJUnit takes the place of the JUnit report from the variables, where somebody has set one of them.
func (r *testRun) findJUnit() error {
	asked := r.settings.Origin("junit-dir").Kind != settings.Default || r.settings.Origin("junit-file").Kind != settings.Default
	if r.options.JUnit != "" || !asked || r.options.DryRun {
		return nil
	}
	if err := os.MkdirAll(r.settings.JUnitDir, 0o755); err != nil {
		return fmt.Errorf("directory for the JUnit report: %w", err)
	}
	r.options.JUnit = filepath.Join(r.settings.JUnitDir, r.settings.JUnitFile)
	return nil
}
