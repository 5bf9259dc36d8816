package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets this program stand for a kernel: it has a kernel's command line and waits to be killed.
func TestMain(m *testing.M) {
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "uml_dir=") }) {
		if os.Getenv("PTPLAB_TEST_CHILD") != "" {
			child := exec.Command("sleep", "60")
			if err := child.Start(); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println(child.Process.Pid)
			child.Wait()
		}
		fmt.Println("runs")
		time.Sleep(time.Minute)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fakeKernel runs a process whose command line is that of a machine.
func fakeKernel(t *testing.T, m Machine, lab string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], m.arguments(Spec{Lab: lab, Kernel: os.Args[0], Mode: Virtual, MemoryMB: 64})...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the process says %q, %v", line, err)
	}
	return cmd
}

// newMachine is a machine in a directory of its own that is not made yet.
func newMachine(t *testing.T) Machine { return Machine{Dir: filepath.Join(t.TempDir(), "oc")} }

func TestProcessesAreThoseOfTheirDirectory(t *testing.T) {
	m := newMachine(t)
	longer, inside := Machine{Dir: m.Dir + "2"}, Machine{Dir: filepath.Join(m.Dir, "uml", "x")}
	if pids, err := m.Processes(); err != nil || len(pids) != 0 {
		t.Fatalf("before anything runs: %v, %v", pids, err)
	}
	mine := fakeKernel(t, m, "oc")
	fakeKernel(t, longer, "oc2")
	fakeKernel(t, inside, "x")
	if pids, err := m.Processes(); err != nil || !slices.Equal(pids, []int{mine.Process.Pid}) {
		t.Errorf("processes %v, %v, want %d alone", pids, err, mine.Process.Pid)
	}
	if running, err := m.Running(); err != nil || !running {
		t.Errorf("Running = %t, %v", running, err)
	}
}

func TestStopEndsItsOwnAlone(t *testing.T) {
	m, other := newMachine(t), newMachine(t)
	mine, theirs := fakeKernel(t, m, "oc"), fakeKernel(t, other, "oc")
	died := make(chan error, 1)
	go func() { died <- mine.Wait() }()
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-died; err == nil || err.Error() != "signal: killed" {
		t.Errorf("the process ended by %v", err)
	}
	if running, err := m.Running(); err != nil || running {
		t.Errorf("Running = %t, %v", running, err)
	}
	if running, err := other.Running(); err != nil || !running {
		t.Errorf("the other machine: Running = %t, %v", running, err)
	}
	if err := theirs.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("the other machine's process: %v", err)
	}
	if err := m.Stop(t.Context()); err != nil {
		t.Errorf("Stop again: %v", err)
	}
}

func TestStopGivesUpWithItsContext(t *testing.T) {
	m := newMachine(t)
	fakeKernel(t, m, "oc")
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("enough")
	cancel(mine)
	if err := m.Stop(ctx); err != nil && !errors.Is(err, mine) {
		t.Errorf("Stop with an ended context: %v", err)
	}
}

func TestBootRefusesASecondKernel(t *testing.T) {
	m := newMachine(t)
	fakeKernel(t, m, "oc")
	err := m.Boot(t.Context(), Spec{Lab: "oc", Kernel: "/bin/false", Mode: Virtual})
	if err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("Boot: %v", err)
	}
}

