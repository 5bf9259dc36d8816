//go:build lab

package lab_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab"
)

func TestLife(t *testing.T) {
	b := newBench(t)
	file := topologyFile("bc")
	first := b.ptplab("up", file)
	if first.code != 0 || !strings.Contains(first.stdout, "bc1") || strings.Contains(first.stderr, "nothing to do") {
		t.Fatal(first)
	}
	if n := len(b.inHome()); n < 3 {
		t.Fatalf("a lab has %d processes; this test would not see those that are left", n)
	}
	for _, path := range []string{b.home, b.home + "/bc"} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s is %v, %v, want mode 0700", path, info.Mode(), err)
		}
	}
	b.must("run", "10s")
	b.locked(3) // bc1 and the switch's clocks of two VLANs; up waits for bc1 alone
	before, inside, kernels := b.status(), b.pidsInside("w1"), b.kernels()

	again := b.ptplab("up", file)
	if again.code != 0 || strings.Count(again.stderr, "nothing to do") != 7 {
		t.Errorf("a second up: %s", again)
	}
	if after := b.kernels(); !slices.Equal(after, kernels) {
		t.Errorf("a second up has kernels %v, the first %v", after, kernels)
	}
	if after := b.pidsInside("w1"); after != inside || !strings.Contains(inside, "ptp4l") {
		t.Errorf("a second up has processes\n%safter\n%s", after, inside)
	}
	after := b.status()
	if len(after.Ports) != len(before.Ports) {
		t.Errorf("%d ports, before %d", len(after.Ports), len(before.Ports))
	}
	if r := b.ptplab("up", topologyFile("oc"), "--dry-run"); r.code != 0 {
		t.Error(r)
	}

	if r := b.ptplab("down", file); r.code != 0 || !strings.Contains(r.stderr, "is gone") {
		t.Error(r)
	}
	b.nothingLeft("after down")
	for _, args := range [][]string{{"down", file}, {"down", "bc"}, {"down"}, {"down", "--all"}} {
		if r := b.ptplab(args...); r.code != 0 || !strings.Contains(r.stderr, "nothing to do") {
			t.Errorf("down again: %s", r)
		}
	}
	if r := b.ptplab("status"); r.code != 2 || !strings.Contains(r.stderr, "ptplab up") {
		t.Errorf("status without a lab: %s", r)
	}
}

func TestTwoLabs(t *testing.T) {
	b := newBench(t)
	b.up(topologyFile("oc"))
	b.up(topologyFile("bc"))
	for _, name := range []string{"oc", "bc"} {
		b.must("run", "10s", "--lab", name)
	}
	if r := b.ptplab("status"); r.code != 2 || !strings.Contains(r.stderr, "bc, oc") {
		t.Errorf("status of one of two: %s", r)
	}
	for name, receivers := range map[string]int{"oc": 1, "bc": 3} {
		s := b.status("--lab", name)
		if got := receiversOf(s); s.Name != name || len(got) != receivers {
			t.Errorf("lab %s: %s with receivers %v, want %d", name, s.Name, got, receivers)
		}
	}
	if n := len(b.kernels()); n != 2 {
		t.Errorf("%d kernels, want 2", n)
	}
	before := b.status("--lab", "bc").Now
	b.must("run", "10s", "--lab", "oc")
	b.must("exec", "w1", "--lab", "oc", "--", "touch", "/run/mine")
	if r := b.ptplab("exec", "w1", "--lab", "bc", "--", "test", "-e", "/run/mine"); r.code != 1 {
		t.Errorf("a file of one lab is in the other: %s", r)
	}
	if after := b.status("--lab", "bc").Now; after.Sub(before) > time.Second {
		t.Errorf("10 s of one lab moved the other by %s", after.Sub(before))
	}
	b.must("down", "oc")
	b.must("run", "1s", "--lab", "bc")
	if got := receiversOf(b.status()); len(got) != 3 {
		t.Errorf("after down of the other, lab bc has receivers %v, want 3", got)
	}
}

func TestBusy(t *testing.T) {
	b := newBench(t)
	b.up(topologyFile("oc"), "--time", "real")
	holder := b.command("run", "60s")
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("ptplab run, process %d", holder.Process.Pid)
	awaitFile(t, b.home+"/oc.lock", want)
	for _, args := range [][]string{{"status"}, {"down"}, {"up", topologyFile("oc")}, {"exec", "w1", "--", "true"}} {
		if r := b.ptplab(args...); r.code != 5 || !strings.Contains(r.stderr, want) {
			t.Errorf("while run holds the lab: %s", r)
		}
	}
	kill(t, holder.Process.Pid, syscall.SIGINT)
	holder.Wait()
	if code := holder.ProcessState.ExitCode(); code != 130 {
		t.Errorf("Ctrl-C in run: exit status %d, want 130", code)
	}
	b.locked(1) // the lab is as it was
}

// awaitFile waits until a file has a text in it.
func awaitFile(t *testing.T, path, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, _ := os.ReadFile(path); strings.Contains(string(text), want) {
			return
		}
	}
	t.Fatalf("%s does not come to have %q", path, want)
}

