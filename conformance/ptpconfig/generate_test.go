package ptpconfig

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// The ports of the lab of topologies/dnbc.yaml in their roles.
var (
	grandmaster = Port{"w2", "ens3f0"}
	slave1      = Port{"w3", "ens4f0"}
	slave2      = Port{"w3", "ens5f0"}
	bc1r, bc1t  = Port{"w1", "ens1f1"}, Port{"w1", "ens1f0"}
	bc2r, bc2t  = Port{"w1", "ens2f0"}, Port{"w1", "ens2f1"}
)

// variant is one call of Generate.
type variant struct {
	name    string
	mode    Mode
	roles   Roles
	options Options
}

// variants are all modes, with a local and an external grandmaster, with and without receivers, and then the options.
func variants() []variant {
	bc := Roles{BC1Receive: bc1r, BC1Transmit: bc1t}
	dual := Roles{BC1Receive: bc1r, BC1Transmit: bc1t, BC2Receive: bc2r, BC2Transmit: bc2t}
	with := func(r Roles, change func(*Roles)) Roles { change(&r); return r }
	shapes := []variant{
		{"oc", OC, Roles{Slave1: slave1}, Options{}},
		{"dualfollower", DualFollower, Roles{Slave1: Port{"w1", "ens1f0"}, Slave2: Port{"w1", "ens1f1"}}, Options{}},
		{"bc", BC, bc, Options{}},
		{"bc-slaves", BC, with(bc, func(r *Roles) { r.Slave1 = slave1 }), Options{}},
		{"dualnicbc", DualNICBC, dual, Options{}},
		{"dualnicbc-slaves", DualNICBC, with(dual, func(r *Roles) { r.Slave1, r.Slave2 = slave1, slave2 }), Options{}},
		{"dualnicbcha", DualNICBCHA, dual, Options{}},
		{"dualnicbcha-slaves", DualNICBCHA, with(dual, func(r *Roles) { r.Slave1, r.Slave2 = slave1, slave2 }), Options{}},
	}
	var all []variant
	for _, s := range shapes {
		local := s
		local.roles.Grandmaster = grandmaster
		s.name, s.options.ExternalGrandmaster = s.name+"-external", true
		all = append(all, local, s)
	}
	local := func(r Roles) Roles { return with(r, func(r *Roles) { r.Grandmaster = grandmaster }) }
	one := func(r Roles) Roles { r.Grandmaster.Node, r.Slave1.Node = "w1", "w1"; return r }
	slaves := local(with(bc, func(r *Roles) { r.Slave1 = slave1 }))
	return append(all,
		variant{"oc-one-node", OC, one(local(Roles{Slave1: slave1})), Options{}},
		variant{"bc-one-node", BC, one(slaves), Options{}},
		variant{"bc-one-node-shared-clock", BC, one(slaves), Options{DisableAllSlaveRTUpdate: true}},
		variant{"oc-fifo", OC, local(Roles{Slave1: slave1}), Options{FIFO: true}},
		variant{"bc-authentication", BC, slaves, Options{Authentication: DefaultAuthentication()}},
		variant{"dualfollower-authentication", DualFollower, all[2].roles, Options{Authentication: &Authentication{"keys", "sa.conf", 255, 2}}},
		variant{"dualnicbc-shared-clock", DualNICBC, local(dual), Options{DisableAllSlaveRTUpdate: true, Thresholds: Thresholds{10000, -10000, 9}}},
		variant{"dualnicbcha-shared-clock-fifo", DualNICBCHA, local(dual), Options{DisableAllSlaveRTUpdate: true, FIFO: true}},
	)
}

func generate(t *testing.T, v variant) Set {
	t.Helper()
	set, err := Generate(v.mode, v.roles, v.options)
	if err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	return set
}

