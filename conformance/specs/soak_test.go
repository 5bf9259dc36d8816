package specs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// soakSettings ask for all soaks, of five minutes.
func soakSettings() *specs.Settings {
	s := specs.DefaultSettings()
	s.Soak = settings.Soak{
		FailureThreshold: 1,
		ClockSync:        settings.SoakTest{Enable: true, Duration: 5 * time.Minute, FailureThreshold: 1},
		CPU:              settings.SoakTest{Enable: true, Duration: 5 * time.Minute, FailureThreshold: 3},
		CPUWindow:        2 * time.Minute,
		CPUNode:          100,
	}
	return &s
}

const (
	keepsSync = "soak: the clocks under test"
	steady    = "soak: nothing happens"
	cpu       = "soak: the PTP pods"
)

// soak runs the soaks, or those that match a pattern, on a system and gives their reports by the beginnings of their names.
func soak(t *testing.T, system sut.System, s *specs.Settings, focus ...string) map[string]conformance.SpecReport {
	t.Helper()
	report, err := conformance.Run(context.Background(), system, conformance.Options{LabelFilter: specs.AreaSoak, Focus: focus, Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]conformance.SpecReport{}
	for _, spec := range report.Specs {
		for _, name := range []string{keepsSync, steady, cpu} {
			if strings.HasPrefix(spec.Name, name) {
				found[name] = spec
			}
		}
	}
	if len(found) != len(report.Specs) {
		t.Fatalf("%d soaks: %v", len(report.Specs), found)
	}
	return found
}

func expect(t *testing.T, what string, got conformance.SpecReport, state conformance.State, message string) {
	t.Helper()
	if got.State != state || !strings.Contains(got.Message, message) {
		t.Errorf("%s: %s is %s: %q, want %s with %q", what, got.Name, got.State, got.Message, state, message)
	}
}

func TestSoakSkipsUnlessAskedFor(t *testing.T) {
	s := specs.DefaultSettings()
	got := soak(t, loaded{World: fake.New(fake.OC())}, &s)
	expect(t, "default", got[keepsSync], conformance.Skipped, "soaktest.slave_clock_sync.spec.enable in the configuration file, or --soak-sync, turns it on")
	expect(t, "default", got[steady], conformance.Skipped, "soaktest.slave_clock_sync.spec.enable")
	expect(t, "default", got[cpu], conformance.Skipped, "soaktest.cpu_utilization.spec.enable in the configuration file, or --soak-cpu, turns it on")
	off := soakSettings()
	off.Soak.DisableAll = true
	for name, spec := range soak(t, loaded{World: fake.New(fake.OC())}, off) {
		expect(t, name, spec, conformance.Skipped, "soaktest.disable_all")
	}
	none := soakSettings()
	none.Soak.ClockSync.Duration = 0
	expect(t, "no duration", soak(t, fake.New(fake.OC()), none)[keepsSync], conformance.Failed, "soaktest.slave_clock_sync.spec.duration, or --soak-sync-duration, is 0s")
}

func TestQuietSoakPasses(t *testing.T) {
	for name, inventory := range map[string]sut.Inventory{"oc": fake.OC(), "dnbc": fake.DNBC()} {
		s := soakSettings()
		s.Soak.EventFile = filepath.Join(t.TempDir(), "events.csv")
		got := soak(t, fake.New(inventory), s)
		expect(t, name, got[keepsSync], conformance.Passed, "")
		expect(t, name, got[steady], conformance.Passed, "")
		expect(t, name, got[cpu], conformance.Skipped, "does not know the CPU use")
		if d := got[keepsSync].SystemSeconds; d < 300 || d > 330 {
			t.Errorf("%s: a soak of 300 s took %g s", name, d)
		}
		text, err := os.ReadFile(s.Soak.EventFile)
		if err != nil || !strings.Contains(string(text), ",openshift_ptp_clock_state/ptp4l,1,LOCKED,1\n") {
			t.Errorf("%s: events %q, %v", name, text, err)
		}
	}
}

// TestSoakCountsLosses sees the threshold applied to the losses, and the metrics count where there are no events.
func TestSoakCountsLosses(t *testing.T) {
	for _, c := range []struct {
		threshold int64
		state     conformance.State
		message   string
	}{
		{0, conformance.Failed, "lost its sync once, which fails at 1"}, // none of its own: the common one
		{3, conformance.Failed, "lost its sync 3 times, which fails at 3"},
		{100, conformance.Passed, ""},
	} {
		system, _, err := soakSabotage(t, "sync lost now and then").Apply(context.Background(), fake.New(fake.BC()))
		if err != nil {
			t.Fatal(err)
		}
		s := soakSettings()
		s.Soak.ClockSync.FailureThreshold = c.threshold
		got := soak(t, system, s)[keepsSync]
		expect(t, fmt.Sprint(c.threshold), got, c.state, c.message)
		if losses := got.Measurements[0]; c.threshold == 100 && (losses.Value < 10 || losses.Unit != "losses") {
			t.Errorf("%d minutes with a loss every 20 s: %v", 5, losses)
		}
		if plot := got.Attachments[len(got.Attachments)-1].Plot; plot == nil || len(plot.Losses) == 0 || len(plot.Offset) == 0 {
			t.Errorf("the plot has no losses: %+v", got.Attachments)
		}
	}
}

// TestSteadySeesTheTruth steps a clock whose ptp4l is content.
func TestSteadySeesTheTruth(t *testing.T) {
	system, _, err := soakSabotage(t, "offset with a spike").Apply(context.Background(), fake.New(fake.OC()))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "kicked", soak(t, system, soakSettings(), steady)[steady], conformance.Failed, "true error of oc1 on w1 is +5000 ns")
	expect(t, "blind", soak(t, fake.Blind(fake.New(fake.OC())), soakSettings())[steady], conformance.Passed, "")
}

