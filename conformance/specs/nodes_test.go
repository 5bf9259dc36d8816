package specs

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

func TestParseProcesses(t *testing.T) {
	// What processScript printed in a lab, and a program that somebody started by hand.
	got, err := parseProcesses("42 ptp4l 65 1 /usr/sbin/ptp4l -f /var/run/ptp4l.0.config -2 -s --summary_interval -4 -m \n" +
		"43 phc2sys 0 0 /usr/sbin/phc2sys -f /var/run/phc2sys.0.config -a -r -m -l 7 -n 24 -z /var/run/ptp4l.0.socket \n" +
		"44 ptp4l 0 0 ptp4l -i ens1f0 \n\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []running{
		{PID: 42, Program: "ptp4l", Config: "/var/run/ptp4l.0.config", Priority: 65, Policy: policyFIFO},
		{PID: 43, Program: "phc2sys", Config: "/var/run/phc2sys.0.config"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"42 ptp4l", "x ptp4l 0 0 -f a", "42 ptp4l -1 0 -f a", "42 ptp4l 0 99999999999 -f a"} {
		if got, err := parseProcesses(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func FuzzParseProcesses(f *testing.F) {
	f.Add("42 ptp4l 65 1 /usr/sbin/ptp4l -f /var/run/ptp4l.0.config")
	f.Add("42 ptp4l 65 1 -f")
	f.Fuzz(func(t *testing.T, text string) {
		found, _ := parseProcesses(text)
		for _, r := range found {
			if r.PID < 0 || r.Config == "" || r.Program == "" {
				t.Errorf("%q: %+v", text, r)
			}
		}
	})
}

func TestLoggedOffset(t *testing.T) {
	for line, want := range map[string]int64{
		"ptp4l[2.107]: [ptp4l.0.config:6] master offset         -7 s2 freq      +0 path delay        25":            -7,
		"phc2sys[2.1]: [ptp4l.0.config:6] CLOCK_REALTIME phc offset       -14 s2 freq  +10994 delay    493":         -14,
		"ptp4l[2.107]: [ptp4l.0.config:6] rms    3 max    6 freq  -9345 +/-   3 delay    25 +/-   0":                3,
		"ptp4l[1.2]: [ptp4l.1.config:6] master offset summary: cnt=161, min=-12, max=10, avg=0.70, SD=4.48":         none,
		"ptp4l[2.1]: [ptp4l.0.config:6] port 1 (ens1f0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED":            none,
		"ptp4l[2.1]: [ptp4l.0.config:6] master offset 99999999999999999999 s2 freq      +0 path delay        25":    none,
		"ptp4l[1788394724.219]: [ptp4l.1.config:6] master offset  notanint s2 freq  -12447 path delay      1513":    none,
		"ptp4l[2.107]: [ptp4l.0.config:6] master offset          0 s0 freq  -21 path delay        25 with more":     0,
		"[ptp4l.0.config:6] master offset         -9223372036854775808 s2 freq      +0 path delay        25 digits": none,
	} {
		got, ok := loggedOffset(line)
		if ok != (want != none) || ok && got != want {
			t.Errorf("%s: %d, %t", line, got, ok)
		}
	}
}

// none stands for a line without an offset.
const none = -1 << 62

func TestParseSummary(t *testing.T) {
	const head = "ptp4l[1788394724.219]: [ptp4l.1.config:6] master offset summary: "
	for line, want := range map[string]bool{
		head + "cnt=161, min=-12, max=10, avg=0.70, SD=4.48": true,
		head + "cnt=1, min=3, max=3, avg=3.00, SD=NaN":       true,
		head + "cnt=0, min=0, max=0, avg=NaN, SD=NaN":        false, // of nothing
		head + "cnt=5, min=-12, max=10, avg=11.70, SD=4.48":  false, // a mean that is none
		head + "cnt=5, min=12, max=10, avg=11.00, SD=4.48":   false,
		head + "cnt=5, min=, max=, avg=, SD=":                false,
	} {
		if _, ok := parseSummary(line); ok != want {
			t.Errorf("%s: %t", line, ok)
		}
	}
}

func FuzzLogLines(f *testing.F) {
	f.Add("master offset 3 s2 freq +0 path delay 25")
	f.Add("offset summary: cnt=161, min=-12, max=10, avg=0.70, SD=4.48")
	f.Add("rms 3 max 6")
	f.Fuzz(func(t *testing.T, line string) {
		if s, ok := parseSummary(line); ok && (s.count < 1 || s.least > s.largest+1) {
			t.Errorf("%q: %+v", line, s)
		}
		_, _ = loggedOffset(line)
	})
}

func TestParseConfigFiles(t *testing.T) {
	got := parseConfigFiles("==== ptp4l.0.config\n#profile: bc1\n\n[global]\nuds_address /var/run/ptp4l.0.socket\n[ens1f1]\nmasterOnly 0\n[ens1f0]\nmasterOnly 1\n\n" +
		"==== phc2sys.0.config\n#profile: bc1\n\n[global]\nfree_running 1\n")
	if len(got) != 2 || got[0].Name != "ptp4l.0.config" || got[1].Profile != "bc1" {
		t.Fatalf("%+v", got)
	}
	if ports := got[0].Text.Interfaces(); !slices.Equal(ports, []string{"ens1f1", "ens1f0"}) {
		t.Errorf("ports %q", ports)
	}
	if free, _ := got[1].Text.Get("global", "free_running"); free != "1" {
		t.Errorf("free_running %q", free)
	}
}

// scrape is what a node of a lab tells of one boundary clock.
const scrapeText = `openshift_ptp_interface_role{iface="ens1f0",node="w1",process="ptp4l"} 2
openshift_ptp_interface_role{iface="ens1f1",node="w1",process="ptp4l"} 1
openshift_ptp_clock_state{iface="ens1fx",node="w1",process="ptp4l"} 1
openshift_ptp_clock_state{iface="CLOCK_REALTIME",node="w1",process="phc2sys"} 1
openshift_ptp_process_status{config="ptp4l.0.config",node="w1",process="ptp4l"} 1
openshift_ptp_threshold{node="w1",profile="bc1",threshold="HoldOverTimeout"} 5
cne_api_status{status="success"} 3
`

func TestOwned(t *testing.T) {
	files := parseConfigFiles("==== ptp4l.0.config\n#profile: bc1\n[global]\n[ens1f1]\n[ens1f0]\n")
	for more, want := range map[string]string{
		"": "",
		`openshift_ptp_process_status{config="ptp4l.9.config",node="w1",process="ptp4l"} 1`:     "no such configuration file",
		`openshift_ptp_process_status{config="ptp4l.0.config",node="w1",process="phc2sys"} 1`:   "no such configuration file",
		`openshift_ptp_interface_role{iface="ens9f0",node="w1",process="ptp4l"} 1`:              "no configuration file has such a port",
		`openshift_ptp_interface_role{iface="ens1fx",node="w1",process="ptp4l"} 1`:              "no configuration file has such a port",
		`openshift_ptp_clock_state{iface="ens9fx",node="w1",process="ptp4l"} 1`:                 "by name or alias",
		`openshift_ptp_clock_state{iface="",node="w1",process="GM"} 1`:                          "",
		`openshift_ptp_threshold{node="w1",profile="old",threshold="HoldOverTimeout"} 5`:        "no program runs such a profile",
		`openshift_ptp_threshold{node="w1",profile="test_bc1",threshold="HoldOverTimeout"} 5`:   "",
		`openshift_ptp_interface_role{iface="ens1f0",node="w2",process="ptp4l"} 2`:              "this is node w1",
		`openshift_ptp_clock_class{config="ptp4l.0.config",node="localhost",process="ptp4l"} 6`: "this is node w1",
	} {
		set, err := metrics.Parse([]byte(scrapeText + more + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		err = owned{"w1", files}.check(set)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", more, err, want)
		}
	}
}

func TestCompare(t *testing.T) {
	before := census{victim: running{PID: 1, Config: "/var/run/ptp4l.0.config"},
		pids: map[string]int{"ptp4l.0.config": 1, "ptp4l.1.config": 2}, starts: map[string]int{"ptp4l.0.config": 1, "ptp4l.1.config": 1}}
	for _, c := range []struct {
		name                       string
		pid, pid2, starts, starts2 int
		want                       string
	}{
		{"once, alone", 3, 2, 2, 1, ""},
		{"not at all", 1, 2, 2, 1, "is still process 1"},
		{"not counted", 3, 2, 1, 1, "went from 1 to 1, expected 2"},
		{"twice", 3, 2, 3, 1, "went from 1 to 3, expected 2"},
		{"the other too", 3, 4, 2, 2, "ptp4l.1.config was started anew too"},
		{"the other by its count", 3, 2, 2, 2, "ptp4l.1.config went from 1 to 2, expected 1"},
		{"the other is gone", 3, 0, 2, 1, "ptp4l.1.config does not run any more"},
	} {
		after := census{pids: map[string]int{"ptp4l.0.config": c.pid, "ptp4l.1.config": c.pid2}, starts: map[string]int{"ptp4l.0.config": c.starts, "ptp4l.1.config": c.starts2}}
		err := compare(before, after, true)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestSocketErrors(t *testing.T) {
	for line, want := range map[string]bool{
		"error trying to connect to event socket":      true,
		"Failed to reconnect to event socket":          true,
		"Reconnect failed after write error: x":        true,
		"Write error for ptp4l.0.config: broken pipe":  true,
		"ended: signal: killed":                        false,
		"Connected to event socket":                    false,
		"ptp4l[2.1]: [ptp4l.0.config:6] master offset": false,
	} {
		if got := socketErrors.MatchString(line); got != want {
			t.Errorf("%s: %t", line, got)
		}
	}
}

func TestRefused(t *testing.T) {
	const denied = "pmc[3.047]: uds: bind failed: Permission denied\nsending: GET CURRENT_DATA_SET\n"
	for _, c := range []struct {
		name, stdout string
		exit         int
		want         string
	}{
		{"refused", denied, 0, ""},
		{"answered", denied + "\t\toffsetFromMaster 0.0\n", 0, "answers a user without privileges"},
		{"may write", denied + "writable\n", 0, "may write to"},
		{"merely no answer", "sending: GET CURRENT_DATA_SET\n", 0, "not told that the permission is denied"},
		{"no pmc", "", 127, "could not be made"},
	} {
		err := refused(sut.Result{Stdout: c.stdout, Exit: c.exit}, "/var/run/ptp4l.0.socket")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestParseEthtool(t *testing.T) {
	got := parseEthtool("==== ens1f0\nTime stamping parameters for ens1f0:\nCapabilities:\n\thardware-transmit\n\tsoftware-transmit\n\thardware-receive\n" +
		"\thardware-raw-clock\nPTP Hardware Clock: 0\n==== ens2f0\nCapabilities:\n\tsoftware-transmit\n\thardware-receive\n\thardware-raw-clock\n" +
		"==== eno1\nnetlink error: Operation not supported\n==== ens3f0\n\thardware-transmit  (SOF_TIMESTAMPING_TX_HARDWARE)\n\thardware-receive\n\thardware-raw-clock\n")
	if !slices.Equal(got, []string{"ens1f0", "ens3f0"}) {
		t.Errorf("%q", got)
	}
}

func TestCheckDetails(t *testing.T) {
	good := sut.Device{Name: "ens1f0", PCI: "0000:01:00.0", Vendor: "0x8086", Driver: "ice"}
	for want, change := range map[string]func(*sut.Device){
		"":                    func(*sut.Device) {},
		"PCI address of":      func(d *sut.Device) { d.PCI = "" },
		"PCI vendor of":       func(d *sut.Device) { d.Vendor = "Intel" },
		"ens1f0 on w1 has no": func(d *sut.Device) { d.Driver = "" },
	} {
		d := good
		change(&d)
		err := checkDetails("w1", []sut.Device{d})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%+v: %v, want %q", d, err, want)
		}
	}
	if err := sameDevices([]sut.Device{good, {Name: "eno1"}}, []string{"ens1f0", "ens1f1"}); err == nil ||
		!strings.Contains(err.Error(), "eno1 is told") || !strings.Contains(err.Error(), "ens1f1 is PTP capable") {
		t.Errorf("other devices: %v", err)
	}
}

func TestCanSign(t *testing.T) {
	for version, want := range map[string]bool{
		"4.4": true, "4.4-00012-gabcdef0": true, "4.10": true, "5.0": true, "10.1": true,
		"4.2": false, "4.3": false, "3.1.1": false, "": false, "devel": false, "4": false,
	} {
		if canSign(version) != want {
			t.Errorf("%q: %t", version, !want)
		}
	}
}

func TestWithKeys(t *testing.T) {
	a := &ptpconfig.Authentication{Secret: "s", File: "f", SPP: 1, ActiveKey: 2}
	got := withKeys("[global]\ndomainNumber 24\n[ens1f0]\nmasterOnly 0\n[ens1f1]\nmasterOnly 1\n", a.Path(), a, []string{"ens1f0"})
	want := ptpconfig.Conf("[global]\ndomainNumber 24\nsa_file /etc/ptp-secret-mount/s/f\nspp -1\n[ens1f0]\nmasterOnly 0\nspp 1\nactive_key_id 2\n[ens1f1]\nmasterOnly 1\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSchedulingCheck(t *testing.T) {
	for _, c := range []struct {
		wanted scheduling
		is     running
		ok     bool
	}{
		{scheduling{policy: "SCHED_FIFO", priority: 65}, running{Policy: 1, Priority: 65}, true},
		{scheduling{policy: "SCHED_FIFO", priority: 65}, running{Policy: 1, Priority: 10}, false},
		{scheduling{policy: "SCHED_FIFO", priority: 65}, running{}, false},
		{scheduling{policy: "SCHED_OTHER", priority: 65}, running{}, true},
		{scheduling{policy: "SCHED_OTHER", priority: 65}, running{Policy: 1, Priority: 65}, false},
		{scheduling{}, running{}, true},
	} {
		if err := c.wanted.check(c.is); (err == nil) != c.ok {
			t.Errorf("%+v, %+v: %v", c.wanted, c.is, err)
		}
	}
}

func TestAgreesOnParent(t *testing.T) {
	set, err := metrics.Parse([]byte(`openshift_ptp_clock_class{config="ptp4l.0.config",node="w1",process="ptp4l"} 255` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	answers := func(parent, class string) map[string][]pmc.Response {
		return map[string][]pmc.Response{
			"DEFAULT_DATA_SET": {{Fields: map[string]string{"clockIdentity": "001122.fffe.330002"}}},
			"PARENT_DATA_SET":  {{Fields: map[string]string{"parentPortIdentity": parent + "-1", "grandmasterIdentity": "001122.fffe.330005", "gm.ClockClass": class}}},
		}
	}
	i := sut.Instance{Node: "w1", Type: sut.Ordinary, Config: "/var/run/ptp4l.0.config"}
	if err := agreesOnParent(answers("001122.fffe.33000a", "6"), set, i); err != nil {
		t.Errorf("ordinary clock: %v", err)
	}
	if err := agreesOnParent(answers("001122.fffe.330002", "6"), set, i); err == nil {
		t.Error("a clock that follows itself agrees")
	}
	i.Type = sut.Boundary
	if err := agreesOnParent(answers("001122.fffe.33000a", "6"), set, i); err == nil {
		t.Error("a boundary clock of class 255 agrees with class 6")
	}
}
