package linuxptp

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// describe writes what an event says, without its text.
func describe(e *Event) string {
	switch e.Kind {
	case KindOther:
		return "other"
	case KindPortState:
		return fmt.Sprintf("port %d %q %s>%s on %s = %s", e.Port, e.Name, e.From, e.To, e.Why, RoleAfter(e.From, e.To, e.Why))
	case KindOffset:
		return fmt.Sprintf("offset %q %q %d servo %v %s freq %d delay %v %d coasting %v", e.Name, e.Source, e.Offset, e.HasServo, e.Servo, e.Freq, e.HasDelay, e.Delay, e.Coasting)
	case KindSummary:
		return fmt.Sprintf("summary %q rms %d max %d freq %d+-%d delay %v %d+-%d", e.Name, e.Offset, e.Max, e.Freq, e.FreqDev, e.HasDelay, e.Delay, e.DelayDev)
	case KindBestMaster, KindLocalMaster, KindNewMaster:
		return fmt.Sprintf("master kind %d port %d %q", e.Kind, e.Port, e.Clock)
	case KindSource:
		return fmt.Sprintf("source %q out of domain %v", e.Clock, e.OutOfDomain)
	case KindNMEA:
		return fmt.Sprintf("nmea %q %v offset %d %s", e.Name, e.Up, e.Offset, e.Servo)
	case KindLink:
		return fmt.Sprintf("link of port %d %q up %v", e.Port, e.Name, e.Up)
	case KindFault:
		return fmt.Sprintf("fault port %d %q", e.Port, e.Name)
	case KindGrandmaster:
		return fmt.Sprintf("grandmaster port %d %q", e.Port, e.Name)
	}
	return fmt.Sprintf("kind %d", e.Kind)
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		// phc2sys 4.2, one clock and several
		{"phc2sys[812.101]: [ptp4l.0.config:6] CLOCK_REALTIME phc offset      -165 s2 freq   +1023 delay    480",
			`offset "CLOCK_REALTIME" "phc" -165 servo true s2 freq 1023 delay true 480 coasting false`},
		{"phc2sys[812.101]: CLOCK_REALTIME sys offset -99999999 s0 freq +0", `offset "CLOCK_REALTIME" "sys" -99999999 servo true s0 freq 0 delay false 0 coasting false`},
		{"phc2sys[813.101]: [ptp4l.0.config:6] CLOCK_REALTIME rms   12 max   31 freq   +1023 +/-   7 delay   480 +/-   2",
			`summary "CLOCK_REALTIME" rms 12 max 31 freq 1023+-7 delay true 480+-2`},
		{"phc2sys[813.101]: [phc2sys.2.config:6] selecting ens1f0 as domain source clock", `source "ens1f0" out of domain false`},
		{"phc2sys[813.101]: [phc2sys.2.config:6] selecting ens2f0 as out-of-domain source clock", `source "ens2f0" out of domain true`},
		{"phc2sys[813.101]: [phc2sys.2.config:6] selecting CLOCK_REALTIME for synchronization", "other"},
		{"phc2sys[813.101]: [ptp4l.0.config:5] Waiting for ptp4l...", "kind 11"},
		{"phc2sys[813.101]: [ptp4l.0.config:6] source clock not ready, waiting...", "kind 11"},
		// ts2phc, of linuxptp and with the words of the builds that nodes carry
		{"ts2phc[82674.465]: [ts2phc.0.config:6] ens1f0 offset          -1 s2 freq      -1", `offset "ens1f0" "" -1 servo true s2 freq -1 delay false 0 coasting false`},
		{"ts2phc[82674.465]: [ts2phc.0.config:6] /dev/ptp0 offset 3", `offset "/dev/ptp0" "" 3 servo false s0 freq 0 delay false 0 coasting false`},
		{"ts2phc[82674.465]: [ts2phc.0.config] ens2f0 master offset 0 s3 freq -0 holdover", `offset "ens2f0" "master" 0 servo true s3 freq 0 delay false 0 coasting true`},
		{"ts2phc[441664.291]: [ts2phc.0.config] ens2f0 nmea_status 0 offset 999999 s0", `nmea "ens2f0" false offset 999999 s0`},
		{"ts2phc[441664.291]: [ts2phc.0.config] nmea_status 1 offset 0 s2", `nmea "" true offset 0 s2`},
		{"ts2phc[441664.291]: [ts2phc.0.config:3] source ts not valid", "kind 13"},
		// ptp4l, as upstream's daemon expects it and in odd shapes
		{"ptp4l[5196755.139]: [ptp4l.0.config] ens7f0 offset -9 s2 freq -17 path delay 89", `offset "ens7f0" "" -9 servo true s2 freq -17 delay true 89 coasting false`},
		{"ptp4l[5196755.139]: [ptp4l.0.config:3] timed out while polling for tx timestamp", `fault port 0 ""`},
		{"ptp4l[5196755.139]: [ptp4l.0.config:3] port 2 (ens7f1): send sync failed", `fault port 2 "ens7f1"`},
		{"ptp4l[1.100]: port 1 (ens7f1): PRE_MASTER to MASTER on QUALIFICATION_TIMEOUT_EXPIRES", `port 1 "ens7f1" PRE_MASTER>MASTER on QUALIFICATION_TIMEOUT_EXPIRES = MASTER`},
		{"ptp4l[1.100]: port 1 (ens7f1): LISTENING to PRE_MASTER on RS_MASTER", `port 1 "ens7f1" LISTENING>PRE_MASTER on RS_MASTER = UNKNOWN`},
		{"ptp4l[1.100]: port 1 (ens7f1): SLAVE to UNCALIBRATED on RS_SLAVE", `port 1 "ens7f1" SLAVE>UNCALIBRATED on RS_SLAVE = FAULTY`},
		{"ptp4l[1.100]: port 1 (ens7f1): SLAVE to LISTENING on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES", `port 1 "ens7f1" SLAVE>LISTENING on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES = LISTENING`},
		{"ptp4l[1.100]: port 1 (ens7f1): SLAVE to GRAND_MASTER on SOMETHING_NEW", `port 1 "ens7f1" SLAVE>GRAND_MASTER on UNKNOWN = MASTER`},
		{"ptp4l[1.100]: port 1 (ens7f1): SLAVE to NOWHERE on RS_SLAVE", "other"},
		{"ptp4l[1.100]: master offset 12x s2", "other"},
		{"ptp4l[1.100]: rms 1 max 2 freq -3 +/- 4 delay 5", "other"},
		{"option masterOnly is deprecated, please use serverOnly instead", "other"},
		{"", "other"},
	} {
		var e Event
		Parse([]byte(c.line), &e)
		if got := describe(&e); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.line, got, c.want)
		}
	}
}

