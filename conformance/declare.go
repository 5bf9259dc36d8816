package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// cleanupTime is how long, on the wall, a cleanup may take after the suite was told to stop.
const cleanupTime = 30 * time.Second

// declare puts one Ginkgo spec per check and subject into Ginkgo's tree. They are in one container, which keeps
// their order: an area relies on those before it.
func (s *suite) declare(done func(ginkgo.Report)) {
	ginkgo.Describe("ptp", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		ginkgo.ReportAfterEach(s.announceFailure) // at the top level a preview would lose it
		for _, spec := range specs.All() {
			if !spec.RunsIn(s.mode) {
				continue
			}
			for _, subject := range subjects(spec, s.inventory) {
				s.declareOne(spec, subject)
			}
		}
	})
	ginkgo.ReportAfterSuite("keep the report", done)
}

// subjects lists what a spec is made for; one nameless subject for the whole system.
func subjects(spec specs.Spec, inventory sut.Inventory) []sut.Instance {
	if spec.Subjects == nil {
		return []sut.Instance{{}}
	}
	return spec.Subjects(inventory)
}

// specName is "sync: bc1 on w1 locks to its time transmitter".
func specName(spec specs.Spec, subject sut.Instance) string {
	if subject.Name == "" {
		return spec.Area + ": " + spec.Name
	}
	return spec.Area + ": " + subject.String() + " " + spec.Name
}

func (s *suite) declareOne(spec specs.Spec, subject sut.Instance) {
	name := specName(spec, subject)
	if !s.options.selects(name) {
		return
	}
	kept := &result{area: spec.Area, subject: subject.Name}
	s.results[name] = kept
	ginkgo.It(name, ginkgo.Label(spec.Labels(s.mode)...), func(node ginkgo.SpecContext) {
		if s.ctx.Err() != nil {
			ginkgo.AbortSuite("the suite was told to stop")
		}
		fmt.Fprintf(s.options.Progress, "%s\n", name)
		ctx, cancel := context.WithCancel(s.ctx)
		defer cancel()
		defer context.AfterFunc(node, cancel)()
		s.complain(s.options.Observer.SpecBegins(ctx, name))
		err := s.check(ctx, spec, subject, kept)
		s.complain(s.options.Observer.SpecEnds(context.WithoutCancel(ctx), name, outcome(err)))
		verdictOf(err)
	})
}

// nobody observes nothing.
type nobody struct{}

func (nobody) SpecBegins(context.Context, string) error       { return nil }
func (nobody) SpecEnds(context.Context, string, string) error { return nil }

// complain keeps what the observer complains of, once.
func (s *suite) complain(err error) {
	if err != nil && !slices.ContainsFunc(s.complaints, func(c error) bool { return c.Error() == err.Error() }) {
		s.complaints = append(s.complaints, err)
	}
}

// outcome is a word for what came of a check.
func outcome(err error) string {
	switch {
	case err == nil:
		return string(Passed)
	case skips(err):
		return string(Skipped)
	}
	return string(Failed)
}

// verdictOf tells Ginkgo what came of a check.
func verdictOf(err error) {
	switch {
	case skips(err):
		ginkgo.Skip(err.Error())
	case err != nil:
		ginkgo.Fail(err.Error())
	}
}

// skips says whether an error of a check only says that it cannot be made here.
func skips(err error) bool {
	var skipped specs.Skipped
	var unavailable *sut.UnavailableError
	return errors.As(err, &skipped) || errors.As(err, &unavailable)
}

// refresh looks again where the programs of the instances have their files: the daemon numbers them anew when an earlier spec
// has changed a profile. An instance that does not run now keeps what was known of it, and its spec will say what is wrong.
func (s *suite) refresh(ctx context.Context, subject sut.Instance) sut.Instance {
	now, err := s.system.Inventory(ctx)
	if err != nil {
		return subject
	}
	for i, known := range s.inventory.Instances {
		if instance, ok := now.Instance(known.Name); ok && instance.Config != "" {
			s.inventory.Instances[i].Config = instance.Config
		}
	}
	if len(now.SystemClocks) == len(s.inventory.SystemClocks) {
		s.inventory.SystemClocks = now.SystemClocks
	}
	if instance, ok := s.inventory.Instance(subject.Name); ok {
		return instance
	}
	return subject
}

// check makes one check, cleans up behind it and keeps what it found.
func (s *suite) check(ctx context.Context, spec specs.Spec, subject sut.Instance, kept *result) (err error) {
	start, err := s.system.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the time of the system under test: %w", err)
	}
	kept.started, kept.measured, kept.attached, kept.noted = start, nil, nil, nil // an earlier attempt does not count
	ctx = specs.InArea(ctx, spec.Area)
	var cleanups cleanups
	defer func() {
		err = errors.Join(err, cleanups.run(ctx))
		kept.failed = err != nil && !skips(err)
		if end, timeErr := s.system.Now(context.WithoutCancel(ctx)); timeErr == nil {
			kept.system = end.Sub(start)
		}
	}()
	for _, need := range spec.Needs {
		if missing := need.Missing(s.system); missing != "" {
			return specs.Skipped(missing)
		}
	}
	subject = s.refresh(ctx, subject)
	return spec.Check(ctx, &specs.Test{
		System: s.system, Mode: s.mode, Inventory: s.inventory, Settings: s.settings, Subject: subject,
		Failed:  s.failed,
		Cleanup: cleanups.add,
		Measured: func(m specs.Measurement) {
			kept.measured = append(kept.measured, m)
			ginkgo.AddReportEntry(m.Name, m, types.ReportEntryVisibilityNever)
		},
		Progress: func(format string, args ...any) { fmt.Fprintf(s.options.Progress, "  "+format+"\n", args...) },
		Noted:    kept.note,
		Attached: func(a specs.Attachment) { kept.attached = append(kept.attached, a) },
	})
}

func (s *suite) failed(area, instance string) bool {
	for _, r := range s.results {
		if r.area == area && r.subject == instance && r.failed {
			return true
		}
	}
	return false
}

// announceFailure tells of a failure as soon as there is one.
func (s *suite) announceFailure(r ginkgo.SpecReport) {
	if r.Failed() {
		fmt.Fprintf(s.options.Progress, "  FAILED: %s\n", strings.ReplaceAll(r.FailureMessage(), "\n", "\n  "))
	}
}

// cleanups are run last in, first out.
type cleanups []cleanup

type cleanup struct {
	what string
	do   func(context.Context) error
}

func (c *cleanups) add(what string, do func(context.Context) error) {
	*c = append(*c, cleanup{what, do})
}

// run makes every cleanup, also when the context has ended.
func (c cleanups) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	var faults []error
	for _, one := range slices.Backward(c) {
		if err := one.do(ctx); err != nil {
			faults = append(faults, fmt.Errorf("clean up: %s: %w", one.what, err))
		}
	}
	return errors.Join(faults...)
}
