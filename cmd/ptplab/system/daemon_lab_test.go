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
	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

// run runs a command on a node that must succeed, and returns what it printed.
func run(t *testing.T, s *system.System, node, command string) string {
	t.Helper()
	r, err := s.Exec(t.Context(), node, []string{"sh", "-c", command})
	if err != nil || r.Exit != 0 {
		t.Fatalf("%s on %s: exit status %d, %v: %s", command, node, r.Exit, err, r.Stderr)
	}
	return r.Stdout
}

// metric is the lines of a node's metrics with a prefix.
func metric(t *testing.T, s *system.System, node, prefix string) []string {
	t.Helper()
	text, err := s.Metrics(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, prefix) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

func untilReady(t *testing.T, s *system.System, node string) {
	t.Helper()
	_, err := wait.Until(t.Context(), s, node+" to be ready", time.Minute, time.Second, func(ctx context.Context) (bool, string, error) {
		return s.Ready(ctx, node)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRestartDaemonOnLab(t *testing.T) {
	s, _ := bootLab(t, load(t, "dnbc"))
	untilReady(t, s, "w1")
	starts := func() []string { return metric(t, s, "w1", "openshift_ptp_process_restart_count") }
	run(t, s, "w1", "pkill -KILL phc2sys || kill -9 $(pidof phc2sys | cut -d' ' -f1)")
	if err := s.Sleep(t.Context(), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(starts(), func(line string) bool { return strings.HasSuffix(line, " 2") }) {
		t.Errorf("a program was started again, but the counters are %q", starts())
	}
	before, others := pids(t, s, "w1"), pids(t, s, "w2")+pids(t, s, "w3")
	at, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RestartDaemon(t.Context(), "w1"); err != nil {
		t.Fatal(err)
	}
	untilReady(t, s, "w1")
	untilLocked(t, s)
	if after := pids(t, s, "w1"); after == before || strings.Count(after, "\n") != strings.Count(before, "\n") {
		t.Errorf("programs before\n%s, after\n%s", before, after)
	}
	if after := pids(t, s, "w2") + pids(t, s, "w3"); after != others {
		t.Errorf("programs of other workers before\n%s, after\n%s", others, after)
	}
	for _, line := range starts() {
		if !strings.HasSuffix(line, " 1") {
			t.Errorf("counter of a new daemon: %s", line)
		}
	}
	lines, err := s.Logs(t.Context(), "w1", time.Time{})
	if err != nil || len(lines) == 0 || lines[0].At.Before(at) {
		t.Errorf("%d lines, the first %+v, after a restart at %s; %v", len(lines), lines[:min(1, len(lines))], at, err)
	}
	if err := s.RestartDaemon(t.Context(), "sw1"); err == nil {
		t.Error("a switch has a daemon")
	}
}

func TestUnprivilegedOnLab(t *testing.T) {
	s, _ := bootLab(t, load(t, "oc"))
	const ask = "pmc -u -b 0 -f /var/run/ptp4l.0.config 'GET CURRENT_DATA_SET'"
	const elsewhere = "pmc -u -b 0 -i /tmp/pmc.other -f /var/run/ptp4l.0.config 'GET CURRENT_DATA_SET'"
	if out := run(t, s, "w1", ask); !strings.Contains(out, "offsetFromMaster") {
		t.Errorf("root: %s", out)
	}
	r, err := s.ExecUnprivileged(t.Context(), "w1", []string{"sh", "-c", "id -u; id -g; grep CapBnd /proc/self/status; ls /var/run/ptp4l.0.config; " + ask + "; " + elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	if want := "65534\n65534\nCapBnd:\t0000000000000000\n/var/run/ptp4l.0.config\n"; !strings.HasPrefix(r.Stdout, want) {
		t.Errorf("printed %q, want %q first; %s", r.Stdout, want, r.Stderr)
	}
	if !strings.Contains(r.Stdout+r.Stderr, "Permission denied") || strings.Contains(r.Stdout, "offsetFromMaster") {
		t.Errorf("an ordinary user asked ptp4l: exit status %d, %s%s", r.Exit, r.Stdout, r.Stderr)
	}
}

func TestDevicesOnLab(t *testing.T) {
	s, _ := bootLab(t, load(t, "dnbc"))
	graph, err := s.Discover(t.Context(), l2.Request{})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, node := range []string{"w1", "w2", "w3"} {
		devices, err := s.Devices(t.Context(), node)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range devices {
			got = append(got, fmt.Sprint(node, "/", d.Name, " ", d.PCI, " ", d.Driver))
			if d.Vendor != "0x1b36" {
				t.Errorf("vendor of %s is %q", d.Name, d.Vendor)
			}
		}
	}
	for _, p := range graph.PTPPorts() {
		want = append(want, fmt.Sprint(p, " ", p.PCI.Device, ".", p.PCI.Function, " netdevsim"))
	}
	slices.Sort(got)
	slices.Sort(want)
	// The suite names PCI functions in its own way.
	for i := range want {
		want[i] = strings.Replace(want[i], "..", ".", 1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-discovered +devices):\n%s", diff)
	}
}

func TestSecretsOnLab(t *testing.T) {
	s, l := bootLab(t, load(t, "oc"))
	ctx := t.Context()
	inv, err := s.Inventory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	gm, _ := inv.Instance("gm")
	oc, _ := inv.Instance("oc1")
	sign := ptpconfig.DefaultAuthentication()
	set, err := ptpconfig.Generate(ptpconfig.OC, ptpconfig.Roles{
		Grandmaster: ptpconfig.Port{Node: gm.Node, Interface: gm.TransmitPorts[0]}, Slave1: ptpconfig.Port{Node: oc.Node, Interface: oc.ReceivePorts[0]},
	}, ptpconfig.Options{Authentication: sign})
	if err != nil {
		t.Fatal(err)
	}
	var refused *sut.RefusedError
	if err := s.PutConfig(ctx, set.Objects[0]); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "does not exist") {
		t.Errorf("an object without its secret: %v", err)
	}
	secret, err := sign.NewSecret(nil)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(s.PutSecret(ctx, secret), s.DeleteConfig(ctx, "gm"), s.DeleteConfig(ctx, "oc1"))
	for _, label := range set.Labels {
		err = errors.Join(err, s.SetLabel(ctx, label.Node, label.Key, true))
	}
	for _, o := range set.Objects {
		err = errors.Join(err, s.PutConfig(ctx, o))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{gm.Node, oc.Node} {
		if text := run(t, s, node, "cat "+sign.Path()); text != secret.StringData[sign.File] {
			t.Errorf("%s of %s: %q", sign.Path(), node, text)
		}
	}
	if r, err := s.Exec(ctx, oc.Node, []string{"rm", sign.Path()}); err != nil || r.Exit == 0 {
		t.Errorf("a worker deleted a secret: %v", err)
	}
	untilLocked(t, s)
	before := pids(t, s, gm.Node)
	if secret, err = sign.NewSecret(nil); err != nil {
		t.Fatal(err)
	}
	if err := s.PutSecret(ctx, secret); err != nil {
		t.Fatal(err)
	}
	if pids(t, s, gm.Node) == before {
		t.Error("a new secret did not restart the program that reads it")
	}
	untilLocked(t, s)
	if err := s.DeleteSecret(ctx, secret.Name); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Exec(ctx, oc.Node, []string{"ls", "/etc/ptp-secret-mount"}); err != nil || r.Stdout != "" {
		t.Errorf("after the secret is deleted there is %q, %v", r.Stdout, err)
	}
	if err := s.PutSecret(ctx, ptpconfig.Secret{Name: "left"}); err != nil {
		t.Fatal(err)
	}
	l.upAgain(t)
	if out := run(t, s, oc.Node, "ls /etc/ptp-secret-mount"); out != "" {
		t.Errorf("after up there is %q", out)
	}
	untilLocked(t, s)
}

func TestLoadsOnLab(t *testing.T) {
	s, _ := bootLab(t, load(t, "oc"))
	var unavailable *sut.UnavailableError
	if _, err := s.Loads(t.Context(), time.Second); !errors.As(err, &unavailable) {
		t.Errorf("CPU use in virtual time: %v", err)
	}
	plan := load(t, "oc")
	plan.Name = "oc-real"
	s, _ = bootIn(t, plan, sim.Real)
	loads, err := s.Loads(t.Context(), 5*time.Second)
	if err != nil || len(loads) != 2 {
		t.Fatalf("%d loads, %v", len(loads), err)
	}
	for _, l := range loads {
		if l.Millicores <= 0 || l.Millicores > 500 || l.PodType != "linuxptp-daemon" {
			t.Errorf("load %+v", l)
		}
		t.Logf("%s uses %.1f millicores", l.Pod, l.Millicores)
	}
}

// TestOrphansOnLab leaves a process behind and sees that it does not stay as a zombie.
func TestOrphansOnLab(t *testing.T) {
	s, _ := bootLab(t, load(t, "oc"))
	orphan := strings.TrimSpace(run(t, s, "w1", "sleep 1 >/dev/null 2>&1 & echo $!"))
	run(t, s, "w1", "test -d /proc/"+orphan)
	if err := s.Sleep(t.Context(), 2*time.Second); err != nil {
		t.Fatal(err)
	}
	run(t, s, "w1", "true")
	run(t, s, "w1", "test ! -e /proc/"+orphan)
}