// TestGolden holds the text of every variant; what they share is in base.conf, once.
func TestGolden(t *testing.T) {
	golden(t, "base.conf", string(BaseConf()))
	indented := "      " + strings.ReplaceAll(strings.TrimSuffix(string(BaseConf()), "\n"), "\n", "\n        ")
	for _, v := range variants() {
		set := generate(t, v)
		text, err := YAML(set.Objects...)
		if err != nil {
			t.Fatal(err)
		}
		labels := ""
		for _, l := range set.Labels {
			labels += fmt.Sprintf("# label %s %s\n", l.Node, l.Key)
		}
		short := strings.ReplaceAll(string(text), strings.TrimLeft(indented, " "), "(base.conf)")
		if strings.Count(short, "(base.conf)") != strings.Count(short, "ptp4lConf:") {
			t.Errorf("%s: a configuration does not begin with the base", v.name)
		}
		golden(t, v.name+".yaml", labels+short)
	}
}

// TestWebhook holds what is generated to the rules of the operator's webhook.
func TestWebhook(t *testing.T) {
	for _, v := range variants() {
		for _, o := range generate(t, v).Objects {
			p := o.Spec.Profile[0]
			conf := Conf(value(p.Ptp4lConf))
			if name := value(p.Interface); name != "" && !slices.Equal(conf.Interfaces(), []string{name}) {
				t.Errorf("%s %s: interface %s, sections %v", v.name, p.Name, name, conf.Interfaces())
			}
			if p.PtpSchedulingPriority < 1 || p.PtpSchedulingPriority > 65 {
				t.Errorf("%s %s: priority %d", v.name, p.Name, p.PtpSchedulingPriority)
			}
			_, signs := conf.Get(Global, "sa_file")
			if signs != (v.options.Authentication != nil && conf != "") {
				t.Errorf("%s %s: sa_file is there: %v", v.name, p.Name, signs)
			}
			for _, port := range conf.Interfaces() {
				if _, found := conf.Get(port, "spp"); found != signs {
					t.Errorf("%s %s: spp of %s is there: %v", v.name, p.Name, port, found)
				}
			}
			if got := o.Spec.Recommend[0]; got.Profile != p.Name || got.Priority != 5 {
				t.Errorf("%s %s: recommended as %+v", v.name, p.Name, got)
			}
		}
	}
}

// TestEveryObjectHasItsNode finds objects that no node would run, and labels that nothing asks for.
func TestEveryObjectHasItsNode(t *testing.T) {
	for _, v := range variants() {
		set := generate(t, v)
		run := 0
		for _, node := range []string{"w1", "w2", "w3"} {
			var labels []string
			for _, l := range set.Labels {
				if l.Node == node {
					labels = append(labels, l.Key)
				}
			}
			run += len(ForNode(set.Objects, node, labels))
		}
		if run != len(set.Objects) {
			t.Errorf("%s: %d of %d objects are run", v.name, run, len(set.Objects))
		}
	}
}

