//go:build guest

package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
	"github.com/ptplab/ptplab/lab/topology"
)

// TestRealPtp4l runs a grandmaster and an ordinary clock in two network namespaces that a veth pair joins, with
// software time stamps. It needs root. Both clocks are CLOCK_REALTIME of this machine, so the servo is bounded to
// 1000 ppb and never steps: the test moves the machine's clock by less than a microsecond each second.
func TestRealPtp4l(t *testing.T) {
	programs := realPrograms(t)
	suffix := fmt.Sprint(os.Getpid())
	gmSpace, ocSpace := "ptplab-gm-"+suffix, "ptplab-oc-"+suffix
	for _, space := range []string{gmSpace, ocSpace} {
		ip(t, "netns", "add", space)
		t.Cleanup(func() { ip(t, "netns", "del", space) })
	}
	ip(t, "link", "add", "gm0", "netns", gmSpace, "type", "veth", "peer", "name", "oc0", "netns", ocSpace)
	ip(t, "-n", gmSpace, "link", "set", "gm0", "up")
	ip(t, "-n", ocSpace, "link", "set", "oc0", "up")

	plan := &topology.Plan{Clocks: []topology.Clock{
		{Name: "gm1", Worker: "wg", Type: topology.ClockGrandmaster, Domain: 24, TransmitPorts: []string{"gm0"}},
		{Name: "oc1", Worker: "wo", Type: topology.ClockOrdinary, Domain: 24, ReceivePorts: []string{"oc0"}},
	}}
	configs := PtpConfigs(plan)
	for i := range configs {
		soften(t, &configs[i].Spec.Profile[0])
	}
	gm, oc := realNode(t, "wg", gmSpace, programs), realNode(t, "wo", ocSpace, programs)
	for _, n := range []*bench{gm, oc} {
		n.apply(configs...)
	}

	s := oc.soon("lock", state("LOCKED"))
	if s.Ports[0].Role != "SLAVE" || s.Processes[0].Config != "ptp4l.0.config" {
		t.Errorf("locked as %+v", s.Ports[0])
	}
	gm.soon("master role", func(s Status) bool { return s.Ports[0].Role == "MASTER" })
	oc.soon("clock class of a time receiver", func(s Status) bool { return s.Clocks[0].ClockClass == 255 })
	if metrics := gm.metrics("openshift_ptp_clock_class{"); metrics != "openshift_ptp_clock_class{config=\"ptp4l.0.config\",node=\"wg\",process=\"ptp4l\"} 6\n" {
		t.Errorf("clock class of the grandmaster: %q", metrics)
	}

	t.Log("kill -9")
	if err := syscall.Kill(s.Processes[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s = oc.soon("a second start and lock", func(s Status) bool {
		return s.Processes[0].Starts == 2 && state("LOCKED")(s) && s.Ports[0].Role == "SLAVE"
	})

	t.Log("link down")
	ip(t, "-n", ocSpace, "link", "set", "oc0", "down")
	s = oc.soon("HOLDOVER", state("HOLDOVER"))
	if s.Ports[0].Role != "FAULTY" || s.Clocks[0].OffsetNs != faultyOffset {
		t.Errorf("link down: %+v, offset %d", s.Ports[0], s.Clocks[0].OffsetNs)
	}
	since := s.Clocks[0].Since
	s = oc.soon("FREERUN", state("FREERUN"))
	if d := s.Clocks[0].Since.Sub(since); d != 3*time.Second {
		t.Errorf("holdover lasted %v, want the profile's 3s", d)
	}
	ip(t, "-n", ocSpace, "link", "set", "oc0", "up")
	oc.soon("LOCKED again", func(s Status) bool { return state("LOCKED")(s) && s.Ports[0].Role == "SLAVE" })

	if err := oc.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(oc.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if f.Name() != "log" {
			t.Errorf("%s was left in the run directory", f.Name())
		}
	}
}

// realPrograms finds linuxptp; PTPLAB_LINUXPTP names another folder than /usr/sbin.
func realPrograms(t *testing.T) Programs {
	t.Helper()
	dir := os.Getenv("PTPLAB_LINUXPTP")
	if dir == "" {
		dir = "/usr/sbin"
	}
	p := Programs{Ptp4l: dir + "/ptp4l", Phc2sys: dir + "/phc2sys"}
	version, err := exec.Command(p.Ptp4l, "-v").CombinedOutput()
	if err != nil {
		t.Fatalf("%s -v: %v", p.Ptp4l, err)
	}
	if version[0] < '4' {
		t.Skipf("%s is of linuxptp %s, and a node needs 4.0 or later; PTPLAB_LINUXPTP can name another folder", p.Ptp4l, strings.TrimSpace(string(version)))
	}
	return p
}

// soften turns a profile into one for software time stamps on a shared clock.
func soften(t *testing.T, p *Profile) {
	t.Helper()
	conf, err := linuxptp.ParseConfig(p.Ptp4lConf)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range [][2]string{{"time_stamping", "software"}, {"max_frequency", "1000"}, {"step_threshold", "0.0"}, {"first_step_threshold", "0.0"},
		{"pi_proportional_const", "0.7"}, {"pi_integral_const", "0.3"}} {
		conf.Set(linuxptp.Global, o[0], o[1])
	}
	p.Ptp4lConf = conf.String()
	p.PtpClockThreshold = &Threshold{HoldOverTimeout: 3, MaxOffsetThreshold: 1_000_000, MinOffsetThreshold: -1_000_000}
}

// realNode makes a node in a network namespace with a mount namespace of its own for each process.
func realNode(t *testing.T, name, space string, programs Programs) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir()}
	n, err := New(Options{Name: name, RunDir: b.dir, Programs: programs, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Enter: func(argv []string) *exec.Cmd {
			within := []string{"netns", "exec", space, "unshare", "-m", "sh", "-c", `mount --bind "$0" /var/run && exec "$@"`, b.dir}
			return exec.Command("ip", append(within, argv...)...)
		}})
	if err != nil {
		t.Fatal(err)
	}
	b.Node = n
	t.Cleanup(func() {
		if t.Failed() {
			for l := range n.Logs(context.Background(), false) {
				t.Logf("%s %s", name, l.Text)
			}
		}
		if err := n.Stop(context.Background()); err != nil { // t.Context has ended by now
			t.Error(err)
		}
	})
	return b
}

// soon waits for a state by the node's own notifications.
func (b *bench) soon(what string, is func(Status) bool) Status {
	b.Helper()
	var seen uint64
	for deadline := time.After(30 * time.Second); ; {
		if s := b.Status(); is(s) {
			return s
		}
		changed := make(chan struct{})
		go func() { seen, _ = b.WaitChange(b.Context(), seen); close(changed) }()
		select {
		case <-changed:
		case <-deadline:
			b.Fatalf("no %s; status %+v", what, b.Status())
		}
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}
