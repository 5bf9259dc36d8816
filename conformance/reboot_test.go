package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// rebooting is a world whose nodes can be rebooted. A node is away for five minutes.
type rebooting struct {
	*fake.World
	lazy  bool // does nothing
	stray bool // comes back with a clock that never locks

	boots int
	until time.Time
}

func (r *rebooting) Reboot(ctx context.Context, _ string) error {
	if r.lazy {
		return nil
	}
	now, err := r.Now(ctx)
	r.boots++
	r.until = now.Add(5 * time.Minute)
	if r.stray {
		r.Domain["oc1"] = 5
	}
	return err
}

func (r *rebooting) Exec(ctx context.Context, node string, argv []string) (sut.Result, error) {
	if now, err := r.Now(ctx); err != nil || now.Before(r.until) {
		return sut.Result{}, errors.Join(err, fmt.Errorf("%s does not answer", node))
	}
	if slices.Equal(argv, []string{"cat", "/proc/sys/kernel/random/boot_id"}) {
		return sut.Result{Stdout: fmt.Sprintf("boot-%d\n", r.boots)}, nil
	}
	return r.World.Exec(ctx, node, argv)
}

// TestReboot sees the reboot pass, and fail where the node is not rebooted or its clock does not come back.
func TestReboot(t *testing.T) {
	asked := specs.DefaultSettings()
	asked.TestCases = []string{"reboot"}
	for name, c := range map[string]struct {
		system   sut.System
		settings *specs.Settings
		state    conformance.State
		message  string
	}{
		"rebooted":     {&rebooting{World: fake.New(fake.OC())}, &asked, conformance.Passed, ""},
		"not asked":    {&rebooting{World: fake.New(fake.OC())}, nil, conformance.Skipped, "ENABLE_TEST_CASE=reboot"},
		"not able":     {fake.New(fake.OC()), &asked, conformance.Skipped, "cannot be rebooted by the suite"},
		"not rebooted": {&rebooting{World: fake.New(fake.OC()), lazy: true}, &asked, conformance.Failed, "w1 to run another kernel than before"},
		"does not lock": {&rebooting{World: fake.New(fake.OC()), stray: true}, &asked, conformance.Failed,
			"to be locked as before its node was rebooted"},
	} {
		report := run(t, c.system, conformance.Options{LabelFilter: "needs-reboot", Settings: c.settings})
		if len(report.Specs) != 1 || report.Specs[0].State != c.state || !strings.Contains(report.Specs[0].Message, c.message) {
			t.Errorf("%s: want %s %q:\n%s", name, c.state, c.message, table(t, report))
		}
	}
}