func TestBadArguments(t *testing.T) {
	dual := Roles{Grandmaster: grandmaster, BC1Receive: bc1r, BC1Transmit: bc1t, BC2Receive: bc2r, BC2Transmit: bc2t}
	change := func(f func(*Roles)) Roles { r := dual; f(&r); return r }
	for _, c := range []struct {
		mode    Mode
		roles   Roles
		options Options
		want    []string
	}{
		{"OCC", Roles{}, Options{}, []string{`unknown mode "OCC"; modes are OC, DualFollower, BC, DualNICBC, DualNICBCHA and Discovery`}},
		{"", Roles{}, Options{}, []string{`unknown mode ""; modes are`}},
		{TGM, Roles{}, Options{}, []string{"mode TGM has no specs yet; modes are"}},
		{Discovery, Roles{}, Options{}, []string{"nothing can be generated"}},
		{OC, Roles{}, Options{}, []string{"role Grandmaster has no port", "role Slave1 has no port"}},
		{OC, Roles{Slave1: slave1, Grandmaster: grandmaster}, Options{ExternalGrandmaster: true}, []string{"role Grandmaster is w2/ens3f0, but the grandmaster is external"}},
		{BC, dual, Options{}, []string{"role BC2Receive is w1/ens2f0, but mode BC has no such role", "role BC2Transmit"}},
		{DualNICBC, change(func(r *Roles) { r.BC2Transmit = r.BC1Receive }), Options{}, []string{"roles BC1Receive and BC2Transmit are the same port w1/ens1f1"}},
		{DualNICBCHA, change(func(r *Roles) { r.BC2Receive.Node = "w9" }), Options{}, []string{"roles BC1Receive (w1/ens1f1) and BC2Receive (w9/ens2f0) must be on one node"}},
		{DualFollower, Roles{Grandmaster: grandmaster, Slave1: slave1, Slave2: bc1r}, Options{}, []string{"roles Slave1 (w3/ens4f0) and Slave2 (w1/ens1f1) must be on one node"}},
		{OC, Roles{Grandmaster: grandmaster, Slave1: Port{"w1", "ens1]\nx"}}, Options{}, []string{`role Slave1: "w1/ens1]\nx" is not a port of a node`}},
		{OC, Roles{Grandmaster: grandmaster, Slave1: Port{"w1", "enp130s0f0np0v10"}}, Options{}, []string{"is not a port of a node"}},
		{OC, Roles{Grandmaster: grandmaster, Slave1: Port{"w1", "global"}}, Options{}, []string{"is not a port of a node"}},
		{OC, Roles{Grandmaster: grandmaster, Slave1: slave1}, Options{Thresholds: Thresholds{MaxOffset: -200}}, []string{"offset thresholds: -100 ns is not below -200 ns"}},
		{OC, Roles{Grandmaster: grandmaster, Slave1: slave1}, Options{Thresholds: Thresholds{HoldOver: -1}}, []string{"holdover time-out: -1 s is negative"}},
		{OC, Roles{Grandmaster: grandmaster, Slave1: slave1}, Options{Authentication: &Authentication{Secret: "a/b", File: "c", ActiveKey: 1}}, []string{"is no place in a Secret"}},
		{OC, Roles{Grandmaster: grandmaster, Slave1: slave1}, Options{Authentication: &Authentication{Secret: "a", File: "c"}}, []string{"keys count from 1"}},
	} {
		set, err := Generate(c.mode, c.roles, c.options)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %+v: got %v, want %q", c.mode, c.roles, err, want)
			}
		}
		if len(set.Objects) != 0 {
			t.Errorf("%s: objects in spite of %v", c.mode, err)
		}
	}
}

func TestParseMode(t *testing.T) {
	for _, name := range []string{"oc", "dualfollower", "bc", "dualnicbc", "dualnicbcha", "discovery", "DualNICBCHA", "DISCOVERY"} {
		if m, err := ParseMode(name); err != nil || !strings.EqualFold(name, string(m)) {
			t.Errorf("%s: %q, %v", name, m, err)
		}
	}
}

func TestNewSecret(t *testing.T) {
	a := DefaultAuthentication()
	fixed, err := a.NewSecret(bytes.NewReader(bytes.Repeat([]byte{0xA5}, 48)))
	if err != nil {
		t.Fatal(err)
	}
	want := "[security_association]\nspp 1\n1 AES128 HEX:" + strings.Repeat("A5", 16) + "\n2 SHA256-128 HEX:" + strings.Repeat("A5", 32) + "\n"
	if got := fixed.StringData["ptp-security.conf"]; got != want || fixed.Name != "ptp-security-conf" || fixed.Namespace != Namespace {
		t.Errorf("%+v", fixed)
	}
	one, _ := a.NewSecret(nil)
	two, _ := a.NewSecret(nil)
	if cmp.Equal(one, two) {
		t.Error("two Secrets have the same keys")
	}
	if _, err := a.NewSecret(strings.NewReader("short")); err == nil {
		t.Error("keys made of nothing")
	}
}
