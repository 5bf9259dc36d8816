package l2

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parse(t testing.TB, text string) Report {
	t.Helper()
	r, err := ParseReport([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRoundTrip reads reports of old and new daemons and writes them again without adding or losing a field.
func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"seed.json", "daemon.json"} {
		text := read(t, name)
		written, err := json.Marshal(parse(t, string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(anyJSON(t, text), anyJSON(t, written)); diff != "" {
			t.Errorf("%s changed (- read, + written):\n%s", name, diff)
		}
	}
}

func anyJSON(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOldReportSaysLess(t *testing.T) {
	local := parse(t, string(read(t, "seed.json")))[Probes]["eno6np1"].Local
	if local.IfIndex != 4 || local.Address() != "F4:03:43:D1:70:A8" {
		t.Errorf("read %+v", local)
	}
	_, upKnown := local.Up()
	_, ptpKnown := local.IsPTP()
	_, phcKnown := local.PHC()
	if upKnown || ptpKnown || phcKnown || local.IsMember() {
		t.Errorf("an old report cannot know: up %v, PTP %v, PHC %v", upKnown, ptpKnown, phcKnown)
	}
}

func TestLocal(t *testing.T) {
	const form = `{"0000": {"p": {"Local": {"IfName": "p", "IfMac": {"Data": "aa:bb:cc:dd:ee:ff"}, %s}, "Remote": null}}}`
	for _, c := range []struct {
		fields      string
		up, ptp     bool
		phc         int
		hasPHC      bool
		member      bool
		description string
	}{
		{`"IfUp": true, "IfPTPCaps": {"HwRx": true, "HwTx": true, "HwRawClock": true, "PhcIndex": 3}`, true, true, 3, true, false, "full"},
		{`"IfUp": true, "IfPTPCaps": {"HwRx": true, "HwTx": true, "HwRawClock": true}`, true, true, 0, false, false, "daemon before PhcIndex"},
		{`"IfUp": true, "IfPTPCaps": {"HwRx": true, "HwTx": true, "HwRawClock": false, "PhcIndex": -1}`, true, false, 0, false, false, "no clock"},
		{`"IfUp": true, "IfPTPCaps": {"HwRx": true, "HwTx": false, "HwRawClock": true, "PhcIndex": 0}`, true, false, 0, true, false, "no transmit"},
		{`"IfUp": true, "IfPci": {"Description": "Intel Virtual Function"}, "IfPTPCaps": {"HwRx": true, "HwTx": true, "HwRawClock": true}`,
			true, false, 0, false, false, "virtual function"},
		{`"IfUp": false, "IfMaster": "bond0", "IfSlaveType": "bond"`, false, false, 0, false, true, "bond member"},
		{`"IfUp": false, "IfMaster": "br0", "IfSlaveType": "bridge"`, false, false, 0, false, false, "bridge port"},
	} {
		l := parse(t, strings.Replace(form, "%s", c.fields, 1))[Inventory]["p"].Local
		up, _ := l.Up()
		ptp, _ := l.IsPTP()
		phc, hasPHC := l.PHC()
		if up != c.up || ptp != c.ptp || phc != c.phc || hasPHC != c.hasPHC || l.IsMember() != c.member {
			t.Errorf("%s: up %v, PTP %v, PHC %d %v, member %v", c.description, up, ptp, phc, hasPHC, l.IsMember())
		}
		if l.Address() != "AA:BB:CC:DD:EE:FF" {
			t.Errorf("%s: address %s", c.description, l.Address())
		}
	}
}

func TestParseReportRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`null`: "null", `[]`: "array", `{`: "unexpected end",
		`{"88b5": {"a": null}}`:                                                                   "a of ethertype 88b5 is null",
		`{"88b5": {"a": {"Local": {"IfName": "b"}}}}`:                                             `called "b" inside`,
		`{"88f7": {"a": {"Local": {"IfName": "a"}, "ptpAnnounces": {"x": null}}}}`:                `"x" at a is null`,
		`{"88f7": {"a": {"Local": {"IfName": "a"}, "ptpAnnounces": {"x": {"clockClass": 300}}}}}`: "300",
	} {
		if _, err := ParseReport([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestLines(t *testing.T) {
	seed, daemon := parse(t, string(read(t, "seed.json"))), parse(t, string(read(t, "daemon.json")))
	var log bytes.Buffer
	log.WriteString("time=\"2026-01-01\" level=info msg=\"starting\"\n")
	if err := WriteLine(&log, seed); err != nil {
		t.Fatal(err)
	}
	log.WriteString("2026-01-01T00:00:00.5Z stdout F ")
	if err := WriteLine(&log, daemon); err != nil {
		t.Fatal(err)
	}
	log.WriteString(`JSON_REPORT{"0000": {"en`)
	last, err := LastLine(&log)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(daemon, last); diff != "" {
		t.Error(diff)
	}
	if _, err := LastLine(strings.NewReader("nothing\n")); err != ErrNoReport {
		t.Errorf("log without report: %v", err)
	}
	if _, err := LastLine(strings.NewReader("x\nJSON_REPORT{]\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("broken line: %v", err)
	}
	count := 0
	for _, err := range ReadLines(strings.NewReader("JSON_REPORT{]\nJSON_REPORT{}\n")) {
		if count++; (err != nil) != (count == 1) {
			t.Errorf("report %d: %v", count, err)
		}
	}
	if count != 2 {
		t.Errorf("%d reports, want 2: reading goes on after a broken line", count)
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add(read(f, "seed.json"))
	f.Add(read(f, "daemon.json"))
	f.Add([]byte(`{"88b5":{"a":{"Local":{"IfName":"a"},"Remote":null,"Tagged":{"x":7},"Own":{"y":true}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseReport(text)
		if err != nil {
			return
		}
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		again, err := ParseReport(written)
		if err != nil {
			t.Fatalf("%v in %s", err, written)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(written, twice) {
			t.Fatalf("%s became %s", written, twice)
		}
		g := Merge(map[string]Report{"a": r, "b": again}, nil)
		g.Unheard(nil)
		for _, write := range []func() error{
			func() error { return g.WriteTable(&bytes.Buffer{}) },
			func() error { return g.WriteMermaid(&bytes.Buffer{}) },
			func() error { return g.WriteJSON(&bytes.Buffer{}) },
		} {
			if err := write(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
