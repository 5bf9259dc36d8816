package record_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// inWorld selects specs that a simulated world knows enough for.
func inWorld() []string {
	return []string{"^sync", "^path", "^accuracy", "^failover: .* holds over without its upstream link", "^failover: .* fails over to its other upstream link"}
}

func run(t *testing.T, system sut.System) conformance.Report {
	t.Helper()
	report, err := conformance.Run(context.Background(), system, conformance.Options{Focus: inWorld()})
	if err != nil {
		t.Fatal(err)
	}
	report.Started, report.WallSeconds = time.Time{}, 0
	for n := range report.Specs {
		report.Specs[n].WallSeconds = 0
	}
	return report
}

// watch runs the suite on a world under watch.
func watch(t *testing.T, system sut.System) (conformance.Report, record.Record) {
	t.Helper()
	recorder := record.New(system)
	report := run(t, recorder.System())
	return report, recorder.Record()
}

func find(t *testing.T, r record.Record, name string) record.Clock {
	t.Helper()
	for _, c := range r.Clocks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no clock %s", name)
	return record.Clock{}
}

func TestWatchingChangesNothing(t *testing.T) {
	for name, make := range map[string]func() sut.System{
		"all well":  func() sut.System { return fake.New(fake.DNBC()) },
		"no truth":  func() sut.System { return fake.Blind(fake.New(fake.BC())) },
		"clock off": func() sut.System { w := fake.New(fake.BC()); w.ClockError["oc1"] = 5000; return w },
		"no lock":   func() sut.System { w := fake.New(fake.BC()); w.Stopped["sw1-1500"] = true; return w },
	} {
		report, _ := watch(t, make())
		if diff := cmp.Diff(run(t, make()), report); diff != "" {
			t.Errorf("%s (-bare +watched):\n%s", name, diff)
		}
	}
}

func TestRecord(t *testing.T) {
	world := fake.New(fake.BC())
	world.ClockError["oc1"], world.ClockError["gm"] = 5000, 700
	report, r := watch(t, world)
	if report.Failed != 1 || r.Missed != 0 {
		t.Fatalf("%d failed, %d missed: %s", report.Failed, r.Missed, r.LastMiss)
	}
	bc1, oc1 := find(t, r, "bc1"), find(t, r, "oc1")
	if last := oc1.TrueError.Points[len(oc1.TrueError.Points)-1]; last.NS != 5000 || oc1.Against != "gm" {
		t.Errorf("true error of oc1: %+v against %q, want 5000 against gm", last, oc1.Against)
	}
	var states []string
	for _, s := range bc1.State.Steps {
		states = append(states, s.Value)
	}
	if got := strings.Join(states, " "); !strings.HasSuffix(got, "LOCKED HOLDOVER FREERUN LOCKED") {
		t.Errorf("states of bc1: %s", got)
	}
	for _, p := range bc1.Offset.Points {
		if p.NS != 1 {
			t.Fatalf("offset %+v: an offset that stands for none was kept", p)
		}
	}
	if len(r.Links) != 1 || r.Links[0].Name != "w1/ens1f1" || len(r.Links[0].Steps) != 2 || r.Links[0].Steps[0].Value != "down" {
		t.Errorf("links: %+v", r.Links)
	}
	drifted := 0.0
	for _, p := range bc1.TrueError.Points {
		drifted = max(drifted, p.NS)
	}
	if drifted < 100 {
		t.Errorf("bc1 drifted by %g ns in holdover; the record must have seen more", drifted)
	}
}

func TestMeasurementIsWatchedInParts(t *testing.T) {
	recorder := record.New(fake.New(fake.OC()))
	system := recorder.System()
	inv, err := system.Inventory(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	truth, ok := sut.As[sut.Truth](system)
	if !ok {
		t.Fatal("a watched system has lost its true errors")
	}
	ports := []sut.PortRef{inv.Instances[2].ClockPort(), inv.Instances[0].ClockPort()}
	for _, c := range []struct{ duration, interval time.Duration }{
		{0, time.Second}, {5 * time.Minute, time.Second}, {10 * time.Second, 3 * time.Second}, {7 * time.Second, 100 * time.Millisecond}, {time.Second, 2 * time.Second},
	} {
		before, _ := system.Now(context.Background())
		series, err := truth.TrueError(context.Background(), ports, c.duration, c.interval)
		after, _ := system.Now(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want := int(c.duration/c.interval) + 1
		for _, s := range series {
			if len(s.Samples) != want || s.Samples[want-1].At != time.Duration(want-1)*c.interval {
				t.Errorf("%s each %s: %d samples, the last at %s, want %d", c.duration, c.interval, len(s.Samples), s.Samples[len(s.Samples)-1].At, want)
			}
		}
		if took := after.Sub(before); took != time.Duration(want-1)*c.interval {
			t.Errorf("%s each %s took %s", c.duration, c.interval, took)
		}
	}
	if n := len(find(t, recorder.Record(), "oc1").Offset.Points); n < 50 {
		t.Errorf("%d offsets during the measurements", n)
	}
}

// mute is a world whose metrics cannot be had on one node.
type mute struct{ *fake.World }

func (m mute) Metrics(ctx context.Context, node string) ([]byte, error) {
	if node == "sw1" {
		return nil, errors.New("no answer from sw1")
	}
	return m.World.Metrics(ctx, node)
}

func TestMissedLooksDoNotDisturb(t *testing.T) {
	report, r := watch(t, mute{fake.New(fake.OC())})
	if !report.OK() || r.Missed == 0 || r.LastMiss != "no answer from sw1" {
		t.Errorf("%d failed, %d missed: %s", report.Failed, r.Missed, r.LastMiss)
	}
}

// chatty is a world with logs.
type chatty struct{ *fake.World }

func (chatty) Logs(_ context.Context, node string, since time.Time) ([]sut.LogLine, error) {
	if node == "sw1" {
		return nil, errors.New("none here")
	}
	return []sut.LogLine{{Text: node + " says"}}, nil
}

func TestLogs(t *testing.T) {
	recorder := record.New(chatty{fake.New(fake.OC())})
	if _, err := recorder.System().Inventory(context.Background()); err != nil {
		t.Fatal(err)
	}
	recorder.KeepLogs(context.Background())
	want := []record.Log{{Node: "w1", Lines: []string{"w1 says"}}, {Node: "w2", Lines: []string{"w2 says"}}, {Node: "sw1", Fault: "none here"}}
	if diff := cmp.Diff(want, recorder.Record().Logs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecordIsBounded(t *testing.T) {
	recorder := record.New(fake.New(fake.OC()))
	settings := specs.DefaultSettings()
	settings.MeasureFor = 10 * time.Hour
	if _, err := conformance.Run(context.Background(), recorder.System(), conformance.Options{LabelFilter: "accuracy", Settings: &settings}); err != nil {
		t.Fatal(err)
	}
	for _, c := range recorder.Record().Clocks {
		if n := len(c.TrueError.Points); n > 4096 {
			t.Errorf("%d points of %s", n, c)
		}
	}
}

// TestInventoryAskedAgain sees that nothing is forgotten when a spec asks again what the system consists of.
func TestInventoryAskedAgain(t *testing.T) {
	recorder := record.New(fake.New(fake.OC()))
	system := recorder.System()
	run(t, system)
	before := recorder.Record().Clocks
	if _, err := system.Inventory(context.Background()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, recorder.Record().Clocks, cmp.AllowUnexported(record.Series{})); diff != "" || len(before[1].Offset.Points) == 0 {
		t.Errorf("%d offsets before (-before +after):\n%s", len(before[1].Offset.Points), diff)
	}
}
