// Package conformance runs the suite against a system under test, in process: the specs of package specs under
// Ginkgo, with reports for people and for programs.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/extensions/globals"
	"github.com/onsi/ginkgo/v2/formatter"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// ginkgoLock guards the spec tree and the output stream of Ginkgo, of which a process has one. It is the only
// package variable of the suite: the tree is made anew for every run, so the specs get the system as an argument.
var ginkgoLock sync.Mutex

// Run runs the suite against a system and reports what came of it. Failed specs are no error; see Report.OK. The
// error says that the suite could not be run (ErrUsage if the options are to blame), or was ended before its time: then it wraps the context's, and the
// report tells how far it came.
func Run(ctx context.Context, system sut.System, options Options) (Report, error) {
	if err := options.validate(); err != nil {
		return Report{}, err
	}
	suite, err := newSuite(ctx, system, options)
	if err != nil {
		return Report{}, err
	}
	report, tree, err := suite.run()
	if err != nil {
		return report, err
	}
	faults := append(suite.complaints, writeJUnit(options.JUnit, tree), writeJSON(options.JSON, report))
	if err := ctx.Err(); err != nil {
		faults = append(faults, fmt.Errorf("suite ended early: %w", err))
	}
	return report, errors.Join(faults...)
}

// suite is one run.
type suite struct {
	ctx       context.Context
	system    sut.System
	inventory sut.Inventory
	mode      specs.Mode
	options   Options
	settings  specs.Settings
	started   time.Time          // in the system's time
	results   map[string]*result // by spec name

	complaints []error // of the observer
}

// result is what a check has left for the report.
type result struct {
	area, subject string
	failed        bool
	started       time.Time // in the system's time; zero if it was not
	system        time.Duration
	measured      []specs.Measurement
	attached      []specs.Attachment
	noted         []specs.Note
}

// mostNotes bounds what is kept of the notes of one check.
const mostNotes = 1000

func (r *result) note(n specs.Note) {
	if len(r.noted) < mostNotes {
		r.noted = append(r.noted, n)
	}
}

func newSuite(ctx context.Context, system sut.System, options Options) (*suite, error) {
	inventory, err := system.Inventory(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the system under test: %w", err)
	}
	if err := inventory.Validate(); err != nil {
		return nil, fmt.Errorf("the system under test contradicts itself: %w", err)
	}
	mode, err := specs.ParseMode(options.Mode, inventory)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	settings := specs.DefaultSettings()
	if options.Settings != nil {
		settings = *options.Settings
	}
	if options.Progress == nil {
		options.Progress = io.Discard
	}
	if options.Observer == nil {
		options.Observer = nobody{}
	}
	return &suite{
		ctx: ctx, system: system, inventory: inventory, mode: mode,
		options: options, settings: settings, results: map[string]*result{},
	}, nil
}

// run builds Ginkgo's tree, finds out what is selected and runs that.
func (s *suite) run() (Report, ginkgo.Report, error) {
	ginkgoLock.Lock()
	defer ginkgoLock.Unlock()
	defer quiet()()

	globals.Reset()
	var tree ginkgo.Report
	s.declare(func(r ginkgo.Report) { tree = r })
	suiteConfig, reporterConfig := s.config()
	preview := ginkgo.PreviewSpecs(suiteName, suiteConfig, reporterConfig)
	selected := map[string]bool{}
	for _, spec := range preview.SpecReports {
		if spec.LeafNodeType == types.NodeTypeIt && spec.State == types.SpecStatePassed {
			selected[spec.LeafNodeText] = true
		}
	}
	if len(selected) == 0 {
		return Report{}, tree, fmt.Errorf("%w: no spec of mode %s is selected", ErrUsage, s.mode)
	}
	if s.options.DryRun {
		return s.report(preview, selected), preview, nil
	}
	start, err := s.system.Now(s.ctx)
	if err != nil {
		return Report{}, tree, fmt.Errorf("read the time of the system under test: %w", err)
	}
	s.started = start.Round(0).UTC()
	ginkgo.RunSpecs(verdict{}, suiteName, suiteConfig, reporterConfig)
	report := s.report(tree, selected)
	tree.SpecReports = slices.DeleteFunc(tree.SpecReports, func(spec types.SpecReport) bool {
		return spec.LeafNodeType == types.NodeTypeIt && !selected[spec.LeafNodeText]
	})
	if end, err := s.system.Now(context.WithoutCancel(s.ctx)); err == nil {
		report.SystemSeconds = end.Sub(start).Seconds()
	}
	return report, tree, nil
}

const suiteName = "ptp conformance"

// quiet keeps Ginkgo's own reporter away from stdout, which belongs to the caller, and returns the way back.
func quiet() func() {
	stdout := formatter.ColorableStdOut
	formatter.ColorableStdOut = io.Discard
	return func() { formatter.ColorableStdOut = stdout }
}

func (s *suite) config() (types.SuiteConfig, types.ReporterConfig) {
	suiteConfig := types.NewDefaultSuiteConfig()
	suiteConfig.RandomSeed = 1
	suiteConfig.Timeout = 0 // the context's is enough
	suiteConfig.LabelFilter = s.options.LabelFilter
	suiteConfig.FailFast = s.options.FailFast
	suiteConfig.FlakeAttempts = s.options.FlakeAttempts
	reporterConfig := types.NewDefaultReporterConfig()
	reporterConfig.Succinct, reporterConfig.NoColor = true, true
	return suiteConfig, reporterConfig
}

// verdict takes Ginkgo's word that something failed; the report has it in detail.
type verdict struct{}

func (verdict) Fail() {}
