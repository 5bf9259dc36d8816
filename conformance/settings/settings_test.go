package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// resolved resolves flags and variables, written "--mode=bc" and "PTP_TEST_MODE=bc".
func resolved(given ...string) (*Settings, error) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(flags)
	variables := map[string]string{}
	var args []string
	for _, g := range given {
		if strings.HasPrefix(g, "--") {
			args = append(args, g)
			continue
		}
		name, value, _ := strings.Cut(g, "=")
		variables[name] = value
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	lookup := func(name string) (string, bool) { v, found := variables[name]; return v, found }
	return Resolve(Input{Flags: flags, LookupEnv: lookup})
}

func good(t *testing.T, given ...string) *Settings {
	t.Helper()
	s, err := resolved(given...)
	if err != nil {
		t.Fatalf("%v: %v", given, err)
	}
	return s
}

func TestDefaults(t *testing.T) {
	s := good(t)
	if s.Mode != ptpconfig.OC || s.MaxOffset != 100 || s.MinOffset != -100 || s.EventAPIVersion != "2.0" || s.LogDir != "/tmp/ptp-logs" ||
		s.KeepPtpConfig || s.ExternalGrandmaster || s.CollectPodLogs || s.Soak.CPU.Enable || s.Soak.ClockSync.Enable || !s.L2Managed {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff(ptpconfig.Thresholds{MaxOffset: 100, MinOffset: -100, HoldOver: 5}, s.Generate().Thresholds); diff != "" {
		t.Error(diff)
	}
	if zero, err := Resolve(Input{}); err != nil || !reflect.DeepEqual(zero, s) {
		t.Errorf("without flags and variables: %v\n%+v\n%+v", err, zero, s)
	}
}

// TestOrder gives every setting that has them a flag and a variable of different values.
func TestOrder(t *testing.T) {
	s := good(t, "--max-offset=7", "MAX_OFFSET_IN_NS=8", "--threshold-max=9", "PTP_TEST_CONFIG_FILE=testdata/ci.yaml", "MIN_OFFSET_IN_NS=-8")
	for name, want := range map[string]string{
		"max-offset":        "7 flag --max-offset",
		"min-offset":        "-8 variable MIN_OFFSET_IN_NS",
		"threshold-max":     "9 flag --threshold-max",
		"threshold-min":     "-10000 file testdata/ci.yaml:4",
		"disable-rt-update": "true file testdata/ci.yaml:5",
		"holdover-timeout":  "5 default",
		"test-config":       "testdata/ci.yaml variable PTP_TEST_CONFIG_FILE",
	} {
		i := slices.IndexFunc(Table(), func(r Setting) bool { return r.Name == name })
		if got := show(Table()[i].get(s)) + " " + s.Origin(name).String(); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if o := s.Generate(); o.Thresholds.MaxOffset != 9 || !o.DisableAllSlaveRTUpdate || o.Authentication != nil {
		t.Errorf("options of the generator: %+v", o)
	}
}

// TestForms holds the forms of the variables' values that users know, odd as some are.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		given string
		get   func(*Settings) any
		want  any
	}{
		{"KEEP_PTPCONFIG=true", func(s *Settings) any { return s.KeepPtpConfig }, true},
		{"KEEP_PTPCONFIG=", func(s *Settings) any { return s.KeepPtpConfig }, true},
		{"KEEP_PTPCONFIG=0", func(s *Settings) any { return s.KeepPtpConfig }, true},
		{"KEEP_PTPCONFIG=FALSE", func(s *Settings) any { return s.KeepPtpConfig }, false},
		{"KEEP_PTPCONFIG=\"false\"", func(s *Settings) any { return s.KeepPtpConfig }, false},
		{"EXTERNAL_GM=yes", func(s *Settings) any { return s.ExternalGrandmaster }, true},
		{"EXTERNAL_GM=False", func(s *Settings) any { return s.ExternalGrandmaster }, false},
		{"USE_CONTAINER_CMDS=", func(s *Settings) any { return s.ContainerCommands }, true},
		{"USE_CONTAINER_CMDS=false", func(s *Settings) any { return s.ContainerCommands }, true},
		{"--container-cmds=false", func(s *Settings) any { return s.ContainerCommands }, false},
		{"--keep-ptpconfig", func(s *Settings) any { return s.KeepPtpConfig }, true},
		{"--keep-ptpconfig=0", func(s *Settings) any { return s.KeepPtpConfig }, false},
		{"ENABLE_PTP_EVENT=T", func(s *Settings) any { return s.Events }, true},
		{"ENABLE_PTP_EVENT=", func(s *Settings) any { return s.Events }, false},
		{"CONFIGURE_FIFO=1", func(s *Settings) any { return s.Generate().FIFO }, true},
		{"PTP_AUTH_ENABLED=true", func(s *Settings) any { return s.Generate().Authentication.SPP }, uint8(1)},
		{"COLLECT_POD_LOGS=TRUE", func(s *Settings) any { return s.CollectPodLogs }, true},
		{"L2_DAEMONSET=unmanaged", func(s *Settings) any { return s.L2Managed }, false},
		{"DISCOVERY_MODE=true", func(s *Settings) any { return s.Mode }, ptpconfig.Discovery},
		{"DISCOVERY_MODE=Discovery", func(s *Settings) any { return s.Mode }, ptpconfig.Discovery},
		{"DISCOVERY_MODE=false", func(s *Settings) any { return s.Mode }, ptpconfig.OC},
		{"PTP_TEST_MODE=dualnicbcha", func(s *Settings) any { return s.Mode }, ptpconfig.DualNICBCHA},
		{"PTP_TEST_MODE=", func(s *Settings) any { return s.Mode }, ptpconfig.OC},
		{"PTP_LOG_LEVEL=Warning", func(s *Settings) any { return s.LogLevel }, "warn"},
		{"EVENT_API_VERSION=1.0", func(s *Settings) any { return s.EventAPIVersion }, "1.0"},
		{"SKIP_INTERFACES=eno1, ens2f1,,", func(s *Settings) any { return s.SkipInterfaces }, []string{"eno1", "ens2f1"}},
		{"ENABLE_TEST_CASE=reboot", func(s *Settings) any { return s.TestCases }, []string{"reboot"}},
		{"--soak-sync-duration=90", func(s *Settings) any { return s.Soak.ClockSync.Duration }, 90 * time.Minute},
		{"--soak-cpu-pods=linuxptp-daemon/x=3", func(s *Settings) any { return s.Soak.CPUPods }, []PodLimit{{"linuxptp-daemon", "x", 3}}},
		{"--soak-failures=3", func(s *Settings) any { return s.Soak.CPU.FailureThreshold }, int64(3)},
	} {
		if got := c.get(good(t, c.given)); !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.given, got, c.want)
		}
	}
}