func TestSoakOfASickSystem(t *testing.T) {
	world := fake.New(fake.OC())
	world.Stopped["sw1-1500"] = true
	expect(t, "no lock", soak(t, world, soakSettings())[keepsSync], conformance.Failed, "waited 1m0s for oc1 on w1 to be locked")
	report, err := conformance.Run(context.Background(), world, conformance.Options{LabelFilter: "sync || soak", Settings: soakSettings()})
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range report.Specs {
		if spec.Area == specs.AreaSoak && !strings.Contains(spec.Name, "PTP pods") {
			expect(t, "after sync", spec, conformance.Skipped, "see sync")
		}
	}
}

func soakSabotage(t *testing.T, name string) sabotage.Sabotage {
	t.Helper()
	for _, s := range sabotage.All() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no sabotage is called %q", name)
	return sabotage.Sabotage{}
}

// loaded is a world with a daemon that uses CPU time.
type loaded struct {
	*fake.World
	use      func(call int) ([]sut.Load, error)
	calls    *int
	windows  *[]time.Duration
	interval time.Duration
}

func (l loaded) Loads(_ context.Context, window time.Duration) ([]sut.Load, error) {
	*l.calls++
	*l.windows = append(*l.windows, window)
	return l.use(*l.calls)
}

func (l loaded) LoadInterval(context.Context) (time.Duration, error) { return l.interval, nil }

func daemon(millicores float64) []sut.Load {
	return []sut.Load{{Node: "w1", PodType: "linuxptp-daemon", Pod: "d", Container: "c", Millicores: millicores}}
}

func TestCPU(t *testing.T) {
	for name, c := range map[string]struct {
		use     func(call int) ([]sut.Load, error)
		change  func(*specs.Settings)
		state   conformance.State
		message string
	}{
		"little": {use: func(int) ([]sut.Load, error) { return daemon(99.9), nil }, state: conformance.Passed},
		"much":   {use: func(int) ([]sut.Load, error) { return daemon(100), nil }, state: conformance.Failed, message: "CPU use was over a limit in 3 cases, which fails at 3: node w1 used 100.0 mcores, limit 100, at 1m0s, "},
		"twice":  {use: func(n int) ([]sut.Load, error) { return daemon(map[bool]float64{true: 500}[n == 3 || n == 4]), nil }, state: conformance.Passed},
		"now and then nothing": {use: func(n int) ([]sut.Load, error) {
			if n%2 == 0 {
				return nil, nil
			}
			return daemon(500), nil
		}, state: conformance.Failed, message: "3 cases"},
		"now and then no answer": {use: func(n int) ([]sut.Load, error) {
			if n%3 != 0 {
				return nil, errors.New("Prometheus is away")
			}
			return daemon(1), nil
		}, state: conformance.Passed},
		"never anything":  {use: func(int) ([]sut.Load, error) { return nil, nil }, state: conformance.Failed, message: "nothing was measured in 10 tries, the last over 3m30s"},
		"never an answer": {use: func(int) ([]sut.Load, error) { return nil, errors.New("Prometheus is away") }, state: conformance.Failed, message: "3 tries: Prometheus is away"},
		"virtual time":    {use: func(int) ([]sut.Load, error) { return nil, &sut.UnavailableError{Reason: "virtual time"} }, state: conformance.Skipped, message: "virtual time"},
		"no limit":        {use: func(int) ([]sut.Load, error) { return daemon(1), nil }, change: func(s *specs.Settings) { s.Soak.CPUNode = 0 }, state: conformance.Failed, message: "no limit is given"},
		"a limit of nothing": {use: func(int) ([]sut.Load, error) { return daemon(1), nil }, change: func(s *specs.Settings) {
			s.Soak.CPUNode, s.Soak.CPUPods = 0, []settings.PodLimit{{Type: "ptp-operator", Millicores: 1}}
		}, state: conformance.Skipped, message: "nothing was measured that these limits are for: ptp-operator"},
	} {
		s := soakSettings()
		if c.change != nil {
			c.change(s)
		}
		system := loaded{World: fake.New(fake.OC()), use: c.use, calls: new(int), windows: new([]time.Duration), interval: 55 * time.Second}
		expect(t, name, soak(t, system, s)[cpu], c.state, c.message)
	}
}

// TestCPUWindow sees the window raised to what the interval of the collection asks for, and a measurement a minute.
func TestCPUWindow(t *testing.T) {
	system := loaded{World: fake.New(fake.OC()), use: func(int) ([]sut.Load, error) { return daemon(1), nil }, calls: new(int), windows: new([]time.Duration), interval: 61 * time.Second}
	got := soak(t, system, soakSettings())[cpu]
	if *system.calls != 6 || (*system.windows)[1] != 132*time.Second || got.SystemSeconds != 432 {
		t.Errorf("%d calls over %v, %g s", *system.calls, *system.windows, got.SystemSeconds)
	}
}
