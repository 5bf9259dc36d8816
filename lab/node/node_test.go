package node

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/lab/topology"
)

// What ptp4l 4.2 writes from its start until it is locked, with this machine's time stamps left far in the past.
const (
	startLines = `ptp4l[10.100]: [ptp4l.0.config:5] port 1 (ens4f0): INITIALIZING to LISTENING on INIT_COMPLETE
ptp4l[10.100]: [ptp4l.0.config:5] port 0 (/var/run/ptp4l.0.socket): INITIALIZING to LISTENING on INIT_COMPLETE
ptp4l[10.600]: [ptp4l.0.config:5] port 1 (ens4f0): new foreign master 001122.fffe.330102-1
ptp4l[10.600]: [ptp4l.0.config:5] selected best master clock 001122.fffe.330102
ptp4l[10.600]: [ptp4l.0.config:5] port 1 (ens4f0): LISTENING to UNCALIBRATED on RS_SLAVE
ptp4l[10.700]: [ptp4l.0.config:6] master offset      83524 s0 freq      -0 path delay       500
ptp4l[10.800]: [ptp4l.0.config:5] port 1 (ens4f0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED
`
	lockLine  = "ptp4l[10.800]: [ptp4l.0.config:6] master offset         -7 s2 freq   +1000 path delay       501\n"
	faultLine = "ptp4l[20.100]: [ptp4l.0.config:5] port 1 (ens4f0): SLAVE to FAULTY on FAULT_DETECTED (FT_UNSPECIFIED)\n"
)

func receiver(name, port string, systemClock bool) PtpConfig {
	plan := &topology.Plan{Clocks: []topology.Clock{{Name: name, Worker: "w1", Type: topology.ClockOrdinary, Domain: 24, ReceivePorts: []string{port}, SystemClock: systemClock}}}
	return PtpConfigs(plan)[0]
}

// state tells whether the first clock of the node is in a state.
func state(want string) func(Status) bool {
	return func(s Status) bool { return len(s.Clocks) > 0 && s.Clocks[0].State == want }
}

func TestLockHoldoverFreeRunLock(t *testing.T) {
	b := newBench(t, Options{})
	c := receiver("oc1", "ens4f0", false)
	c.Spec.Profile[0].PtpClockThreshold.HoldOverTimeout = 1
	b.apply(c)
	b.write("ptp4l.0.config", startLines)
	b.until("FREERUN", state("FREERUN"))
	b.write("ptp4l.0.config", lockLine)
	s := b.until("LOCKED", state("LOCKED"))
	if p := s.Ports[0]; p.Role != "SLAVE" || p.PortState != "SLAVE" || p.Interface != "ens4f0" || p.Clock == nil || p.Clock.OffsetNs != -7 || p.Clock.DelayNs != 501 ||
		p.Clock.Servo != "s2" || p.Clock.Grandmaster != "001122.fffe.330102" {
		t.Errorf("port %+v clock %+v", p, p.Clock)
	}
	b.write("ptp4l.0.config", faultLine)
	s = b.until("HOLDOVER", state("HOLDOVER"))
	if s.Clocks[0].OffsetNs != faultyOffset || s.Ports[0].Role != "FAULTY" {
		t.Errorf("offset %d role %s after the fault", s.Clocks[0].OffsetNs, s.Ports[0].Role)
	}
	since := s.Clocks[0].Since
	s = b.until("FREERUN", state("FREERUN"))
	if d := s.Clocks[0].Since.Sub(since); d != time.Second {
		t.Errorf("holdover lasted %v, want 1s", d)
	}
	b.write("ptp4l.0.config", strings.ReplaceAll(startLines+lockLine, "INITIALIZING", "FAULTY"))
	b.until("LOCKED again", state("LOCKED"))
}