func TestKernelKilled(t *testing.T) {
	b := newBench(t)
	b.up(topologyFile("oc"))
	for _, pid := range b.kernels() {
		kill(t, pid, syscall.SIGKILL)
	}
	for deadline := time.Now().Add(5 * time.Second); len(b.kernels()) > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for _, args := range [][]string{{"status"}, {"run", "1s"}, {"exec", "w1", "--", "true"}} {
		r := b.ptplab(args...)
		if r.code != 1 || !strings.Contains(r.stderr, "its kernel has ended") || !strings.Contains(r.stderr, "ptplab down oc") {
			t.Errorf("a lab whose kernel was killed: %s", r)
		}
	}
	b.up(topologyFile("oc"))
	b.locked(1)
	for _, pid := range b.kernels() {
		kill(t, pid, syscall.SIGKILL)
	}
	b.must("down", "oc")
	b.nothingLeft("after down of a killed kernel")
}

// TestKernelKilledDuringCall has the kernel die under a command that waits for it.
func TestKernelKilledDuringCall(t *testing.T) {
	b := newBench(t)
	b.up(topologyFile("oc"), "--time", "real")
	l := b.open("oc")
	defer l.Close()
	failed := make(chan error, 1)
	go func() { _, err := l.Run(t.Context(), time.Hour); failed <- err }()
	for _, pid := range b.kernels() {
		kill(t, pid, syscall.SIGKILL)
	}
	select {
	case err := <-failed:
		if err == nil || !strings.Contains(err.Error(), "kernel is gone") && !strings.Contains(err.Error(), "kernel has ended") {
			t.Errorf("run in a kernel that is killed: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("run does not see that the kernel is gone")
	}
}

// TestOnlyTheAgentTalksToTheHost has a program of a worker open the agent's device. It would wait for the next caller in the
// agent's place, with time standing still.
func TestOnlyTheAgentTalksToTheHost(t *testing.T) {
	b := newBench(t)
	b.must("up", topologyFile("oc"))
	for _, redirection := range []string{"<", ">"} {
		r := b.ptplab("exec", "w1", "--", "nsenter", "-m", "-t", "1", "sh", "-c", ": "+redirection+"/dev/hostchan")
		if r.code == 0 || !strings.Contains(r.stderr, "Operation not permitted") {
			t.Errorf("open for %s: %s", redirection, r)
		}
	}
	b.must("exec", "w1", "--", "true")
}

func TestPanicIsReported(t *testing.T) {
	b := newBench(t)
	b.up(topologyFile("oc"))
	r := b.ptplab("exec", "w1", "--", "sh", "-c", "echo c >/proc/sysrq-trigger")
	if r.code != 1 || !strings.Contains(r.stderr, "kernel is gone") || !strings.Contains(r.stderr, "Kernel panic") || !strings.Contains(r.stderr, "sysrq triggered crash") {
		t.Errorf("a panic: %s", r)
	}
	r = b.ptplab("status")
	if r.code != 1 || !strings.Contains(r.stderr, "Kernel panic") || !strings.Contains(r.stderr, "ptplab down oc") {
		t.Errorf("status after a panic: %s", r)
	}
	b.must("down")
	b.nothingLeft("after down of a panicked lab")
}

// TestSpin has a program that reads the clock until it has moved, which it never does in virtual time.
func TestSpin(t *testing.T) {
	b := newBench(t)
	b.up(topologyFile("oc"))
	b.must("exec", "w1", "--", "sh", "-c", "echo the spinner comes >/dev/kmsg; echo the spinner comes >/dev/console")
	l := b.open("oc")
	l.Patience = 3 * time.Second
	begun := time.Now()
	_, err := l.Exec(t.Context(), lab.ExecArgs{Node: "w1", Command: []string{"bash", "-c", `until [ $EPOCHSECONDS -gt 4000000000 ]; do :; done`}}, t.Output(), t.Output())
	if err == nil || !strings.Contains(err.Error(), "no sign of life") || !strings.Contains(err.Error(), "without letting time pass") || !strings.Contains(err.Error(), "the spinner comes") {
		t.Errorf("a program that spins: %v, want what it is and the console's last lines", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s to see it", took)
	}
	begun = time.Now()
	if _, err := l.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "no sign of life") {
		t.Errorf("the next command: %v", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s to see it", took)
	}
	l.Close()
	b.must("down")
	b.nothingLeft("after down of a lab that spins")
}

// TestDoesNotStayUp: up names a program that ends again and again, soon, and works when it does no more.
func TestDoesNotStayUp(t *testing.T) {
	b := newBench(t)
	b.up(topologyFile("oc"))
	b.must("exec", "w1", "--", "sh", "-c", "mount --bind /bin/false /usr/sbin/ptp4l; pkill ptp4l")
	b.must("run", "20s")
	if r := b.ptplab("up", topologyFile("oc")); r.code != 1 || !strings.Contains(r.stderr, "ptp4l of w1 (oc1_oc1) does not stay up: exit status 1") {
		t.Errorf("up without a ptp4l: %s", r)
	}
	b.must("exec", "w1", "--", "umount", "/usr/sbin/ptp4l")
	b.up(topologyFile("oc"))
	b.locked(1)
}