func TestParsePrefix(t *testing.T) {
	var e Event
	if !Parse([]byte("ptp4l[1159.192]: [ptp4l.1.config:6] master offset     -20151 s2 freq   -1000 path delay     22574"), &e) {
		t.Fatal("not recognised")
	}
	if e.Program != Ptp4l || e.Time != 1159192*time.Millisecond || string(e.Tag) != "ptp4l.1.config" || e.Level != 6 {
		t.Errorf("program %s time %v tag %q level %d", e.Program, e.Time, e.Tag, e.Level)
	}
	Parse([]byte("ptp4l[1.500]: [ptp4l.1.config:{level}] port 1: link down"), &e)
	if string(e.Tag) != "ptp4l.1.config" || e.Level != -1 {
		t.Errorf("tag %q level %d, want ptp4l.1.config and -1", e.Tag, e.Level)
	}
	for _, bad := range []string{"ptp4l[1]: x", "ptp4l[1.5]: x", "ptp5l[1.500]: x", "ptp4l[-1.500]: x", "ptp4l[1.500] x"} {
		if Parse([]byte(bad), &e) || e.Program != ProgramUnknown || string(e.Text) != bad {
			t.Errorf("%q was taken for a line of linuxptp", bad)
		}
	}
}

// TestRealLogs pins what is read from whole logs: of ptp4l 4.4 and phc2sys 4.4 with hardware time stamps, and of ptp4l 4.2
// and 3.1 with software ones. The signed one changes to keys that its time transmitter does not have.
func TestRealLogs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.log")
	if err != nil || len(files) == 0 {
		t.Fatal("no logs", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for line := range bytes.Lines(text) {
			var e Event
			Parse(bytes.TrimSuffix(line, []byte("\n")), &e)
			fmt.Fprintf(&got, "%s\n", describe(&e))
		}
		golden := strings.TrimSuffix(file, ".log") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.log")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			f.Add(bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	f.Add([]byte("ts2phc[441664.291]: [ts2phc.0.config] ens2f0 nmea_status 0 offset 999999 s0"))
	f.Add([]byte("phc2sys[1.000]: selecting ens2f0 as out-of-domain source clock"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var e Event
		known := Parse(line, &e)
		if !known && (e.Kind != KindOther || !bytes.Equal(e.Text, line)) {
			t.Fatalf("%q is of no program, yet %s", line, describe(&e))
		}
		if !bytes.HasSuffix(line, e.Text) {
			t.Fatalf("text %q is not the end of %q", e.Text, line)
		}
		if e.Servo > ServoLockedStable || e.From > StateGrandMaster || e.To > StateGrandMaster {
			t.Fatalf("%q gives values out of range: %+v", line, e)
		}
	})
}

var benchLines = [][]byte{
	[]byte("ptp4l[1159.255]: [ptp4l.1.config:6] master offset     -19927 s2 freq   -1000 path delay     22574"),
	[]byte("phc2sys[812.101]: [ptp4l.0.config:6] CLOCK_REALTIME phc offset      -165 s2 freq   +1023 delay    480"),
	[]byte("ptp4l[1159.192]: [ptp4l.1.config:5] port 1 (ens1f0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED"),
	[]byte("ptp4l[1174.083]: [ptp4l.1.config:6] rms 3346 max 13216 freq   -479 +/- 538 delay  1520 +/-  48"),
}

func TestParseAllocatesNothing(t *testing.T) {
	var e Event
	if n := testing.AllocsPerRun(100, func() {
		for _, line := range benchLines {
			Parse(line, &e)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	var e Event
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		line := benchLines[i%len(benchLines)]
		b.SetBytes(int64(len(line)))
		Parse(line, &e)
	}
}