func TestFaults(t *testing.T) {
	const modes = "modes are OC, DualFollower, BC, DualNICBC, DualNICBCHA and Discovery"
	for _, c := range []struct {
		given string
		want  []string
	}{
		{"PTP_TEST_MODE=OCC", []string{`variable PTP_TEST_MODE: unknown mode "OCC"; ` + modes}},
		{"PTP_TEST_MODE=TGM", []string{"mode TGM has no specs yet; " + modes}},
		{"--mode=bcc", []string{`"--mode"`, `unknown mode "bcc"; ` + modes}},
		{"DISCOVERY_MODE=maybe", []string{`variable DISCOVERY_MODE: "maybe" is neither true nor false`}},
		{"ENABLE_PTP_EVENT=yes", []string{`variable ENABLE_PTP_EVENT: "yes" is neither true nor false`}},
		{"ENABLE_TEST_CASE=reboot,rebot", []string{`unknown "rebot"; there is reboot`}},
		{"EVENT_API_VERSION=3.0", []string{`"3.0" is no version`}},
		{"EVENT_API_VERSION=2.", []string{`"2." is no version`}},
		{"EVENT_API_VERSION=2x", []string{`"2x" is no version`}},
		{"L2_DAEMONSET=yes", []string{"neither MANAGED nor UNMANAGED"}},
		{"PTP_LOG_LEVEL=loud", []string{"levels are trace, debug"}},
		{"MAX_OFFSET_IN_NS=1us", []string{`"1us" is not a whole number`}},
		{"MAX_OFFSET_IN_NS=9999999999999999999", []string{"9999999999999999999 is too large"}},
		{"MAX_OFFSET_IN_NS=-100", []string{"min-offset -100 ns (default) is not below max-offset -100 ns (variable MAX_OFFSET_IN_NS)"}},
		{"MAX_OFFSET_IN_NS=x MIN_OFFSET_IN_NS=y PTP_TEST_MODE=z", []string{"MAX_OFFSET_IN_NS: ", "MIN_OFFSET_IN_NS: ", "PTP_TEST_MODE: "}},
		{"FLAKE_ATTEMPTS=0", []string{"0 is less than 1"}},
		{"PTP_TEST_CONFIG_FILE=nowhere.yaml", []string{"configuration of the suite (variable PTP_TEST_CONFIG_FILE): open nowhere.yaml"}},
		{"PTP_TEST_CONFIG_FILE=testdata/bad.yaml PTP_TEST_MODE=z", []string{"testdata/bad.yaml:2:3: nothing reads", "PTP_TEST_MODE: "}},
		{"--soak-cpu", []string{"soak-cpu is on (flag --soak-cpu), but there is no limit"}},
		{"--soak-cpu-pods=ptp-operator", []string{"has no limit"}},
		{"--soak-cpu-pods=proxy=3", []string{`pod type "proxy" is neither`}},
		{"--soak-cpu-pods=ptp-operator=3,ptp-operator=4", []string{"two limits of ptp-operator"}},
		{"--soak-cpu-pods=ptp-operator=0", []string{"limit of ptp-operator: 0 is less than 1"}},
		{"--soak-cpu-window=60", []string{"write it as in 60s"}},
		{"--soak-sync-duration=99999999", []string{"more than a year"}},
		{"--threshold-max=0", []string{"0 is less than 1"}},
		{"--threshold-min=0", []string{"0 is more than -1"}},
	} {
		s, err := resolved(strings.Fields(c.given)...)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || s != nil {
				t.Errorf("%s: got %v, want %q", c.given, err, want)
			}
		}
	}
	if _, err := resolved("PTP_TEST_CONFIG_FILE=nowhere.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// TestOneSettingDecidesAnother holds that what is said at a stronger place prevails.
func TestOneSettingDecidesAnother(t *testing.T) {
	for _, c := range []struct {
		given, name, want string
	}{
		{"DISCOVERY_MODE=true PTP_TEST_MODE=BC", "mode", "Discovery variable DISCOVERY_MODE (discovery-mode)"},
		{"DISCOVERY_MODE=true --mode=BC", "mode", "BC flag --mode"},
		{"--discovery-mode PTP_TEST_MODE=BC", "mode", "Discovery flag --discovery-mode (discovery-mode)"},
		{"PTP_TEST_CONFIG_FILE=testdata/soak.yaml", "soak-sync", "true file testdata/soak.yaml:11"},
		{"PTP_TEST_CONFIG_FILE=testdata/soak.yaml --soak-disable-all", "soak-sync", "false flag --soak-disable-all (soak-disable-all)"},
		{"PTP_TEST_CONFIG_FILE=testdata/soak.yaml", "soak-sync-failures", "10 file testdata/soak.yaml:13"},
		{"PTP_TEST_CONFIG_FILE=testdata/soak.yaml", "soak-cpu-failures", "4 file testdata/soak.yaml:8 (soak-failures)"},
		{"PTP_TEST_CONFIG_FILE=testdata/soak.yaml --soak-failures=2", "soak-sync-failures", "10 file testdata/soak.yaml:13"},
	} {
		s := good(t, strings.Fields(c.given)...)
		i := slices.IndexFunc(Table(), func(r Setting) bool { return r.Name == c.name })
		if got := show(Table()[i].get(s)) + " " + s.Origin(c.name).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.given, got, c.want)
		}
	}
	off := func(name string) ([]byte, error) { return []byte("soaktest: {disable_all: true}"), nil }
	lookup := func(name string) (string, bool) { return "f", name == "PTP_TEST_CONFIG_FILE" }
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(flags)
	if err := flags.Parse([]string{"--soak-sync"}); err != nil {
		t.Fatal(err)
	}
	if s, err := Resolve(Input{flags, lookup, off}); err != nil || !s.Soak.ClockSync.Enable || s.Soak.CPU.Enable {
		t.Errorf("a flag over disable_all in the file: %v, %+v", err, s)
	}
}

