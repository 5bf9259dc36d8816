package conformance

import (
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/ptplab/ptplab/conformance/specs"
)

// State is what came of a spec.
type State string

// The states of a spec.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Skipped State = "skipped" // could not be checked here; the message says why
	NotRun  State = "not run" // selected, but the suite ended before
	Planned State = "planned" // would run; dry run only
)

// Report is what came of a run. Its JSON form is stable: fields are added, never changed.
type Report struct {
	Mode          specs.Mode   `json:"mode"`
	Passed        int          `json:"passed"`
	Failed        int          `json:"failed"`
	Skipped       int          `json:"skipped"`
	NotRun        int          `json:"notRun"`
	Started       time.Time    `json:"started"`       // on the wall clock
	SystemStarted time.Time    `json:"systemStarted"` // on the system's own clock
	WallSeconds   float64      `json:"wallSeconds"`   // on the wall clock
	SystemSeconds float64      `json:"systemSeconds"` // on the system's own clock
	Specs         []SpecReport `json:"specs"`
}

// SpecReport is what came of one spec for one subject.
type SpecReport struct {
	Name          string              `json:"name"` // "sync: bc1 on w1 locks to its time transmitter"
	Area          string              `json:"area"`
	Labels        []string            `json:"labels"`
	State         State               `json:"state"`
	StartSeconds  float64             `json:"startSeconds"` // from the start of the run, on the system's own clock
	WallSeconds   float64             `json:"wallSeconds"`
	SystemSeconds float64             `json:"systemSeconds"`
	Message       string              `json:"message,omitempty"`  // why it failed or was skipped
	Attempts      int                 `json:"attempts,omitempty"` // how often it was tried, if more than once
	Measurements  []specs.Measurement `json:"measurements,omitempty"`
	Attachments   []specs.Attachment  `json:"attachments,omitempty"`
	Notes         []specs.Note        `json:"notes,omitempty"` // what happened during it, at most 1000
}

// OK says that something passed, nothing failed and everything selected was run.
func (r Report) OK() bool { return r.Passed > 0 && r.Failed == 0 && r.NotRun == 0 }

// report makes a Report of Ginkgo's, of the selected specs only.
func (s *suite) report(tree ginkgo.Report, selected map[string]bool) Report {
	report := Report{Mode: s.mode, Started: tree.StartTime.Round(0).UTC(), SystemStarted: s.started, WallSeconds: tree.RunTime.Seconds()}
	for _, spec := range tree.SpecReports {
		if spec.LeafNodeType != types.NodeTypeIt || !selected[spec.LeafNodeText] {
			continue
		}
		report.Specs = append(report.Specs, s.specReport(spec))
	}
	for _, spec := range report.Specs {
		report.count(spec.State)
	}
	return report
}

func (s *suite) specReport(spec ginkgo.SpecReport) SpecReport {
	kept := s.results[spec.LeafNodeText]
	start := 0.0
	if !kept.started.IsZero() {
		start = kept.started.Sub(s.started).Seconds()
	}
	attempts := spec.NumAttempts
	if attempts == 1 {
		attempts = 0
	}
	return SpecReport{
		Attempts: attempts,
		Name:     spec.LeafNodeText, Area: kept.area, Labels: spec.Labels(), State: s.state(spec),
		StartSeconds: start, WallSeconds: spec.RunTime.Seconds(), SystemSeconds: kept.system.Seconds(),
		Message: spec.FailureMessage(), Measurements: kept.measured, Attachments: kept.attached, Notes: kept.noted,
	}
}

func (s *suite) state(spec ginkgo.SpecReport) State {
	switch {
	case s.options.DryRun:
		return Planned
	case spec.State == types.SpecStatePassed:
		return Passed
	case spec.State == types.SpecStateSkipped && spec.FailureMessage() != "" && spec.RunTime > 0:
		return Skipped
	case spec.State == types.SpecStateSkipped, spec.State == types.SpecStateAborted:
		return NotRun
	}
	return Failed
}

func (r *Report) count(s State) {
	switch s {
	case Passed:
		r.Passed++
	case Failed:
		r.Failed++
	case Skipped:
		r.Skipped++
	case NotRun:
		r.NotRun++
	}
}
