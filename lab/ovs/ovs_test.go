package ovs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no lab":        {RunDir: "/run/x"},
		"relative path": {Lab: "t", RunDir: "x"},
		"root":          {Lab: "t", RunDir: "/.."},
		"long path":     {Lab: "t", RunDir: "/" + strings.Repeat("x", 100)},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestCheck(t *testing.T) {
	port := []Port{{"p0", 10}}
	for _, test := range []struct {
		name string
		want []Bridge
		says string
	}{
		{"good", []Bridge{{Name: "sw1", Ports: port}, {Name: "sw2", Datapath: DatapathUser, Ports: []Port{{"p1", 4094}}}}, ""},
		{"bridge twice", []Bridge{{Name: "sw1"}, {Name: "sw1"}}, "wanted twice"},
		{"port twice", []Bridge{{Name: "sw1", Ports: port}, {Name: "sw2", Ports: port}}, "wanted in bridge sw1 and in bridge sw2"},
		{"port as bridge", []Bridge{{Name: "p0", Ports: port}}, "as a port and as a bridge"},
		{"VLAN 0", []Bridge{{Name: "sw1", Ports: []Port{{"p0", 0}}}}, "outside 1-4094"},
		{"VLAN 4095", []Bridge{{Name: "sw1", Ports: []Port{{"p0", 4095}}}}, "outside 1-4094"},
		{"path in name", []Bridge{{Name: "../x"}}, "not 1-15"},
		{"option as name", []Bridge{{Name: "-x"}}, "not 1-15"},
		{"16 bytes", []Bridge{{Name: "a234567890123456"}}, "not 1-15"},
		{"port with space", []Bridge{{Name: "sw1", Ports: []Port{{"p 0", 1}}}}, "not 1-15"},
		{"datapath", []Bridge{{Name: "sw1", Datapath: "dpdk"}}, "neither"},
	} {
		err := check(test.want)
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.says)
		}
	}
}

func TestCompare(t *testing.T) {
	have := []BridgeState{
		{Name: "old", Lab: "t", FailMode: failSecure},
		{Name: "other", Lab: "somebody"},
		{Name: "sw1", Lab: "t", FailMode: failSecure, Ports: []PortState{{Name: "gone", VLAN: 1}, {Name: "kept", VLAN: 2}, {Name: "moved", VLAN: 3}}},
		{Name: "sw2", Lab: "t", Datapath: DatapathUser},
	}
	want := []Bridge{
		{Name: "sw1", Ports: []Port{{"kept", 2}, {"moved", 4}, {"new", 5}}},
		{Name: "sw2", Datapath: DatapathUser},
		{Name: "sw3", Ports: []Port{{"p0", 6}}},
	}
	changes, err := compare(have, want, "t")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	if diff := cmp.Diff([]string{
		"remove port gone from bridge sw1",
		"remove bridge old",
		`set datapath type "netdev" and fail mode of bridge sw2`,
		"move port moved of bridge sw1 from VLAN 3 to VLAN 4",
		"add bridge sw3",
		"add port new to bridge sw1 in VLAN 5",
		"add port p0 to bridge sw3 in VLAN 6",
	}, lines); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if _, err := compare(have, []Bridge{{Name: "other"}}, "t"); err == nil || !strings.Contains(err.Error(), "not this lab's") {
		t.Errorf("somebody else's bridge: %v", err)
	}
	if changes, err := compare(have[2:3], []Bridge{{Name: "sw1", Ports: []Port{{"gone", 1}, {"kept", 2}, {"moved", 3}}}}, "t"); err != nil || len(changes) != 0 {
		t.Errorf("no difference gives %v, %v", changes, err)
	}
}

// What ovs-ofctl 3.1 printed with and without --no-stats.
const (
	flowsWithoutStatistics = " priority=100,dl_type=0x88f7 actions=drop\n priority=0 actions=NORMAL\n"
	flowsWithHeader        = "NXST_FLOW reply (xid=0x4):\n priority=0 actions=NORMAL\n priority=100,dl_type=0x88f7 actions=drop\n"
)

func TestParseFlows(t *testing.T) {
	for _, text := range []string{flowsWithoutStatistics, flowsWithHeader} {
		if diff := cmp.Diff(wantedFlows(), parseFlows(text)); diff != "" {
			t.Errorf("flows of %q (-want +got):\n%s", text, diff)
		}
	}
	if got := parseFlows(""); len(got) != 0 {
		t.Errorf("flows of nothing = %q", got)
	}
}

func FuzzParseFlows(f *testing.F) {
	f.Add(flowsWithoutStatistics)
	f.Add(flowsWithHeader)
	f.Fuzz(func(t *testing.T, text string) {
		for _, flow := range parseFlows(text) {
			if !strings.Contains(flow, "actions=") || strings.Contains(flow, "\n") {
				t.Errorf("flow %q", flow)
			}
		}
	})
}

// TestDaemonThatDiesAtOnce has a program in ovsdb-server's place that prints a line and ends.
func TestDaemonThatDiesAtOnce(t *testing.T) {
	sw, err := New(Config{Lab: "t", RunDir: t.TempDir(), Command: func([]string) *exec.Cmd {
		return exec.Command("sh", "-c", "echo no memory >&2; exit 3")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sw.launch(ovsdbServer); err != nil {
		t.Fatal(err)
	}
	<-sw.Done()
	if err := sw.Err(); err == nil || !strings.Contains(err.Error(), "ovsdb-server of") || !strings.Contains(err.Error(), "exit status 3") ||
		!strings.Contains(err.Error(), "its last lines:\n  no memory") {
		t.Errorf("Err = %v", err)
	}
}

func TestWatchEndsWithTheProcess(t *testing.T) {
	sw, err := New(Config{Lab: "t", RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel, err := sw.watchProcess(t.Context(), vswitchd, cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	if ctx.Err() != nil {
		t.Fatal("ended before the process")
	}
	if err := stopProcess(t.Context(), cmd.Process.Pid, 1e9); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) || !strings.Contains(cause.Error(), "ovs-vswitchd of") {
		t.Errorf("cause = %v", cause)
	}
	_ = cmd.Wait()
}

func TestRemoveOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	sw, err := New(Config{Lab: "t", RunDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if st, err := sw.Observe(t.Context()); err != nil || st.Running() || len(st.Bridges) != 0 {
		t.Errorf("Observe = %+v, %v", st, err)
	}
	if err := sw.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRemoveKeepsWhatIsNotTheirs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"conf.db", ".conf.db.~lock~", "ovs-vswitchd.log", "sw1.mgmt", "precious"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sw, err := New(Config{Lab: "t", RunDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := sw.Remove(t.Context()); err == nil {
		t.Error("a directory with somebody's file is removed without a word")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "precious" {
		t.Errorf("left: %v, %v, want precious", left, err)
	}
}
