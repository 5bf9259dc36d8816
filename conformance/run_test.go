package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// worlds are the systems that the suite is tried on, by name.
func worlds() map[string]sut.Inventory {
	return map[string]sut.Inventory{"oc": fake.OC(), "dual-follower": fake.DualFollower(), "bc": fake.BC(), "dnbc": fake.DNBC()}
}

func run(t *testing.T, system sut.System, options conformance.Options) conformance.Report {
	t.Helper()
	if options.LabelFilter == "" {
		options.LabelFilter = worldFilter
	}
	report, err := conformance.Run(context.Background(), system, options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func table(t *testing.T, report conformance.Report) string {
	t.Helper()
	var text strings.Builder
	if err := report.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// withoutWall takes out of a report what differs from run to run.
func withoutWall(report conformance.Report) conformance.Report {
	report.WallSeconds, report.Started = 0, time.Time{}
	for n := range report.Specs {
		report.Specs[n].WallSeconds = 0
	}
	return report
}

func TestAllPass(t *testing.T) {
	for name, inventory := range worlds() {
		report := run(t, fake.New(inventory), conformance.Options{})
		if !report.OK() || report.Skipped != 0 {
			t.Errorf("%s:\n%s", name, table(t, report))
		}
		golden(t, name+".txt", table(t, withoutWall(report)))
	}
}

func TestTableFitsTheTerminal(t *testing.T) {
	world := fake.New(fake.DNBC())
	world.Bypass["sw1-1501"] = "gm"
	world.ClockError["oc2"] = 5000
	text := table(t, run(t, world, conformance.Options{}))
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if !strings.Contains(text, "failed  path: oc1 on w3") || !strings.Contains(text, "parent of sw1-1501 on sw1 is") {
		t.Errorf("the failure is not told:\n%s", text)
	}
}

func TestDryRunListsAndTouchesNothing(t *testing.T) {
	report := run(t, untouchable{fake.New(fake.DNBC())}, conformance.Options{DryRun: true})
	golden(t, "dnbc-list.txt", table(t, report))
	if report.OK() {
		t.Error("a list is no success")
	}
}

// untouchable is a system that only tells its inventory.
type untouchable struct{ *fake.World }

func (untouchable) Now(context.Context) (time.Time, error)     { return time.Time{}, errors.New("touched") }
func (untouchable) Sleep(context.Context, time.Duration) error { return errors.New("touched") }
func (untouchable) Metrics(context.Context, string) ([]byte, error) {
	return nil, errors.New("touched")
}

func TestSelection(t *testing.T) {
	for _, c := range []struct {
		options conformance.Options
		want    int
	}{
		{conformance.Options{}, 19},
		{conformance.Options{LabelFilter: "sync"}, 4},
		{conformance.Options{LabelFilter: "sync || accuracy"}, 5},
		{conformance.Options{LabelFilter: "DualNICBC && (sync || path || accuracy)"}, 9},
		{conformance.Options{Focus: []string{"bc1 on w1"}}, 6},
		{conformance.Options{Focus: []string{"bc1 on w1"}, Skip: []string{"^path"}}, 5},
		{conformance.Options{Mode: "dualnicbc"}, 19},
	} {
		c.options.DryRun = true
		if got := len(run(t, fake.New(fake.DNBC()), c.options).Specs); got != c.want {
			t.Errorf("%+v: %d specs, want %d", c.options, got, c.want)
		}
	}
	report := run(t, fake.New(fake.DNBC()), conformance.Options{LabelFilter: "path"})
	if len(report.Specs) != 4 || report.Passed != 4 || report.SystemSeconds > 60 {
		t.Errorf("path alone:\n%s", table(t, report))
	}
}

func TestBadOptions(t *testing.T) {
	bad := specs.DefaultSettings()
	bad.MeasureEvery, bad.TrueErrorBound = time.Hour, -1
	for _, c := range []struct {
		options conformance.Options
		want    string
	}{
		{conformance.Options{LabelFilter: "sync &&"}, `label filter "sync &&"`},
		{conformance.Options{Focus: []string{"("}}, `pattern "("`},
		{conformance.Options{Skip: []string{"["}}, `pattern "["`},
		{conformance.Options{Mode: "nix"}, `DualNICBC`},
		{conformance.Options{Mode: "oc"}, "mode OC is not what the system offers, which is DualNICBC"},
		{conformance.Options{Focus: []string{"nothing is called so"}}, "no spec of mode DualNICBC is selected"},
		{conformance.Options{Settings: &bad}, "makes none in 5m0s"},
	} {
		_, err := conformance.Run(context.Background(), fake.New(fake.DNBC()), c.options)
		if !errors.Is(err, conformance.ErrUsage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want a usage error with %q", c.options, err, c.want)
		}
	}
}

func TestContradictoryInventory(t *testing.T) {
	inventory := fake.OC()
	inventory.Instances[2].Upstream = []string{"nowhere"}
	_, err := conformance.Run(context.Background(), fake.New(inventory), conformance.Options{})
	if err == nil || !strings.Contains(err.Error(), `upstream "nowhere", which does not exist`) {
		t.Errorf("got %v", err)
	}
	_, err = conformance.Run(context.Background(), fake.New(sut.Inventory{}), conformance.Options{})
	if err == nil || !strings.Contains(err.Error(), "nothing to test") {
		t.Errorf("empty inventory: got %v", err)
	}
}

func TestSkipsSayWhy(t *testing.T) {
	report := run(t, fake.Blind(fake.New(fake.OC())), conformance.Options{})
	if report.Failed != 0 || report.Skipped != 2 || report.Passed != 6 {
		t.Fatalf("without true error:\n%s", table(t, report))
	}
	if got := find(t, report, specs.AreaAccuracy).Message; got != "this system does not know the true error of its clocks" {
		t.Errorf("accuracy: %q", got)
	}
	inventory := fake.OC()
	inventory.Instances[2].Upstream = nil
	report = run(t, fake.New(inventory), conformance.Options{LabelFilter: "path"})
	if got := find(t, report, specs.AreaPath); got.State != conformance.Skipped || !strings.Contains(got.Message, "not known what oc1 on w1 is cabled to") {
		t.Errorf("path: %+v", got)
	}
	if report.OK() {
		t.Error("a run in which nothing was checked is OK")
	}
}

func find(t *testing.T, report conformance.Report, area string) conformance.SpecReport {
	t.Helper()
	for _, spec := range report.Specs {
		if spec.Area == area {
			return spec
		}
	}
	t.Fatalf("no spec of area %s", area)
	return conformance.SpecReport{}
}

func TestReports(t *testing.T) {
	dir := t.TempDir()
	options := conformance.Options{JUnit: filepath.Join(dir, "j.xml"), JSON: filepath.Join(dir, "r.json")}
	world := fake.New(fake.OC())
	world.ClockError["oc1"] = 5000
	report := run(t, world, options)
	text, err := os.ReadFile(options.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var read conformance.Report
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, read); diff != "" {
		t.Errorf("JSON (-returned +read):\n%s", diff)
	}
	stable, err := json.MarshalIndent(withoutWall(read), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "oc-failed.json", string(stable)+"\n")
	junit, err := os.ReadFile(options.JUnit)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`failures="1"`, "oc1 on w1 is off by +5000 ns", `name="ptp sync: oc1 on w1 locks`} {
		if !bytes.Contains(junit, []byte(want)) {
			t.Errorf("JUnit report lacks %s:\n%s", want, junit)
		}
	}
	if wd, _ := os.Getwd(); bytes.Contains(junit, []byte(`package="`+wd)) {
		t.Errorf("JUnit report names a folder of this machine")
	}
}

func TestReportFileInNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.json")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := conformance.Run(context.Background(), fake.New(fake.OC()), conformance.Options{LabelFilter: "path", JSON: file})
	if err == nil || !strings.Contains(err.Error(), "write JSON report") {
		t.Errorf("got %v", err)
	}
}

// cancelling ends the run's context when a link goes down.
type cancelling struct {
	*fake.World
	cancel context.CancelFunc
	ups    int
}

func (c *cancelling) SetLink(ctx context.Context, port sut.PortRef, up bool) error {
	if up {
		c.ups++
	} else {
		c.cancel()
	}
	return c.World.SetLink(ctx, port, up)
}

func TestCancelRestoresTheLink(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	system := &cancelling{World: fake.New(fake.DNBC()), cancel: cancel}
	report, err := conformance.Run(ctx, system, conformance.Options{LabelFilter: "failover"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if system.ups != 1 {
		t.Errorf("link set up %d times, want once, by the cleanup", system.ups)
	}
	if report.Failed != 1 || report.NotRun != 5 || report.OK() {
		t.Errorf("report:\n%s", table(t, report))
	}
}

func TestStdoutStaysClean(t *testing.T) {
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = w
	var progress bytes.Buffer
	world := fake.New(fake.OC())
	world.Bypass["oc1"] = "gm"
	run(t, world, conformance.Options{Progress: &progress})
	w.Close()
	written, err := io.ReadAll(r)
	if err != nil || len(written) > 0 {
		t.Errorf("stdout got %q, %v", written, err)
	}
	for _, want := range []string{"sync: oc1 on w1 locks to its time transmitter\n", "FAILED: waited 1m"} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("progress lacks %q:\n%s", want, progress.String())
		}
	}
}

func TestFailFast(t *testing.T) {
	world := fake.New(fake.DNBC())
	world.Stopped["sw1-1501"] = true
	report := run(t, world, conformance.Options{FailFast: true})
	if report.Failed != 1 || report.NotRun == 0 || report.OK() {
		t.Errorf("report:\n%s", table(t, report))
	}
}