// TestBootOfAKernelThatEnds is a kernel that dies before its agent answers: its last words are in the error.
func TestBootOfAKernelThatEnds(t *testing.T) {
	m := newMachine(t)
	kernel := filepath.Join(t.TempDir(), "linux")
	if err := os.WriteFile(kernel, []byte("#!/bin/sh\necho 'Kernel panic - not syncing: no init'\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := m.Boot(t.Context(), Spec{Lab: "oc", Kernel: kernel, Mode: Virtual, CPU: someCPU(t)})
	if err == nil || !strings.Contains(err.Error(), "Kernel panic - not syncing: no init") {
		t.Errorf("Boot: %v, want the console's last words", err)
	}
	if running, err := m.Running(); err != nil || running {
		t.Errorf("Running = %t, %v", running, err)
	}
	if _, err := os.Stat("/proc/self/fd/3"); err == nil && strings.Contains(link(t, 3), "agent.sock") {
		t.Error("the listening socket is still open")
	}
}

func link(t *testing.T, fd int) string {
	t.Helper()
	to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func someCPU(t *testing.T) int {
	t.Helper()
	cpu, err := PickCPU()
	if err != nil {
		t.Fatal(err)
	}
	return cpu
}

// TestPickCPUSpreads pins a machine where PickCPU says, and asks again.
func TestPickCPUSpreads(t *testing.T) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	if allowed.Count() < 2 {
		t.Skip("one CPU: there is nothing to pick")
	}
	m := newMachine(t)
	before := someCPU(t)
	if !allowed.IsSet(before) {
		t.Fatalf("CPU %d is not ours to use", before)
	}
	// Enough machines on it that it cannot be the emptiest, whatever else runs here.
	for range len(machines()) + 1 {
		cmd := fakeKernel(t, m, "oc")
		var one unix.CPUSet
		one.Set(before)
		for _, tid := range threads(t, cmd.Process.Pid) {
			if err := unix.SchedSetaffinity(tid, &one); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after := someCPU(t); after == before {
		t.Errorf("CPU %d again, where more machines run than on any other", after)
	}
}

func threads(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	var tids []int
	for _, e := range entries {
		var tid int
		fmt.Sscan(e.Name(), &tid)
		tids = append(tids, tid)
	}
	return tids
}

func TestPickCPUStaysWithinAffinity(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		t.Fatal(err)
	}
	defer unix.SchedSetaffinity(0, &old)
	for cpu := range len(old) * 64 {
		if !old.IsSet(cpu) {
			continue
		}
		var one unix.CPUSet
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			t.Fatal(err)
		}
		if got := someCPU(t); got != cpu {
			t.Errorf("CPU %d, where this process may use %d alone", got, cpu)
		}
	}
}

func TestStartOnPinsTheChildAlone(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after, child unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	cpu := someCPU(t)
	cmd := exec.Command("sleep", "60")
	if err := startOn(cmd, cpu); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if err := unix.SchedGetaffinity(cmd.Process.Pid, &child); err != nil || child.Count() != 1 || !child.IsSet(cpu) {
		t.Errorf("the child may use %d CPUs, %v, want CPU %d", child.Count(), err, cpu)
	}
	if err := unix.SchedGetaffinity(0, &after); err != nil || after != before {
		t.Errorf("the caller's affinity has changed")
	}
}

func TestLastWords(t *testing.T) {
	m := newMachine(t)
	if words := m.LastWords(); words != nil {
		t.Errorf("without a console: %q", words)
	}
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var long strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&long, "line %d\n", i)
	}
	for name, test := range map[string]struct {
		text  string
		count int
		last  string
	}{
		"empty":       {"", 0, ""},
		"blank":       {"\n\n", 0, ""},
		"one line":    {"Kernel panic\n", 1, "Kernel panic"},
		"no newline":  {"a\nb", 2, "b"},
		"many":        {long.String(), lastLines, "line 999"},
		"serial line": {"a\r\nb\r\n", 2, "b"},
		"short panic": {"a\nKernel panic - not syncing: x\nb\n", 3, "b"},
		"long panic":  {"a\nKernel panic - not syncing: x\n" + long.String(), lastLines, fmt.Sprintf("line %d", lastLines-2)},
	} {
		if err := os.WriteFile(m.console(), []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		words := m.LastWords()
		if len(words) != test.count || test.count > 0 && words[len(words)-1] != test.last {
			t.Errorf("%s: %q, want %d lines, the last %q", name, words, test.count, test.last)
		}
	}
}

func TestConsoleOfAnEndlessPrinterIsReadFromItsEnd(t *testing.T) {
	m := newMachine(t)
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(m.console())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("\nthe end\n"), 4<<30); err != nil { // sparse
		t.Skipf("no sparse files of 4 GiB here: %v", err)
	}
	words := m.LastWords()
	if len(words) == 0 || words[len(words)-1] != "the end" {
		t.Errorf("%d lines", len(words))
	}
}

func TestLongPathsFitASocketAddress(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a-rather-long-name/", 10))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m := Machine{Dir: dir}
	l, err := listen(m.socket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := m.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestParseMode(t *testing.T) {
	for _, s := range []string{"real", "skip", "virtual"} {
		if m, err := ParseMode(s); err != nil || string(m) != s {
			t.Errorf("%s: %q, %v", s, m, err)
		}
	}
	for _, s := range []string{"", "Real", "fast"} {
		if _, err := ParseMode(s); err == nil || !strings.Contains(err.Error(), "real, skip and virtual") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestEscapeLayer(t *testing.T) {
	for in, want := range map[string]string{"/a/b": "/a/b", "/a:b": `/a\:b`, "/a,b": `/a\,b`, `/a\b`: `/a\\b`} {
		if got := escapeLayer(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

// TestStopWaitsForTheWholeFamily has a kernel with a process that runs for it and does not carry its command line.
func TestStopWaitsForTheWholeFamily(t *testing.T) {
	t.Setenv("PTPLAB_TEST_CHILD", "1")
	m := newMachine(t)
	cmd := fakeKernel(t, m, "oc")
	family := descendants([]int{cmd.Process.Pid})
	if len(family) != 1 {
		t.Fatalf("descendants %v, want one", family)
	}
	go cmd.Wait()
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := descendants([]int{cmd.Process.Pid}); len(left) > 0 {
		t.Errorf("Stop left %v", left)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", family[0]))
	if err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("Stop left the child: %s", stat)
	}
}
