//go:build lab

package system_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// setMode replaces all objects and labels of a lab by those of a mode.
func setMode(t *testing.T, s *system.System, mode ptpconfig.Mode, roles ptpconfig.Roles) {
	t.Helper()
	ctx := t.Context()
	old, err := s.Configs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range old {
		err = errors.Join(err, s.DeleteConfig(ctx, o.Metadata.Name))
	}
	for _, node := range []string{"w1", "w2", "w3"} {
		labels, listed := s.Labels(ctx, node)
		err = errors.Join(err, listed)
		for _, l := range labels {
			err = errors.Join(err, s.SetLabel(ctx, node, l, false))
		}
	}
	set, generated := ptpconfig.Generate(mode, roles, ptpconfig.Options{})
	err = errors.Join(err, generated)
	for _, l := range set.Labels {
		err = errors.Join(err, s.SetLabel(ctx, l.Node, l.Key, true))
	}
	for _, o := range set.Objects {
		err = errors.Join(err, s.PutConfig(ctx, o))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// untilLocked waits until all receivers of the lab are within 1 us of ideal time, and returns its inventory.
func untilLocked(t *testing.T, s *system.System) sut.Inventory {
	t.Helper()
	inv, err := s.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ports []sut.PortRef
	for _, i := range inv.Instances {
		if i.IsReceiver() {
			ports = append(ports, i.ClockPort())
		}
	}
	near := func(ctx context.Context) (bool, string, error) {
		series, err := s.TrueError(ctx, ports, 0, time.Second)
		if err != nil {
			return false, "", err
		}
		i := slices.IndexFunc(series, func(one sut.Series) bool { return max(one.Samples[0].ErrorNs, -one.Samples[0].ErrorNs) > 1000 })
		if i >= 0 {
			return false, fmt.Sprintf("%s is %.0f ns off", series[i].Port, series[i].Samples[0].ErrorNs), nil
		}
		return true, "", nil
	}
	if _, err := wait.Until(t.Context(), s, "clocks to lock", 2*time.Minute, time.Second, wait.Holding(s, 5*time.Second, near)); err != nil {
		t.Fatal(err)
	}
	return inv
}

// steering lists the nodes and files of those phc2sys that may steer CLOCK_REALTIME.
func steering(t *testing.T, s *system.System, nodes ...string) []string {
	t.Helper()
	var all []string
	for _, node := range nodes {
		r, err := s.Exec(t.Context(), node, []string{"sh", "-c", "grep -L free_running /var/run/phc2sys.*.config"})
		if err != nil {
			t.Fatal(err)
		}
		for file := range strings.Lines(r.Stdout) {
			all = append(all, node+":"+strings.TrimSpace(file))
		}
	}
	return all
}

// pids are the processes of a node's ptp4l and phc2sys.
func pids(t *testing.T, s *system.System, node string) string {
	t.Helper()
	r, err := s.Exec(t.Context(), node, []string{"sh", "-c", "for p in /proc/[0-9]*; do echo $p $(cat $p/comm) $(readlink $p/ns/net); done | grep -F $(readlink /proc/self/ns/net) | grep -E 'ptp4l|phc2sys'"})
	if err != nil {
		t.Fatal(err)
	}
	return r.Stdout
}

func TestConfigureLab(t *testing.T) {
	plan := load(t, "dnbc")
	s, l := bootLab(t, plan)
	port := func(node, name string) ptpconfig.Port { return ptpconfig.Port{Node: node, Interface: name} }
	roles := ptpconfig.Roles{Grandmaster: port("w2", "ens3f0"), Slave1: port("w3", "ens4f0")}

	at := time.Now()
	setMode(t, s, ptpconfig.OC, ptpconfig.Roles{Grandmaster: roles.Grandmaster, Slave1: port("w3", "ens6f0")})
	// ens6 is behind boundary clock 2, which does not run now.
	if _, err := s.Inventory(t.Context()); err != nil {
		t.Errorf("inventory with a receiver that nobody reaches: %v", err)
	}
	if got := steering(t, s, "w1", "w2", "w3"); !slices.Equal(got, []string{"w3:/var/run/phc2sys.0.config"}) {
		t.Errorf("CLOCK_REALTIME is steered by %q, want w3 alone", got)
	}

	roles.BC1Receive, roles.BC1Transmit = port("w1", "ens1f1"), port("w1", "ens1f0")
	roles.BC2Receive, roles.BC2Transmit = port("w1", "ens2f0"), port("w1", "ens2f1")
	roles.Slave2 = port("w3", "ens5f0")
	setMode(t, s, ptpconfig.DualNICBCHA, roles)
	inv := untilLocked(t, s)
	want := []sut.SystemClock{{
		Node: "w1", Profile: "test-dual-nic-bc-ha_test-dual-nic-bc-ha", Config: "/var/run/phc2sys.2.config", Sources: []string{"test-bc-master1", "test-bc-master2"},
	}}
	if diff := cmp.Diff(want, inv.SystemClocks); diff != "" {
		t.Errorf("system clocks (-want +got):\n%s", diff)
	}
	if got := steering(t, s, "w1", "w2", "w3"); !slices.Equal(got, []string{"w1:/var/run/phc2sys.2.config"}) {
		t.Errorf("CLOCK_REALTIME is steered by %q, want w1 alone", got)
	}
	t.Logf("two modes arranged and locked in %s", time.Since(at).Round(time.Millisecond))

	before := pids(t, s, "w1") + pids(t, s, "w2")
	if strings.Count(before, "ptp4l") != 3 {
		t.Fatalf("three ptp4l should run on w1 and w2:\n%s", before)
	}
	checkRefusals(t, s)
	if err := s.DeleteConfig(t.Context(), ptpconfig.NameSlave1); err != nil {
		t.Error(err)
	}
	if after := pids(t, s, "w1") + pids(t, s, "w2"); after != before {
		t.Errorf("processes that nothing changed for: before\n%s, after\n%s", before, after)
	}
	upAgain(t, s, l)
}

// checkRefusals puts objects that are not valid and sees the others stay.
func checkRefusals(t *testing.T, s *system.System) {
	t.Helper()
	before, err := s.Configs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"[global]\ndomainNumber 300\n[ens3f0]\n", "[global]\nspp 1\n[ens3f0]\n", "no section\n"} {
		bad := before[0]
		bad.Spec.Profile = slices.Clone(bad.Spec.Profile)
		bad.Spec.Profile[0].Ptp4lConf = new(text)
		var refused *sut.RefusedError
		if err := s.PutConfig(t.Context(), bad); !errors.As(err, &refused) || refused.Reason == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
	if after, err := s.Configs(t.Context()); err != nil || !cmp.Equal(before, after) {
		t.Errorf("after objects that were refused, %v (-before +after):\n%s", err, cmp.Diff(before, after))
	}
}

// upAgain makes the lab what its topology says.
func upAgain(t *testing.T, s *system.System, l *opened) {
	t.Helper()
	l.upAgain(t)
	objects, err := s.Configs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range objects {
		names = append(names, o.Metadata.Name)
		if o.Metadata.Labels["app.kubernetes.io/managed-by"] != "ptplab" {
			t.Errorf("object %s does not say who made it: %v", o.Metadata.Name, o.Metadata.Labels)
		}
	}
	if want := []string{"bc1", "bc2", "gm", "oc1", "oc2"}; !slices.Equal(names, want) {
		t.Errorf("objects after up: %q, want %q", names, want)
	}
	for _, node := range []string{"w1", "w2", "w3"} {
		if labels, err := s.Labels(t.Context(), node); err != nil || len(labels) > 0 {
			t.Errorf("labels of %s after up: %q, %v", node, labels, err)
		}
	}
	if inv, err := s.Inventory(t.Context()); err != nil || len(inv.Instances) != 8 {
		t.Errorf("%d instances after up, %v", len(inv.Instances), err)
	}
}

// TestLabelsChooseTheClocks moves a clock by a label alone.
func TestLabelsChooseTheClocks(t *testing.T) {
	s, _ := bootLab(t, load(t, "oc"))
	set, err := ptpconfig.Generate(ptpconfig.OC, ptpconfig.Roles{Grandmaster: ptpconfig.Port{Node: "w9", Interface: "x"}, Slave1: ptpconfig.Port{Node: "w9", Interface: "ens1f0"}}, ptpconfig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	temp := set.Objects[1]
	temp.Spec.Recommend[0].Priority = 1 // before those of the topology
	if err := s.PutConfig(t.Context(), temp); err != nil {
		t.Fatal(err)
	}
	clocks := func() string {
		inv, err := s.Inventory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, i := range inv.Instances {
			all = append(all, i.String())
		}
		return strings.Join(all, ", ")
	}
	at := clocks()
	node := strings.TrimPrefix(strings.Split(at, ", ")[0], "oc1 on ")
	if err := s.SetLabel(t.Context(), node, ptpconfig.LabelUnderTest, true); err != nil {
		t.Fatal(err)
	}
	if got, want := clocks(), strings.Replace(at, "oc1 on", temp.Metadata.Name+" on", 1); got != want {
		t.Errorf("with the label: %s, want %s", got, want)
	}
	if err := s.SetLabel(t.Context(), node, ptpconfig.LabelUnderTest, false); err != nil || clocks() != at {
		t.Errorf("without the label: %s, want %s; %v", clocks(), at, err)
	}
	if err := s.SetLabel(t.Context(), "w9", "x", true); err == nil {
		t.Error("a worker that does not exist got a label")
	}
}
