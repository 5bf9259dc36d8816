package node

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/ptplab/ptplab/lab/linuxptp"
	"github.com/ptplab/ptplab/lab/topology"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/"+name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
}

// dualNICBoundary is a plan with the clocks of upstream's mode DualNICBCHA and one clock of each other kind.
func dualNICBoundary() *topology.Plan {
	return &topology.Plan{Clocks: []topology.Clock{
		{Name: "gm", Worker: "w2", Type: topology.ClockGrandmaster, Domain: 24, TransmitPorts: []string{"ens3f0"}, SystemClock: true},
		{Name: "bc1", Worker: "w1", Type: topology.ClockBoundary, Domain: 24, ReceivePorts: []string{"ens1f1"}, TransmitPorts: []string{"ens1f0"}, HighAvailability: "ha", SystemClock: true},
		{Name: "bc2", Worker: "w1", Type: topology.ClockBoundary, Domain: 24, ReceivePorts: []string{"ens2f0"}, TransmitPorts: []string{"ens2f1"}, HighAvailability: "ha", SystemClock: true},
		{Name: "oc1", Worker: "w3", Type: topology.ClockOrdinary, Domain: 24, ReceivePorts: []string{"ens4f0"}, SystemClock: true},
		{Name: "df", Worker: "w4", Type: topology.ClockOrdinary, Domain: 25, ReceivePorts: []string{"ens5f0", "ens5f1"}},
	}}
}

func TestPtpConfigs(t *testing.T) {
	configs := PtpConfigs(dualNICBoundary())
	configs = append(configs, SwitchConfigs(topology.Switch{Name: "sw1", Domain: 24, VLANs: []topology.VLAN{{ID: 1500, NIC: "v1500", Ports: []string{"v1500f0", "v1500f1"}}}})...)
	configs = append(configs, GrandmasterConfig(topology.Grandmaster{Name: "gm1", Domain: 24, ClockClass: 6, Priority1: 1, Priority2: 2, Port: "eth1"}))
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	for _, c := range configs {
		if err := e.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "plan.yaml", b.Bytes())
	again, err := Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(configs, again); diff != "" {
		t.Errorf("read back differently:\n%s", diff)
	}
	asJSON, err := json.Marshal(configs[1])
	if err != nil {
		t.Fatal(err)
	}
	if again, err = Parse(asJSON); err != nil || cmp.Diff(configs[1:2], again) != "" {
		t.Errorf("JSON read back differently: %v\n%s", err, cmp.Diff(configs[1:2], again))
	}
}

func TestRender(t *testing.T) {
	var b strings.Builder
	for _, node := range []string{"w1", "w2", "w3", "w4"} {
		chosen, err := Choose(PtpConfigs(dualNICBoundary()), node, nil)
		if err != nil {
			t.Fatal(err)
		}
		chosen[0].Profile.PtpSchedulingPolicy = "SCHED_FIFO"
		r := renderer{paths: Programs{}.withDefaults(), numbers: renumber(chosen, nil)}
		if node == "w3" {
			r.steers = SteersSystemClock(chosen)
		}
		programs, err := r.render(chosen)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range programs {
			conf, err := linuxptp.ParseConfig(p.text)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("== " + node + " " + p.config + " of " + p.profile + ", waits for " + strings.Join(p.gates, ",") + "\n" + strings.Join(p.argv, " ") + "\n")
			for _, key := range []string{"message_tag", "uds_address", "uds_ro_address", "free_running"} {
				if v, found := conf.Get(linuxptp.Global, key); found {
					b.WriteString(key + " " + v + "\n")
				}
			}
		}
	}
	golden(t, "render.txt", []byte(b.String()))
}

