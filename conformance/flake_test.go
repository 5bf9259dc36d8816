package conformance_test

import (
	"context"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// flaky is a world in which true errors are wrong the first time that they are measured for long.
type flaky struct {
	*fake.World
	measured int
}

func (f *flaky) TrueError(ctx context.Context, ports []sut.PortRef, duration, interval time.Duration) ([]sut.Series, error) {
	series, err := f.World.TrueError(ctx, ports, duration, interval)
	if duration > 0 {
		if f.measured++; f.measured == 1 {
			series[0].Samples[7].ErrorNs += 9000
		}
	}
	return series, err
}

// TestFlakeAttempts sees that nothing is tried again unless somebody asks for it, and that the report then tells.
func TestFlakeAttempts(t *testing.T) {
	accuracy := func(attempts int) conformance.SpecReport {
		report := run(t, &flaky{World: fake.New(fake.OC())}, conformance.Options{FlakeAttempts: attempts})
		for _, spec := range report.Specs {
			if spec.Area == specs.AreaAccuracy {
				return spec
			}
			if spec.Attempts != 0 {
				t.Errorf("%s was tried %d times", spec.Name, spec.Attempts)
			}
		}
		t.Fatal("no spec of accuracy")
		return conformance.SpecReport{}
	}
	if once := accuracy(0); once.State != conformance.Failed || once.Attempts != 0 {
		t.Errorf("without retries: %s after %d attempts", once.State, once.Attempts)
	}
	twice := accuracy(2)
	if twice.State != conformance.Passed || twice.Attempts != 2 {
		t.Errorf("with two attempts: %s after %d attempts", twice.State, twice.Attempts)
	}
	names := map[string]bool{}
	for _, m := range twice.Measurements {
		if names[m.Name] {
			t.Errorf("%s is there twice", m.Name)
		}
		names[m.Name] = true
	}
}
