package soak_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/soak"
	"github.com/ptplab/ptplab/conformance/sut"
)

func start() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func at(s float64) time.Time { return start().Add(time.Duration(s * float64(time.Second))) }

// clock sees states a second apart.
func clock(states string) *soak.Clock {
	c := &soak.Clock{Name: "CLOCK_REALTIME of w1"}
	for n, s := range strings.Fields(states) {
		c.See(at(float64(n)), map[string]string{"L": soak.Locked, "H": soak.Holdover, "F": soak.FreeRun}[s])
	}
	return c
}

func TestLosses(t *testing.T) {
	for states, want := range map[string]int{
		"":              0,
		"F F H F":       0, // never locked
		"F L L L":       0, // before the first LOCKED nothing counts
		"L H H F F L":   1, // one loss, however it goes on
		"L H L F L H":   3,
		"F L F L F L F": 3,
	} {
		c := clock(states)
		if len(c.Losses) != want || c.Locked != strings.Contains(states, "L") {
			t.Errorf("%s: %d losses, locked %t, want %d losses", states, len(c.Losses), c.Locked, want)
		}
	}
	c := clock("L H F L F")
	want := []soak.Loss{{From: at(1), Until: at(3), State: soak.Holdover}, {From: at(4), State: soak.FreeRun}}
	if diff := cmp.Diff(want, c.Losses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJudgeSync(t *testing.T) {
	for _, c := range []struct {
		states    string
		threshold int64
		want      string
	}{
		{"L L", 1, ""},
		{"L H L", 2, ""},
		{"L H L", 1, "CLOCK_REALTIME of w1 lost its sync once, which fails at 1: HOLDOVER at 1s for 1s"},
		{"L H L", 0, "which fails at 1"}, // a threshold that nobody gave is no licence
		{"L H L", -3, "which fails at 1"},
		{"L F L F", 2, "lost its sync 2 times, which fails at 2: FREERUN at 1s for 1s, FREERUN at 3s"},
		{"F H", 10, "was never LOCKED: FREERUN at 0s, HOLDOVER at 1s"},
		{"", 10, "was never LOCKED: nothing told of its state"},
		{"L F L F L F L F L F L F L F L", 3, "and 2 more"},
	} {
		got := errors.Join(soak.JudgeSync([]*soak.Clock{clock(c.states)}, c.threshold, start())...)
		if c.want == "" && got != nil || c.want != "" && (got == nil || !strings.Contains(got.Error(), c.want)) {
			t.Errorf("%q at %d: got %v, want %q", c.states, c.threshold, got, c.want)
		}
	}
}

func TestUntold(t *testing.T) {
	for _, c := range []struct {
		shown, told string
		late        float64 // seconds by which told is later
		want        int
	}{
		{"L L F L", "L L F L", 0, 0},
		{"L L F L", "L L F L", 1.5, 0},
		{"L L F L", "L L L L", 0, 1}, // a muted event
		{"L L H F", "L", 0, 2},
		{"L L F L", "L L F L", 9, 1}, // told, but much later: by then it is not so any more
		{"L", "", 0, 1},
		{"", "L", 0, 0},
		{"L L F", "L F L L L L F", 0, 0},
	} {
		told := clock(c.told).Changes
		for n := range told {
			told[n].At = told[n].At.Add(time.Duration(c.late * float64(time.Second)))
		}
		if got := soak.Untold(clock(c.shown).Changes, told, 2*time.Second); len(got) != c.want {
			t.Errorf("shown %q, told %q %g s later: untold %v, want %d", c.shown, c.told, c.late, got, c.want)
		}
	}
}

func TestCSV(t *testing.T) {
	var text strings.Builder
	err := soak.Write(&text, []soak.Line{
		{At: at(0.25), Type: "event.sync.sync-status.os-clock-sync-state-change", Offset: "-7", State: "LOCKED"},
		{At: at(1), Type: "event.sync.ptp-status.ptp-state-change", Offset: "99999999.5", State: "FREERUN"},
		{At: at(2), Type: "a,b", State: "HOLDOVER"},
		{At: at(3), Type: "x", State: "ACQUIRING-SYNC"},
	})
	want := `2026-01-01T00:00:00.25Z,event.sync.sync-status.os-clock-sync-state-change,-7,LOCKED,1
2026-01-01T00:00:01Z,event.sync.ptp-status.ptp-state-change,99999999.5,FREERUN,0
2026-01-01T00:00:02Z,"a,b",,HOLDOVER,2
2026-01-01T00:00:03Z,x,,ACQUIRING-SYNC,-1
`
	if diff := cmp.Diff(want, text.String()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestCPU(t *testing.T) {
	loads := []sut.Load{
		{Node: "w1", PodType: "linuxptp-daemon", Pod: "d-1", Container: "linuxptp-daemon-container", Millicores: 40},
		{Node: "w1", PodType: "linuxptp-daemon", Pod: "d-1", Container: "cloud-event-proxy", Millicores: 30},
		{Node: "w1", PodType: "ptp-operator", Pod: "o-1", Container: "ptp-operator", Millicores: 20},
		{Node: "w2", PodType: "linuxptp-daemon", Pod: "d-2", Container: "cloud-event-proxy", Millicores: 10},
	}
	pod := func(kind, container string, limit int64) settings.PodLimit {
		return settings.PodLimit{Type: kind, Container: container, Millicores: limit}
	}
	for _, c := range []struct {
		limits  soak.Limits
		want    string
		without string
	}{
		{soak.Limits{Node: 100}, "", ""},
		{soak.Limits{Node: 90}, "node w1 used 90.0 mcores, limit 90, at 1s", ""}, // reached is too much
		{soak.Limits{Pods: []settings.PodLimit{pod("linuxptp-daemon", "", 70)}}, "pod d-1 on w1 used 70.0 mcores, limit 70, at 1s", ""},
		{soak.Limits{Pods: []settings.PodLimit{pod("linuxptp-daemon", "cloud-event-proxy", 10)}},
			"container cloud-event-proxy of pod d-1 on w1 used 30.0 mcores, limit 10, at 1s, container cloud-event-proxy of pod d-2 on w2 used 10.0 mcores, limit 10, at 1s", ""},
		{soak.Limits{Pods: []settings.PodLimit{pod("linuxptp-daemon", "cloud-event-proxy", 31), pod("ptp-operator", "nix", 1)}}, "", "ptp-operator/nix"},
	} {
		usages, without := c.limits.Usages(loads)
		if got := soak.BreachList(soak.Breaches(at(1), usages), start()); got != c.want || strings.Join(without, " ") != c.without {
			t.Errorf("%s: got %q, without %q; want %q, %q", c.limits, got, without, c.want, c.without)
		}
	}
	if _, without := (soak.Limits{Node: 5}).Usages(nil); len(without) != 1 {
		t.Error("a node's limit without any load is met")
	}
	if got := soak.Breaches(at(0), []soak.Usage{{What: "node", Millicores: math.NaN(), Limit: 5}}); len(got) != 1 {
		t.Error("a use that is no number is within limits")
	}
	if s := (soak.Limits{Node: 5, Pods: []settings.PodLimit{pod("a", "b", 1)}}).String(); s != "5 mcores a node, 1 mcores a a/b" {
		t.Errorf("limits are %q", s)
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct{ asked, interval, want time.Duration }{
		{time.Minute, 30 * time.Second, time.Minute},
		{59 * time.Second, 30 * time.Second, 70 * time.Second},
		{2 * time.Minute, 0, 2 * time.Minute},
	} {
		if got := soak.Window(c.asked, c.interval); got != c.want {
			t.Errorf("%s of a rate collected every %s: %s, want %s", c.asked, c.interval, got, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		line string
		want soak.Said
	}{
		{"ptp4l[1159.192]: [ptp4l.1.config:6] master offset     -20151 s2 freq   -1000 path delay     22574", soak.Said{Program: "ptp4l", Measured: true, Offset: -20151, Servo: "s2"}},
		{"ptp4l[5196755.139]: [ptp4l.0.config] ens7f0 offset -9 s2 freq -17 path delay 89", soak.Said{Program: "ptp4l", Measured: true, Offset: -9, Servo: "s2"}},
		{"ptp4l[4.000]: rms    3 max    7 freq  +1000 +/-   2 delay   480 +/-   2", soak.Said{Program: "ptp4l", Measured: true, Offset: 7}},
		{"phc2sys[648.869]: [ptp4l.0.config:6] CLOCK_REALTIME phc offset         0 s0 freq      +0 delay      0", soak.Said{Program: "phc2sys", Measured: true, Servo: "s0"}},
		{"phc2sys[813.101]: [ptp4l.0.config:6] CLOCK_REALTIME rms   12 max   31 freq   +1023 +/-   7 delay   480 +/-   2", soak.Said{Program: "phc2sys", Measured: true, Offset: 31}},
		{"ptp4l[1028.810]: [ptp4l.0.config:5] port 1 (ens3f0): MASTER to FAULTY on FAULT_DETECTED (FT_UNSPECIFIED)", soak.Said{Program: "ptp4l", Trouble: true}},
		{"ptp4l[5196755.139]: [ptp4l.0.config:3] timed out while polling for tx timestamp", soak.Said{Program: "ptp4l", Trouble: true}},
		{"ptp4l[1.100]: port 1 (ens7f1): SLAVE to LISTENING on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES", soak.Said{Program: "ptp4l", Trouble: true}},
		{"ptp4l[1022.836]: [ptp4l.0.config:5] port 1 (ens3f0): INITIALIZING to LISTENING on INIT_COMPLETE", soak.Said{Program: "ptp4l", Starts: true}},
		{"ptp4l[1178.012]: [ptp4l.1.config:{level}] port 0: INITIALIZING to LISTENING on INIT_COMPLETE", soak.Said{Program: "ptp4l"}}, // port 1 says it for all
		{"ptp4l[1028.864]: [ptp4l.0.config:5] port 1 (ens3f0): assuming the grand master role", soak.Said{Program: "ptp4l"}},
		{"ptp4l[1.0]: master offset 99999999999999999999 s2 freq 0", soak.Said{Program: "ptp4l", Servo: "s2", Offset: math.MaxInt64}},
	} {
		got, ok := soak.Read(c.line)
		if diff := cmp.Diff(c.want, got); diff != "" || !ok {
			t.Errorf("%s: %t (-want +got):\n%s", c.line, ok, diff)
		}
	}
	for _, other := range []string{"", "ptp4l[1767225600]:[ptp4l.0.config] CLOCK_CLASS_CHANGE 6", "option timeout is deprecated", "I1122 daemon: ptp4l[1.0]: FAULTY"} {
		if said, ok := soak.Read(other); ok {
			t.Errorf("%q was taken for a line of linuxptp: %+v", other, said)
		}
	}
}

// FuzzRead wants that any text is read, and that an offset comes only from a line that has one.
func FuzzRead(f *testing.F) {
	f.Add("ptp4l[1.0]: [x] master offset -3 s2 freq +0 path delay 1")
	f.Add("phc2sys[1.0]: CLOCK_REALTIME rms 1 max 2 freq 3")
	f.Add("ptp4l[.]: \xff timed out")
	f.Fuzz(func(t *testing.T, text string) {
		said, ok := soak.Read(text)
		if !ok && said != (soak.Said{}) || said.Measured && !strings.Contains(text, "offset") && !strings.Contains(text, "max") || said.Measured && said.Trouble {
			t.Errorf("%q: %+v", text, said)
		}
	})
}

func TestSteady(t *testing.T) {
	steady := func() *soak.Steady { return &soak.Steady{Start: start(), Low: -100, High: 100, Bound: 30} }
	well := steady()
	for n := range 10 {
		well.Offset("oc1", at(float64(n)), float64(20*n-100), "s2")
		well.TrueError("oc1", at(float64(n)), -30)
		well.Offset("oc1", at(float64(n)), 0, "")
	}
	if err := errors.Join(well.Err()...); err != nil || well.Samples("oc1") != 20 || well.WorstOffset("oc1") != 100 || well.WorstTrueError("oc1") != 30 {
		t.Errorf("%v, %d samples, worst %g and %g", err, well.Samples("oc1"), well.WorstOffset("oc1"), well.WorstTrueError("oc1"))
	}
	for name, c := range map[string]struct {
		break_ func(*soak.Steady)
		want   string
	}{
		"spikes": {func(s *soak.Steady) {
			s.Offset("oc1", at(1), 101, "s2")
			s.Offset("oc1", at(2), -400, "s2")
		}, "offset of oc1 is +101 ns at 1s, outside of -100 to 100 ns; 2 times in all; at worst offset of oc1 is -400 ns at 2s, outside of -100 to 100 ns"},
		"no number": {func(s *soak.Steady) { s.Offset("oc1", at(1), math.NaN(), "") }, "offset of oc1 is +NaN ns"},
		"servo": {func(s *soak.Steady) {
			s.Offset("oc1", at(1), 0, "s2")
			s.Offset("oc1", at(2), 0, "")
			s.Offset("oc1", at(3), 0, "s1")
		}, "the servo of oc1 goes from s2 to s1 at 3s"},
		"truth":   {func(s *soak.Steady) { s.TrueError("oc1", at(1), -31) }, "true error of oc1 is -31 ns at 1s, bound 30 ns"},
		"trouble": {func(s *soak.Steady) { s.Trouble("oc1", "start", at(1), "ptp4l starts") }, "oc1: ptp4l starts at 1s"},
	} {
		s := steady()
		c.break_(s)
		if got := errors.Join(s.Err()...); got == nil || !strings.Contains(got.Error(), c.want) || s.FaultCount() == 0 {
			t.Errorf("%s: got %v, want %q", name, got, c.want)
		}
	}
	two := steady()
	two.Offset("oc1", at(1), 0, "s2")
	two.Offset("oc2", at(1), 0, "s0")
	if err := two.Err(); err != nil {
		t.Errorf("two servos in different states: %v", err)
	}
}