func TestPhc2sysWaitsForAnOffset(t *testing.T) {
	b := newBench(t, Options{})
	b.apply(receiver("oc1", "ens4f0", true))
	b.write("ptp4l.0.config", strings.ReplaceAll(startLines, "83524", "-2000000000"))
	s := b.until("FREERUN", state("FREERUN"))
	if p := s.Processes[1]; p.Config != "phc2sys.0.config" || p.State != Waiting || p.Starts != 0 {
		t.Errorf("phc2sys %+v before its ptp4l is near", p)
	}
	b.write("ptp4l.0.config", lockLine)
	b.until("phc2sys running", func(s Status) bool { return s.Processes[1].State == Running })
	b.write("phc2sys.0.config", "phc2sys[11.101]: [ptp4l.0.config:6] CLOCK_REALTIME phc offset      -165 s0 freq   +1023 delay    480\n")
	s = b.until("offset of the system clock", func(s Status) bool { return len(s.Clocks) == 2 })
	if c := s.Clocks[1]; c.Interface != "CLOCK_REALTIME" || c.From != "phc" || c.OffsetNs != -165 || c.State != "FREERUN" {
		t.Errorf("system clock %+v", c)
	}
	text, err := os.ReadFile(filepath.Join(b.dir, "phc2sys.0.config"))
	if err != nil {
		t.Fatal(err)
	}
	want := "#profile: oc1\n\n[global]\nmessage_tag [ptp4l.0.config:{level}]\nuse_syslog 0\nverbose 1\nuds_address /var/run/ptp4l.0.socket\nfree_running 1\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	told := 0
	for l := range b.Logs(t.Context(), false) {
		if strings.Contains(l.Text, "free_running") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the log tells %d times that the system clock is not steered", told)
	}
}

func TestRestartAfterKill(t *testing.T) {
	b := newBench(t, Options{})
	b.write("ptp4l.0.config", startLines+lockLine)
	b.apply(receiver("oc1", "ens4f0", false))
	s := b.until("LOCKED", state("LOCKED"))
	old := s.Processes[0].PID
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s = b.until("dead process", func(s Status) bool { return s.Processes[0].State == Dead })
	if p := s.Processes[0]; p.End != "signal: killed" || s.Ports[0].Role != "UNKNOWN" || s.Clocks[0].State != "HOLDOVER" {
		t.Errorf("after the kill %+v %+v %+v", p, s.Ports[0], s.Clocks[0])
	}
	if err := b.Ready(); err == nil || err.Error() != "Stopped process(es): ptp4l.0.config" {
		t.Errorf("ready: %v", err)
	}
	died := s.Processes[0].Since
	s = b.until("new process", func(s Status) bool { return s.Processes[0].State == Running && s.Clocks[0].State == "LOCKED" })
	if p := s.Processes[0]; p.PID == old || p.Starts != 2 || p.Since.Sub(died) < restartDelay {
		t.Errorf("restarted as %+v, %v after its end", p, p.Since.Sub(died))
	}
}

func TestApplyLeavesOthersRunning(t *testing.T) {
	b := newBench(t, Options{})
	one, two, three := receiver("a", "ens4f0", false), receiver("b", "ens5f0", false), receiver("c", "ens6f0", false)
	b.apply(one, two)
	s := b.until("two processes", func(s Status) bool { return len(s.Processes) == 2 && s.Processes[1].State == Running })
	second := s.Processes[1].PID
	two.Spec.Profile[0].PtpClockThreshold.MaxOffsetThreshold = 500 // no reason for a restart
	b.apply(two, three)
	s = b.Status()
	if len(s.Processes) != 2 || s.Processes[0].PID != second || s.Processes[0].Config != "ptp4l.1.config" || s.Processes[0].Starts != 1 {
		t.Errorf("the untouched process: %+v", s.Processes)
	}
	if s.Processes[1].Config != "ptp4l.0.config" || s.Processes[1].Profile != "c_c" {
		t.Errorf("the new process: %+v", s.Processes[1])
	}
	if !slices.Equal(s.Profiles, []string{"b_b", "c_c"}) {
		t.Errorf("profiles %q", s.Profiles)
	}
	if n, _ := b.Number("b_b"); n != 1 {
		t.Errorf("b has number %d", n)
	}
	two.Spec.Profile[0].Ptp4lConf += "delay_filter_length 20\n"
	b.apply(two, three)
	if got := b.Status().Processes[0].PID; got == second {
		t.Error("a new configuration text did not restart its process")
	} else {
		second = got
	}
	bad := receiver("d", "ens4f0", false)
	bad.Spec.Profile[0].PtpSchedulingPolicy = "SCHED_RR"
	if err := b.Apply(t.Context(), []PtpConfig{bad}); err == nil || !strings.Contains(err.Error(), "SCHED_RR") {
		t.Errorf("a bad profile: %v", err)
	}
	if got := b.Status().Processes[0].PID; got != second {
		t.Error("a bad profile changed the node")
	}
}

