package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/cmd/ptplab/host"
	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/image"
)

var labTime = time.Date(2026, 1, 1, 0, 0, 12, 0, time.UTC)

func ns(n int64) *int64 { return &n }

// canned is a lab in which one cable is out.
func canned() *lab.Status {
	return &lab.Status{
		Name: "dnbc", Engine: "sim", Time: "virtual", Now: labTime,
		Ports: []lab.PortStatus{
			{Owner: "w1", Port: "ens1f0", NIC: "ens1", PHC: 0, Peer: "sw1/sw1p5", VLAN: 1501, Carrier: true, Clock: "bc1", Role: "MASTER", TrueErrorNs: 1},
			{Owner: "w1", Port: "ens1f1", NIC: "ens1", PHC: 0, Peer: "sw1/sw1p1", VLAN: 1500, Carrier: true, Clock: "bc1", Role: "SLAVE", State: "LOCKED", OffsetNs: ns(-3), TrueErrorNs: 1},
			{Owner: "w1", Port: "ens2f0", NIC: "ens2", PHC: 1, Peer: "sw1/sw1p2", VLAN: 1500, Clock: "bc2", Role: "FAULTY", State: "HOLDOVER", OffsetNs: ns(999999), TrueErrorNs: -12345678},
			{Owner: "w3", Port: "ens6f0", NIC: "ens6", PHC: 12, TrueErrorNs: -37000000000},
			{Owner: "sw1", Port: "sw1p1", NIC: "v1500", PHC: 15, Peer: "w1/ens1f1", VLAN: 1500, Carrier: true, Clock: "v1500", Role: "UNCALIBRATED", State: "FREERUN", OffsetNs: ns(-100000), TrueErrorNs: 0},
		},
		Faults: []string{"ptp4l of w1 (bc2) has ended: signal: killed"},
	}
}

func TestStatus(t *testing.T) {
	var text bytes.Buffer
	fmt.Fprintln(&text, statusHeadline(canned()))
	if err := writeStatus(&text, canned(), "table"); err != nil {
		t.Fatal(err)
	}
	text.WriteString(faultLines(canned()))
	golden(t, "status.txt", text.String())
	text.Reset()
	if err := writeStatus(&text, canned(), "yaml"); err != nil {
		t.Fatal(err)
	}
	golden(t, "status.yaml", text.String())
	text.Reset()
	if err := writeStatus(&text, canned(), "json"); err != nil {
		t.Fatal(err)
	}
	var back lab.Status
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || back.Ports[2].TrueErrorNs != -12345678 || *back.Ports[1].OffsetNs != -3 {
		t.Errorf("%v: %s", err, text.String())
	}
}