func TestExplain(t *testing.T) {
	s := good(t, "PTP_TEST_CONFIG_FILE=testdata/soak.yaml", "PTP_TEST_MODE=dualnicbc", "--external-gm", "SKIP_INTERFACES=eno1,eno2,ens1f0np0,ens1f1np1,enp130s0f0")
	var table, js bytes.Buffer
	if err := errors.Join(s.Explain(&table), s.ExplainJSON(&js)); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(table.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	golden(t, "explain.txt", table.String())
	golden(t, "explain.json", js.String())
	var all []Explained
	if err := json.Unmarshal(js.Bytes(), &all); err != nil || len(all) != len(Table()) {
		t.Errorf("%d of %d settings, %v", len(all), len(Table()), err)
	}
}

func TestFlags(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(flags)
	golden(t, "flags.txt", flags.FlagUsagesWrapped(80))
}

// TestTable holds the table together: names once, variables and keys once, every field of Settings served.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Table() {
		for _, name := range []string{"name " + row.Name, "variable " + row.Variable, "key " + row.Key} {
			if seen[name] && !strings.HasSuffix(name, " ") {
				t.Errorf("%s twice", name)
			}
			seen[name] = true
		}
		if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(row.Name) || len(row.Name) > nameWidth || row.Help == "" {
			t.Errorf("row %+v", row)
		}
		if strings.Contains(row.Help, "`") != (row.shape != isBool) {
			t.Errorf("%s: the help must name the value of what is not a switch, and of nothing else", row.Name)
		}
	}
	for _, name := range strings.Fields(`KUBECONFIG PTP_LOG_LEVEL PTP_TEST_MODE DISCOVERY_MODE ENABLE_TEST_CASE SKIP_INTERFACES KEEP_PTPCONFIG
		MAX_OFFSET_IN_NS MIN_OFFSET_IN_NS MAX_IN_SPEC_OFFSET_NS ENABLE_PTP_EVENT EVENT_API_VERSION ENABLE_V1_REGRESSION EXTERNAL_GM
		PTP_TEST_CONFIG_FILE COLLECT_POD_LOGS LOG_ARTIFACTS_DIR LOG_TEST_MARKERS CONFIGURE_FIFO PTP_AUTH_ENABLED USE_CONTAINER_CMDS
		L2_DISCOVERY_IMAGE L2_DAEMONSET CONSUMER_IMG IMAGE_REGISTRY CNF_TESTS_IMAGE DPDK_TESTS_IMAGE NODES_SELECTOR
		JUNIT_OUTPUT_DIR JUNIT_OUTPUT_FILE FLAKE_ATTEMPTS`) {
		if !seen["variable "+name] {
			t.Errorf("no setting has the variable %s", name)
		}
	}
	leaves := 0
	var count func(reflect.Type)
	count = func(of reflect.Type) {
		for i := range of.NumField() {
			switch f := of.Field(i); {
			case !f.IsExported():
			case f.Type.Kind() == reflect.Struct:
				count(f.Type)
			default:
				leaves++
			}
		}
	}
	if count(reflect.TypeFor[Settings]()); leaves != len(Table()) {
		t.Errorf("%d fields, %d rows", leaves, len(Table()))
	}
}