func TestStopLeavesNothing(t *testing.T) {
	b := newBench(t, Options{})
	b.apply(receiver("a", "ens4f0", false))
	s := b.until("running", func(s Status) bool { return s.Processes[0].State == Running })
	begin := time.Now()
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d >= stopTimeout {
		t.Errorf("Stop took %v: SIGTERM had no effect", d)
	}
	if err := syscall.Kill(s.Processes[0].PID, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "ptp4l.0.config")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its configuration is still there: %v", err)
	}
	if s := b.Status(); len(s.Processes)+len(s.Profiles) > 0 {
		t.Errorf("status %+v", s)
	}
	b.apply(receiver("a", "ens4f0", false))
	b.until("running again", func(s Status) bool { return s.Processes[0].State == Running })
}

func TestStartThatFails(t *testing.T) {
	b := newBench(t, Options{})
	if err := os.Remove(filepath.Join(b.dir, "script", "ptp4l.0.config")); err != nil {
		t.Fatal(err)
	}
	b.apply(receiver("a", "ens4f0", false))
	s := b.until("end", func(s Status) bool { return s.Processes[0].State == Dead })
	if s.Processes[0].End != "exit status 4" {
		t.Errorf("end %q", s.Processes[0].End)
	}
	var got []string
	for l := range b.Logs(t.Context(), false) {
		got = append(got, l.Text)
	}
	if !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "no such file") }) {
		t.Errorf("what the process wrote to stderr is not in the log: %q", got)
	}
}

func TestWaitChange(t *testing.T) {
	b := newBench(t, Options{})
	b.apply(receiver("oc1", "ens4f0", false))
	seen, err := b.WaitChange(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	b.write("ptp4l.0.config", startLines+lockLine)
	b.until("LOCKED", state("LOCKED"))
	if seen, err = b.WaitChange(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	b.until("quiet", func(Status) bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		var err error
		seen, err = b.WaitChange(ctx, seen)
		return err != nil
	})
	b.write("ptp4l.0.config", lockLine) // a number is no change
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.WaitChange(ctx, seen); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an offset woke a watcher: %v", err)
	}
}