const twoProfiles = `
apiVersion: ptp.openshift.io/v1
kind: PtpConfig
metadata: {name: test-slave1, namespace: openshift-ptp, annotations: {a: b}}
spec:
  profile:
    - {name: low, interface: ens1f0, ptp4lOpts: "-2 -s"}
    - {name: high, interface: ens1f0, ptp4lOpts: "-2 -s", phc2sysOpts: "-a -r"}
  recommend:
    - {profile: low, priority: 5, match: [{nodeLabel: ptp/clock-under-test}]}
    - {profile: high, priority: 5, match: [{nodeName: w1}]}
    - {profile: low, priority: 9, match: [{nodeName: w2}]}
status: {matchList: []}
---
apiVersion: ptp.openshift.io/v1
kind: PtpConfig
metadata: {name: temp}
spec:
  profile: [{name: urgent, interface: ens1f0, ptp4lOpts: "-2", ptpSettings: {haProfiles: "urgent, nowhere"}}]
  recommend: [{profile: urgent, priority: 0, match: [{nodeName: w3}]}]
`

func TestChoose(t *testing.T) {
	configs, err := Parse([]byte(twoProfiles))
	if err != nil {
		t.Fatal(err)
	}
	label := map[string]string{"ptp/clock-under-test": ""}
	for _, c := range []struct {
		node   string
		labels map[string]string
		want   string
		fault  string
	}{
		{"w1", nil, "test-slave1_high", ""},
		{"w1", label, "test-slave1_low test-slave1_high", ""}, // all of one priority; phc2sys last
		{"w2", nil, "test-slave1_low", ""},
		{"w2", label, "test-slave1_low", ""}, // 5 wins over 9
		{"w3", label, "temp_urgent", "nowhere"},
		{"w4", map[string]string{"other": "ptp/clock-under-test"}, "", ""},
	} {
		chosen, err := Choose(configs, c.node, c.labels)
		var names []string
		for _, p := range chosen {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s with %v runs %q, want %q", c.node, c.labels, got, c.want)
		}
		if (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: error %v, want one with %q", c.node, err, c.fault)
		}
	}
}