func TestNsText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 ns", -1: "-1 ns", 999999: "999999 ns", 1000000: "1.000 ms", -12345678: "-12.346 ms", 37_000_000_000: "37.000 s",
	} {
		if got := nsText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestUpReport(t *testing.T) {
	for _, c := range []struct {
		name  string
		locks []lab.ClockLock
	}{
		{"up", []lab.ClockLock{{Clock: "bc1", Port: "w1/ens1f1"}, {Clock: "bc2", Port: "w1/ens2f0"}, {Clock: "oc1", Port: "w3/ens4f0"}}},
		{"up-no-wait", nil},
	} {
		var out, errs bytes.Buffer
		a := &app{stdout: &out, stderr: &errs}
		a.begin()
		r := upResult{Name: "dnbc", Engine: "sim", TimeMode: "virtual", UpReport: &lab.UpReport{Time: labTime, Took: 4200 * time.Millisecond, Locks: c.locks}}
		if err := a.printUp(r, "table"); err != nil {
			t.Fatal(err)
		}
		golden(t, c.name+".txt", "# stderr\n"+errs.String()+"# stdout\n"+out.String())
		out.Reset()
		if err := a.printUp(r, "json"); err != nil {
			t.Fatal(err)
		}
		var back struct{ Name, Engine, TimeMode, Time string }
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Name != "dnbc" || back.TimeMode != "virtual" || back.Time != "2026-01-01T00:00:12Z" {
			t.Errorf("%v: %s", err, out.String())
		}
	}
}

func TestUpSteps(t *testing.T) {
	var errs bytes.Buffer
	a := &app{stderr: &errs}
	a.begin()
	for _, e := range []lab.StepEvent{
		{Step: "lab kernel", Event: lab.StepReady, State: lab.State{Have: 1, Want: 1}},
		{Step: "cables", Event: lab.StepMaking, State: lab.State{Have: 0, Want: 9}},
		{Step: "cables", Event: lab.StepMaking, State: lab.State{Have: 5, Want: 9}},
		{Step: "cables", Event: lab.StepMade, State: lab.State{Have: 9, Want: 9}},
		{Step: "clocks", Event: lab.StepMaking, State: lab.State{Have: 0, Want: 5}},
		{Step: "clocks", Event: lab.StepRemoving},
		{Step: "clocks", Event: lab.StepRemoved},
	} {
		a.tellStep(e)
	}
	a.tellImage(image.Event{Image: image.KindKernel, Step: "compile", Done: 3, Total: 10})
	a.tellImage(image.Event{Image: image.KindKernel, Step: "check"})
	a.talk.Close()
	golden(t, "up-steps.txt", errs.String())
}

func TestChecks(t *testing.T) {
	var out bytes.Buffer
	err := writeChecks(&out, []host.Check{
		{Name: "CPUs", State: host.OK, Seen: "2", Want: "2 or more; a lab runs on one"},
		{Name: "lab memory file", State: host.Fail, Seen: "/dev/shm has 64 MiB free", Want: "1.0 GiB free where programs may run", Fix: "set TMPDIR to a directory with more room"},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "doctor.txt", out.String())
}

func TestImageTable(t *testing.T) {
	var out bytes.Buffer
	err := imageTable([]image.Entry{
		{Kind: image.KindKernel, Name: "0123456789ab-7.3", State: image.StateReady, InUse: true, Size: 13 << 20},
		{Kind: image.KindBuild, Name: "0123456789ab-7.3", State: image.StateBroken, Size: 3 << 30},
		{Kind: image.KindRootFS, Name: "ba9876543210-trixie", State: image.StateMaking, Size: 12},
	}).write(&out)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "images.txt", out.String())
}

func TestVerdict(t *testing.T) {
	specs := []conformance.SpecReport{{State: conformance.Passed}, {State: conformance.Failed}}
	for _, c := range []struct {
		report conformance.Report
		want   string
	}{
		{conformance.Report{Passed: 2, Specs: specs}, ""},
		{conformance.Report{Passed: 1, Failed: 1, Specs: specs}, "1 of 2 specs failed"},
		{conformance.Report{Passed: 1, NotRun: 1, Specs: specs}, "0 of 2 specs failed, 1 did not run"},
		{conformance.Report{Skipped: 2, Specs: specs}, "no spec could be checked here; the report says why"},
		{conformance.Report{Specs: []conformance.SpecReport{{State: conformance.Planned}}}, ""},
	} {
		got := ""
		if err := verdict(c.report); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestSpecProgress(t *testing.T) {
	var errs bytes.Buffer
	w := specWriter{talk.New(&errs)}
	fmt.Fprint(w, "sync: bc1 on w1 locks to its time transmitter\n")
	fmt.Fprint(w, "  FAILED: it did not\n  in 60 s\n")
	fmt.Fprint(w, "path: oc1 on w3 follows the expected path\n")
	w.talk.Close()
	want := "  FAILED: it did not\n  in 60 s\n  sync: bc1 on w1 locks to its time transmitter"
	if got := errs.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "\n  path: oc1") {
		t.Errorf("%s", got)
	}
}