func TestLogsAndFiles(t *testing.T) {
	b := newBench(t, Options{LogBytes: 400})
	c := receiver("oc1", "ens4f0", false)
	c.Spec.Profile[0].PtpSettings = map[string]string{"logReduce": "basic"}
	b.apply(c)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() {
		for range 10 {
			b.write("ptp4l.0.config", lockLine)
			time.Sleep(15 * time.Millisecond)
		}
		b.write("ptp4l.0.config", faultLine)
	}()
	found := false
	for l := range b.Logs(ctx, true) {
		if strings.Contains(l.Text, "master offset") {
			t.Error("logReduce let an offset line through")
		}
		if found = l.Text+"\n" == faultLine && l.Config == "ptp4l.0.config"; found {
			break
		}
	}
	if !found {
		t.Fatal("the fault line did not come")
	}
	for name, most := range map[string]int64{"ptp4l.0.log": 400, "ptp4l.0.log.1": 400} {
		info, err := os.Stat(filepath.Join(b.dir, "log", name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() == 0 || info.Size() > most {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
}

func TestMetrics(t *testing.T) {
	b := newBench(t, Options{})
	b.apply(receiver("oc1", "ens4f0", false))
	b.write("ptp4l.0.config", startLines+lockLine)
	b.until("LOCKED", state("LOCKED"))
	want := `
# HELP openshift_ptp_clock_state 0 = FREERUN, 1 = LOCKED, 2 = HOLDOVER
# TYPE openshift_ptp_clock_state gauge
openshift_ptp_clock_state{iface="ens4fx",node="w1",process="ptp4l"} 1
# HELP openshift_ptp_delay_ns Path delay in ns
# TYPE openshift_ptp_delay_ns gauge
openshift_ptp_delay_ns{from="master",iface="ens4fx",node="w1",process="ptp4l"} 501
# HELP openshift_ptp_frequency_adjustment_ns Frequency adjustment in ppb
# TYPE openshift_ptp_frequency_adjustment_ns gauge
openshift_ptp_frequency_adjustment_ns{from="master",iface="ens4fx",node="w1",process="ptp4l"} 1000
# HELP openshift_ptp_interface_role 0 = PASSIVE, 1 = SLAVE, 2 = MASTER, 3 = FAULTY, 4 = UNKNOWN, 5 = LISTENING
# TYPE openshift_ptp_interface_role gauge
openshift_ptp_interface_role{iface="ens4f0",node="w1",process="ptp4l"} 1
# HELP openshift_ptp_max_offset_ns Largest offset of the last measurement in ns
# TYPE openshift_ptp_max_offset_ns gauge
openshift_ptp_max_offset_ns{from="master",iface="ens4fx",node="w1",process="ptp4l"} -7
# HELP openshift_ptp_offset_ns Offset in ns
# TYPE openshift_ptp_offset_ns gauge
openshift_ptp_offset_ns{from="master",iface="ens4fx",node="w1",process="ptp4l"} -7
# HELP openshift_ptp_process_restart_count Starts of the process, the first one included
# TYPE openshift_ptp_process_restart_count counter
openshift_ptp_process_restart_count{config="ptp4l.0.config",node="w1",process="ptp4l"} 1
# HELP openshift_ptp_process_status 0 = DOWN, 1 = UP
# TYPE openshift_ptp_process_status gauge
openshift_ptp_process_status{config="ptp4l.0.config",node="w1",process="ptp4l"} 1
# HELP openshift_ptp_threshold Thresholds of the profile: offsets in ns, timeout in s
# TYPE openshift_ptp_threshold gauge
openshift_ptp_threshold{node="w1",profile="oc1",threshold="HoldOverTimeout"} 5
openshift_ptp_threshold{node="w1",profile="oc1",threshold="MaxOffsetThreshold"} 100
openshift_ptp_threshold{node="w1",profile="oc1",threshold="MinOffsetThreshold"} -100
`
	if diff := cmp.Diff(want[1:], b.metrics("")); diff != "" {
		t.Error(diff)
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/ready", nil))
	if w.Code != 200 {
		t.Errorf("/ready: %d %s", w.Code, w.Body)
	}
}

func TestReady(t *testing.T) {
	b := newBench(t, Options{})
	is := func(want string) {
		t.Helper()
		w := httptest.NewRecorder()
		b.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/ready", nil))
		if got := strings.TrimSpace(w.Body.String()); w.Code != 503 || got != want {
			t.Errorf("/ready: %d %q, want 503 %q", w.Code, got, want)
		}
	}
	is("Config not applied")
	b.apply(receiver("oc1", "ens4f0", false))
	is("Process(es) have not yet collected metrics: ptp4l.0.config")
}

func TestHighAvailability(t *testing.T) {
	b := newBench(t, Options{SystemClock: true})
	plan := &topology.Plan{Clocks: []topology.Clock{
		{Name: "bc1", Worker: "w1", Type: topology.ClockBoundary, Domain: 24, ReceivePorts: []string{"ens1f0"}, TransmitPorts: []string{"ens1f1"}, HighAvailability: "ha", SystemClock: true},
		{Name: "bc2", Worker: "w1", Type: topology.ClockBoundary, Domain: 24, ReceivePorts: []string{"ens2f0"}, TransmitPorts: []string{"ens2f1"}, HighAvailability: "ha", SystemClock: true},
	}}
	b.apply(PtpConfigs(plan)...)
	b.write("ptp4l.0.config", strings.ReplaceAll(startLines, "ens4f0", "ens1f0")+lockLine)
	b.until("phc2sys running", func(s Status) bool { return len(s.Processes) == 3 && s.Processes[2].State == Running })
	b.mu.Lock()
	argv := strings.Join(b.processes[2].argv, " ")
	b.mu.Unlock()
	if want := "/usr/sbin/phc2sys -f /var/run/phc2sys.2.config -a -r -m -l 7 -n 24 -z /var/run/ptp4l.0.socket -z /var/run/ptp4l.1.socket"; argv != want {
		t.Errorf("command line\n got %s\nwant %s", argv, want)
	}
	ha := func(one, two int) {
		t.Helper()
		want := `openshift_ptp_ha_profile_status{node="w1",process="phc2sys",profile="bc1"} ` + string(rune('0'+one)) + "\n" +
			`openshift_ptp_ha_profile_status{node="w1",process="phc2sys",profile="bc2"} ` + string(rune('0'+two)) + "\n"
		if diff := cmp.Diff(want, b.metrics("openshift_ptp_ha_profile_status{")); diff != "" {
			t.Error(diff)
		}
	}
	ha(0, 0)
	change := func(to string) {
		seen, _ := b.WaitChange(t.Context(), 0)
		b.write("phc2sys.2.config", "phc2sys[813.101]: [phc2sys.2.config:6] selecting ens1f0 as domain source clock\nphc2sys[813.101]: [phc2sys.2.config:6] selecting "+to+" as out-of-domain source clock\n")
		if _, err := b.WaitChange(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
	}
	change("ens1f0")
	ha(1, 0)
	change("ens2f0")
	ha(0, 1)
}

// Who asks gets what was written until now, though the node would not read for long.
func TestWhoAsksGetsThePresent(t *testing.T) {
	for name, ask := range map[string]func(b *bench) bool{
		"status":  func(b *bench) bool { return state("LOCKED")(b.Status()) },
		"metrics": func(b *bench) bool { return strings.Contains(b.metrics("openshift_ptp_clock_state"), "} 1\n") },
		"ready":   func(b *bench) bool { return b.Ready() == nil },
		"logs": func(b *bench) bool {
			return slices.ContainsFunc(slices.Collect(b.Logs(b.Context(), false)), func(l LogLine) bool { return l.Text+"\n" == lockLine })
		},
		"changes": func(b *bench) bool { seen, _ := b.WaitChange(b.Context(), 0); return seen > 1 },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Options{ReadEvery: time.Hour})
			b.apply(receiver("oc1", "ens4f0", false))
			b.write("ptp4l.0.config", startLines+lockLine)
			for deadline := time.Now().Add(10 * time.Second); !ask(b); time.Sleep(3 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("it does not see what was written")
				}
			}
		})
	}
}

func TestPace(t *testing.T) {
	for _, c := range []struct {
		what string
		node *Node
		want time.Duration
	}{
		{"nobody watches", &Node{processes: []*process{{state: Running}}}, time.Minute},
		{"somebody follows the log", &Node{history: history{more: make(chan struct{})}}, watchedReadEvery},
		{"somebody waits for a change", &Node{changes: make(chan struct{})}, watchedReadEvery},
		{"a process is dead", &Node{processes: []*process{{state: Running}, {state: Dead}}}, watchedReadEvery},
		{"a process waits for its clock", &Node{processes: []*process{{state: Waiting}}}, watchedReadEvery},
	} {
		c.node.o.ReadEvery = time.Minute
		if got := c.node.pace(); got != c.want {
			t.Errorf("%s: reads every %s, want %s", c.what, got, c.want)
		}
	}
}
