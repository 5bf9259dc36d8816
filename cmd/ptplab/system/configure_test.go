package system

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// generated are the objects and labels of a mode on the topology dnbc.
func generated(t *testing.T, mode ptpconfig.Mode, change func(*ptpconfig.Roles)) ([]ptpconfig.PtpConfig, map[string][]string) {
	t.Helper()
	roles := ptpconfig.Roles{Grandmaster: ptpconfig.Port{Node: "w2", Interface: "ens3f0"}}
	change(&roles)
	set, err := ptpconfig.Generate(mode, roles, ptpconfig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string][]string{}
	for _, l := range set.Labels {
		labels[l.Node] = append(labels[l.Node], l.Key)
	}
	return set.Objects, labels
}

func dualBoundary(r *ptpconfig.Roles) {
	r.BC1Receive, r.BC1Transmit = ptpconfig.Port{Node: "w1", Interface: "ens1f1"}, ptpconfig.Port{Node: "w1", Interface: "ens1f0"}
	r.BC2Receive, r.BC2Transmit = ptpconfig.Port{Node: "w1", Interface: "ens2f0"}, ptpconfig.Port{Node: "w1", Interface: "ens2f1"}
	r.Slave1 = ptpconfig.Port{Node: "w3", Interface: "ens4f0"}
}

func TestInventoryFollowsTheObjects(t *testing.T) {
	objects, labels := generated(t, ptpconfig.DualNICBCHA, dualBoundary)
	inv, err := inventoryOf(plan(t, "dnbc"), objects, labels)
	if err != nil {
		t.Fatal(err)
	}
	if err := inv.Validate(); err != nil {
		t.Error(err)
	}
	want := []string{
		"test-bc-master1<sw1-1500<test-grandmaster", "test-bc-master2<sw1-1500<test-grandmaster", "test-grandmaster",
		"test-slave1<sw1-1501<test-bc-master1<sw1-1500<test-grandmaster", "sw1-1500<test-grandmaster",
		"sw1-1501<test-bc-master1<sw1-1500<test-grandmaster", "sw1-1502<test-bc-master2<sw1-1500<test-grandmaster",
	}
	if diff := cmp.Diff(want, chains(inv)); diff != "" {
		t.Errorf("chains (-want +got):\n%s", diff)
	}
	bc1, _ := inv.Instance("test-bc-master1")
	wantBC1 := sut.Instance{
		Name: "test-bc-master1", Node: "w1", Type: sut.Boundary, Domain: 24, ReceivePorts: []string{"ens1f1"}, TransmitPorts: []string{"ens1f0"},
		Profile: "test-bc-master1_test-bc-master1", Object: "test-bc-master1", Upstream: []string{"sw1-1500"},
	}
	if diff := cmp.Diff(wantBC1, bc1); diff != "" {
		t.Errorf("boundary clock (-want +got):\n%s", diff)
	}
	clocks := []sut.SystemClock{{Node: "w1", Profile: "test-dual-nic-bc-ha_test-dual-nic-bc-ha", Sources: []string{"test-bc-master1", "test-bc-master2"}}}
	if diff := cmp.Diff(clocks, inv.SystemClocks); diff != "" {
		t.Errorf("system clocks (-want +got):\n%s", diff)
	}
}

func TestInventoryOfOneReceiver(t *testing.T) {
	objects, labels := generated(t, ptpconfig.OC, func(r *ptpconfig.Roles) { r.Slave1 = ptpconfig.Port{Node: "w1", Interface: "ens1f1"} })
	inv, err := inventoryOf(plan(t, "dnbc"), objects, labels)
	if err != nil {
		t.Fatal(err)
	}
	clocks := []sut.SystemClock{{Node: "w1", Profile: "test-slave1_test-slave1", Sources: []string{"test-slave1"}}}
	if diff := cmp.Diff(clocks, inv.SystemClocks); diff != "" {
		t.Errorf("system clocks, not that of the grandmaster (-want +got):\n%s", diff)
	}
	slave, found := inv.Instance("test-slave1")
	if !found || slave.Type != sut.Ordinary || len(inv.Chains(slave)) != 1 {
		t.Errorf("ordinary clock %+v", slave)
	}
	labels["w1"] = nil
	if inv, err = inventoryOf(plan(t, "dnbc"), objects, labels); err != nil || len(inv.SystemClocks) != 0 || len(chains(inv)) != 2 {
		t.Errorf("without its label: %q, %v, %v", chains(inv), inv.SystemClocks, err)
	}
}

