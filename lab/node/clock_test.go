package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// told follows lines of one process at the times of their stamps, and gives state and interface of its first clock.
func told(c *clock, p *program, start time.Time, lines string) string {
	got := "nothing"
	for line := range strings.Lines(lines) {
		var e linuxptp.Event
		linuxptp.Parse([]byte(strings.TrimSuffix(line, "\n")), &e)
		at := start.Add(e.Time)
		c.expire(at)
		c.handle(p, &e, at)
		if len(c.series) > 0 {
			got = fmt.Sprintf("%s %s %d", c.series[0].state, c.series[0].iface, c.series[0].offset)
		}
	}
	return got
}

func TestClockStates(t *testing.T) {
	const locked = "ptp4l[1.000]: port 1 (a0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED\nptp4l[1.000]: master offset 5 s2 freq +0 path delay 9\n"
	for _, c := range []struct{ name, lines, want string }{
		{"first offsets", "ptp4l[1.000]: master offset 5 s0 freq +0 path delay 9\n", "FREERUN a0 5"},
		{"servo jump", "ptp4l[1.000]: master offset 5 s1 freq +0 path delay 9\n", "FREERUN a0 5"},
		{"locked", locked, "LOCKED a0 5"},
		{"stable servo", "ptp4l[1.000]: master offset 100 s3 freq +0 path delay 9\n", "LOCKED a0 100"},
		{"above the threshold", locked + "ptp4l[2.000]: master offset 101 s2 freq +0 path delay 9\n", "FREERUN a0 101"},
		{"below the threshold", locked + "ptp4l[2.000]: master offset -101 s2 freq +0 path delay 9\n", "FREERUN a0 -101"},
		{"faulty", locked + "ptp4l[2.000]: port 1 (a0): SLAVE to FAULTY on FAULT_DETECTED (FT_UNSPECIFIED)\n", "HOLDOVER a0 999999"},
		{"silent master", locked + "ptp4l[2.000]: port 1 (a0): SLAVE to LISTENING on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES\n", "HOLDOVER a0 5"},
		{"boundary clock that takes over", locked + "ptp4l[2.000]: port 1 (a0): SLAVE to GRAND_MASTER on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES\n", "HOLDOVER a0 5"},
		{"just before the holdover ends", locked + "ptp4l[2.000]: port 1 (a0): SLAVE to FAULTY on FAULT_DETECTED\nptp4l[6.999]: link\n", "HOLDOVER a0 999999"},
		{"end of the holdover", locked + "ptp4l[2.000]: port 1 (a0): SLAVE to FAULTY on FAULT_DETECTED\nptp4l[7.000]: link\n", "FREERUN a0 999999"},
		{"unlocked offsets in holdover", locked + "ptp4l[2.000]: port 1 (a0): SLAVE to FAULTY on FAULT_DETECTED\nptp4l[3.000]: master offset 7 s0 freq +0 path delay 9\n", "HOLDOVER a0 7"},
		{"locked in holdover", locked + "ptp4l[2.000]: port 1 (a0): SLAVE to FAULTY on FAULT_DETECTED\nptp4l[3.000]: master offset 7 s2 freq +0 path delay 9\n", "LOCKED a0 7"},
		{"fault of a port that was never locked", "ptp4l[1.000]: master offset 5 s0 freq +0 path delay 9\nptp4l[2.000]: port 1 (a0): UNCALIBRATED to FAULTY on FAULT_DETECTED\n", "FREERUN a0 5"},
		{"fault of another port", locked + "ptp4l[2.000]: port 2 (a1): MASTER to FAULTY on FAULT_DETECTED\n", "LOCKED a0 5"},
		{"second follower takes over", locked + "ptp4l[2.000]: port 1 (a0): SLAVE to FAULTY on FAULT_DETECTED\nptp4l[2.500]: port 2 (a1): PASSIVE to UNCALIBRATED on RS_SLAVE\nptp4l[2.600]: master offset 3 s2 freq +0 path delay 9\n", "LOCKED a1 3"},
		{"fault of the follower that had given up", locked + "ptp4l[2.000]: port 2 (a1): PASSIVE to UNCALIBRATED on RS_SLAVE\nptp4l[2.100]: master offset 3 s2 freq +0 path delay 9\nptp4l[2.200]: port 1 (a0): PASSIVE to FAULTY on FAULT_DETECTED\n", "LOCKED a1 3"},
		{"summary of a time receiver", "ptp4l[1.000]: port 1 (a0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED\nptp4l[1.500]: rms 7 max 12 freq -3 +/- 1 delay 9 +/- 0\n", "LOCKED a0 7"},
		{"summary before the lock", "ptp4l[1.000]: port 1 (a0): LISTENING to UNCALIBRATED on RS_SLAVE\nptp4l[1.500]: rms 7 max 12 freq -3 +/- 1 delay 9 +/- 0\n", "FREERUN a0 7"},
		{"port that the configuration does not have", "ptp4l[1.000]: port 9 (z9): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED\n", "nothing"},
		{"system clock", "phc2sys[1.000]: CLOCK_REALTIME phc offset 4 s2 freq +0 delay 9\n", "LOCKED CLOCK_REALTIME 4"},
	} {
		p := &program{kind: linuxptp.Ptp4l, ports: []string{"a0", "a1"}, limits: (&Profile{}).threshold()}
		start := time.Unix(1000, 0)
		if got := told(newClock(p, start), p, start, c.lines); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRenumberKeepsNumbers(t *testing.T) {
	chosen := []Chosen{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	got := renumber(chosen, map[string]int{"b": 0, "gone": 1})
	if got["a"] != 1 || got["b"] != 0 || got["c"] != 2 || len(got) != 3 {
		t.Errorf("numbers %v", got)
	}
}

// BenchmarkLine is what one line costs from the pipe's buffer to the clock's state.
func BenchmarkLine(b *testing.B) {
	n := &Node{}
	p := &process{program: program{kind: linuxptp.Ptp4l, config: "ptp4l.0.config", ports: []string{"ens1f0"}, limits: (&Profile{}).threshold()}}
	p.clock = newClock(&p.program, time.Now())
	text := []byte(strings.Repeat("ptp4l[1159.255]: [ptp4l.1.config:6] master offset         -3 s2 freq   -1000 path delay       500\n", 16))
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		n.split(p, text, now, 0)
	}
}

func TestSplitJoinsWhatReadsTear(t *testing.T) {
	n := &Node{}
	p := &process{program: program{config: "x.config"}}
	p.clock = newClock(&p.program, time.Now())
	for _, piece := range []string{"one\ntw", "o", "\n\nthree"} {
		n.split(p, []byte(piece), time.Now(), 0)
	}
	lines, _, _, _ := n.logsFrom(0, false)
	var got []string
	for _, l := range lines {
		got = append(got, l.Text)
	}
	if s := strings.Join(got, "|"); s != "one|two|" || string(p.partial) != "three" {
		t.Errorf("lines %q, left over %q", s, p.partial)
	}
	n.split(p, []byte(strings.Repeat("x", maxPartial)), time.Now(), 0)
	if len(p.partial) != 0 {
		t.Errorf("%d bytes of an endless line are kept", len(p.partial))
	}
}

func TestLineHappenedWhenItWasWritten(t *testing.T) {
	n := &Node{}
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		mono time.Duration
		want time.Time
	}{
		{50*time.Second + 200*time.Millisecond, now.Add(-200 * time.Millisecond)},
		{49 * time.Second, now},  // a stamp of the future says nothing
		{500 * time.Second, now}, // neither does one of long ago
	} {
		p := &process{program: program{kind: linuxptp.Ptp4l, ports: []string{"a0"}}}
		p.clock = newClock(&p.program, now.Add(-time.Hour))
		n.line(p, []byte("ptp4l[50.000]: port 1 (a0): MASTER to FAULTY on FAULT_DETECTED"), now, c.mono)
		if got := p.clock.ports[0].changed; !got.Equal(c.want) {
			t.Errorf("read at %v: the change was at %v, want %v", c.mono, got, c.want)
		}
	}
}