func TestParseFaults(t *testing.T) {
	const frame = `{apiVersion: ptp.openshift.io/v1, kind: PtpConfig, metadata: {name: x}, spec: {profile: [{name: p, interface: ens1f0, ptp4lOpts: "-2", %}], recommend: [{profile: p, priority: 1}]}}`
	for _, c := range []struct{ text, want string }{
		{strings.ReplaceAll(frame, "%", "ptp4lOpt: x"), "field ptp4lOpt not found"},
		{strings.ReplaceAll(frame, "%", "ptpSchedulingPolicy: SCHED_FIFO"), "SCHED_FIFO needs a ptpSchedulingPriority"},
		{strings.ReplaceAll(frame, "%", "ptpSchedulingPriority: 66"), "66 is not within 1-65"},
		{strings.ReplaceAll(frame, "%", "ptpSettings: {logReduce: sometimes}"), "logReduce"},
		{strings.ReplaceAll(frame, "%", "ptpSettings: {stdoutFilter: '('}"), "stdoutFilter"},
		{strings.ReplaceAll(frame, "%", "ptpSettings: {haProfiles: 'a;b'}"), "haProfiles"},
		{strings.ReplaceAll(frame, "%", "ptpSettings: {clockType: OC}"), "clockType"},
		{strings.ReplaceAll(frame, "%", "ptpSettings: {inSyncConditionTimes: '-1'}"), "inSyncConditionTimes"},
		{strings.ReplaceAll(frame, "%", "ptpSettings: {colour: red}"), "colour is not a known setting"},
		{strings.ReplaceAll(frame, "%", "ptpClockThreshold: {minOffsetThreshold: 200}"), "minOffsetThreshold 200 is not below maxOffsetThreshold 100"},
		{strings.ReplaceAll(frame, "%", "ptpClockThreshold: {processDowntimeThresholds: {ptp4l: 86401}}"), "86401"},
		{strings.ReplaceAll(frame, "%", `ptp4lConf: "[global]\nspp 3\n"`), "spp 3 in [global]"},
		{strings.ReplaceAll(frame, "%", `ptp4lConf: "[ens1f0]\nspp 256\n"`), "spp 256 in [ens1f0]"},
		{strings.ReplaceAll(frame, "%", `ptp4lConf: "[global]\nsa_file /etc/shadow\n"`), "sa_file /etc/shadow"},
		{strings.ReplaceAll(frame, "%", `ptp4lConf: "[ens2f0]\n"`), `interface "ens1f0" has no section`},
		{strings.ReplaceAll(frame, "%", `ptp4lConf: "lost 1\n"`), "before the first [section]"},
		{strings.ReplaceAll(frame, "%", `phc2sysOpts: "-a\n-r"`), "more than one line"},
		{strings.ReplaceAll(frame, "%", `chronydOpts: "-d"`), "does not run this program"},
		{strings.ReplaceAll(strings.ReplaceAll(frame, ", %", ""), "profile: p,", "profile: q,"), `no profile "q"`},
		{strings.ReplaceAll(strings.ReplaceAll(frame, ", %", ""), ", priority: 1", ""), "no priority"},
		{strings.ReplaceAll(strings.ReplaceAll(frame, ", %", ""), "kind: PtpConfig", "kind: Pod"), `kind is "Pod"`},
		{strings.ReplaceAll(strings.ReplaceAll(frame, ", %", ""), "name: x", "name: Not_A_Name"), "not a Kubernetes object name"},
		{strings.ReplaceAll(strings.ReplaceAll(frame, ", %", ""), "interface: ens1f0, ", ""), "ptp4l has no port"},
		{strings.Repeat("x", maxObjects+1), "more than the"},
		{"\x00\x01", "document 1"},
	} {
		configs, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || configs != nil {
			t.Errorf("%.200q\n error %v, want one with %q", c.text, err, c.want)
		}
	}
	if _, err := Parse([]byte(strings.ReplaceAll(frame, ", %", ""))); err != nil {
		t.Errorf("the frame itself: %v", err)
	}
}

func TestAliases(t *testing.T) {
	same := func(string) string { return "0" }
	byNIC := func(i string) string { return i[:4] }
	for _, c := range []struct {
		ifaces string
		phc    func(string) string
		want   string
	}{
		{"ens1f0 ens1f1 ens2f0np0 ens1f0.100", nil, "ens1fx ens1fx ens2fx ens1fx.100"},
		{"ens1f0 ens1f1 ens2f0", byNIC, "ens1fx ens1fx ens2fx"},
		{"ens1f0 ens2f0", same, "ens1f0 ens2f0"},                       // one clock, two names
		{"eth0 eth1", func(i string) string { return i }, "eth0 eth1"}, // two clocks, one name
		{"ens1f0 ens2f0 ens1f1", same, "ens1f0 ens2f0 ens1f1"},         // agreement after a disagreement
		{"lan", nil, "lan"}, // no number
	} {
		in := strings.Fields(c.ifaces)
		got := aliases(in, c.phc)
		var names []string
		for _, i := range in {
			names = append(names, got[i])
		}
		if s := strings.Join(names, " "); s != c.want {
			t.Errorf("%s became %s, want %s", c.ifaces, s, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(twoProfiles))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("{spec: {profile: [{ptp4lConf: '[x'}]}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		configs, err := Parse(text)
		if err != nil {
			return
		}
		for _, name := range []string{"w1", "w2"} {
			chosen, _ := Choose(configs, name, map[string]string{"ptp/clock-under-test": ""})
			r := renderer{paths: Programs{}.withDefaults(), numbers: renumber(chosen, nil)}
			if _, err := r.render(chosen); err != nil && !strings.Contains(err.Error(), "domainNumber") {
				t.Fatalf("valid objects do not render: %v\n%s", err, text)
			}
		}
	})
}