// port is a profile with a ptp4l that receives on a port.
func port(name, iface string) ptpconfig.Profile {
	return ptpconfig.Profile{Name: name, Interface: new(iface), Ptp4lOpts: new("-s")}
}

func TestNames(t *testing.T) {
	profiles := []profile{
		{Profile: port("a", "p0"), node: "w1", object: "x"},
		{Profile: port("b", "p0"), node: "w1", object: "x"},
		{Profile: port("b", "p0"), node: "w2", object: "x"},
		{Profile: port("c", "p0"), node: "w1", object: "x"},
		{Profile: port("c", "p1"), node: "w1", object: "y"},
		{Profile: port("gm", "p1"), node: "w2", object: "y"},
	}
	if err := nameAll(profiles, []sut.Instance{{Name: "gm"}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range profiles {
		got = append(got, p.name)
	}
	if want := "a w1-b w2-b w1-x_c w1-y_c w2-gm"; strings.Join(got, " ") != want {
		t.Errorf("names %q, want %q", got, want)
	}
	twice := []profile{{Profile: port("a", "p0"), node: "w1", object: "x"}, {Profile: port("a", "p0"), node: "w1", object: "x"}}
	if err := nameAll(twice, nil); err == nil {
		t.Error("two profiles of one name were named")
	}
}

func TestInstanceFaults(t *testing.T) {
	for _, test := range []struct {
		change func(*ptpconfig.Profile)
		want   string
	}{
		{func(p *ptpconfig.Profile) { p.Interface = nil }, "on which ports"},
		{func(p *ptpconfig.Profile) { p.Ptp4lConf = new("[global]\ndomainNumber 300\n") }, "not within 0-255"},
	} {
		p := port("a", "p0")
		test.change(&p)
		if _, err := (profile{Profile: p}).instance(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}

func TestConfigure(t *testing.T) {
	f := &fakeLab{}
	f.configs.Labels = map[string][]string{"w1": {"a", "b"}}
	s := New(f, plan(t, "dnbc"))
	objects, _ := generated(t, ptpconfig.OC, func(r *ptpconfig.Roles) { r.Slave1 = ptpconfig.Port{Node: "w1", Interface: "ens1f1"} })
	if err := s.PutConfig(t.Context(), objects[0]); err != nil {
		t.Fatal(err)
	}
	got, err := s.Configs(t.Context())
	if diff := cmp.Diff(objects[:1], got); diff != "" || err != nil {
		t.Errorf("%v (-put +got):\n%s", err, diff)
	}
	f.refused = "no priority"
	var refused *sut.RefusedError
	if err := s.PutConfig(t.Context(), objects[1]); !errors.As(err, &refused) || *refused != (sut.RefusedError{Object: "PtpConfig " + objects[1].Metadata.Name, Reason: "no priority"}) {
		t.Errorf("refused object: %v", err)
	}
	if labels, err := s.Labels(t.Context(), "w1"); err != nil || strings.Join(labels, " ") != "a b" {
		t.Errorf("labels %q, %v", labels, err)
	}
	if _, err := s.Labels(t.Context(), "sw1"); err == nil {
		t.Error("a switch has labels")
	}
	err = errors.Join(s.SetLabel(t.Context(), "w1", "c", true), s.DeleteConfig(t.Context(), "gone"))
	if diff := cmp.Diff([]string{"label w1 c true", "delete gone"}, f.calls); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestConfigsThatCannotBeToldApart(t *testing.T) {
	f := &fakeLab{outputs: map[string]string{
		"w1": "/var/run/ptp4l.0.config:#profile: bc1\n/var/run/ptp4l.1.config:#profile: bc2\n/var/run/ptp4l.2.config:#profile: bc1\n",
	}}
	f.configs.YAML = objectsOf(t, plan(t, "dnbc"))
	_, err := New(f, plan(t, "dnbc")).Inventory(t.Context())
	if err == nil || !strings.Contains(err.Error(), "ptp4l.0.config, /var/run/ptp4l.2.config") {
		t.Errorf("two profiles of one name on a node: %v", err)
	}
}
