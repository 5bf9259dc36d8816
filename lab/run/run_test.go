package run

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOutputIsStdoutOnly(t *testing.T) {
	out, err := Command(t.Context(), "sh", "-c", "echo out; echo err >&2").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); got != "out\n" {
		t.Errorf("output %q, want %q", got, "out\n")
	}
}

func TestErrorCarriesTheLastLines(t *testing.T) {
	err := Command(t.Context(), "sh", "-c", "seq 1 100; echo no such clock >&2; exit 3").Run()
	var runErr *Error
	if !errors.As(err, &runErr) {
		t.Fatalf("error %T, want *Error", err)
	}
	if !strings.HasSuffix(runErr.Output, "100\nno such clock") {
		t.Errorf("tail ends in %q", runErr.Output)
	}
	if got := len(strings.Split(runErr.Output, "\n")); got != tailLines {
		t.Errorf("%d lines kept, want %d", got, tailLines)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("error %v does not unwrap to exit status 3", err)
	}
	if !strings.Contains(err.Error(), `sh -c "seq 1 100`) {
		t.Errorf("error does not show the command line: %v", err)
	}
}

func TestMissingProgram(t *testing.T) {
	err := Command(t.Context(), "no-such-program-here").Run()
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v, want exec.ErrNotFound", err)
	}
}

func TestLinesInOrderAndUnfinished(t *testing.T) {
	var lines []string
	cmd := Command(t.Context(), "printf", `a\nb\r\nc`)
	cmd.Line = func(line string) { lines = append(lines, line) }
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(lines, want) {
		t.Errorf("lines %q, want %q", lines, want)
	}
}

func TestDirEnvStdin(t *testing.T) {
	dir := t.TempDir()
	cmd := Command(t.Context(), "sh", "-c", `pwd; echo "$CLOCK"; cat`)
	cmd.Dir = dir
	cmd.Env = []string{"CLOCK=ptp0"}
	cmd.Stdin = strings.NewReader("in\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := dir + "\nptp0\nin\n"; string(out) != want {
		t.Errorf("output %q, want %q", out, want)
	}
}

// A child that ignores SIGTERM must be gone too when Run returns.
func TestCancelEndsTheWholeGroup(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := Command(ctx, "sh", "-c", `(trap "" TERM; exec sleep 600) & echo $! > "$0.new"; mv "$0.new" "$0"; echo ready; wait`, pidFile)
	cmd.Grace = 200 * time.Millisecond
	cmd.Line = func(string) { cancel() }
	start := time.Now()
	err := cmd.Run()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("cancel took %v", took)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	waitGone(t, pid)
}

// waitGone waits until pid is dead or a zombie that its new parent has not collected yet.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("child %d is still alive: %s", pid, stat)
		}
	}
}

func TestInheritedLockOutlivesTheCallersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(held.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	cmd := Command(t.Context(), "sh", "-c", "echo up; read x")
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = in
	cmd.Inherit = []*os.File{held}
	up := make(chan struct{})
	cmd.Line = func(string) { close(up) }
	done := make(chan error, 1)
	go func() { done <- cmd.Run() }()
	<-up
	held.Close()
	if !locked(t, path) {
		t.Error("lock is free while the program that inherited it runs")
	}
	feed.WriteString("\n")
	feed.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if locked(t, path) {
		t.Error("lock is still held after the program ended")
	}
}

func locked(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), syscall.EWOULDBLOCK)
}

func TestQuote(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want string
	}{
		{[]string{"ip", "link"}, "ip link"},
		{[]string{"sh", "-c", "a b", ""}, `sh -c "a b" ""`},
		{[]string{"x", "$HOME", "\x1b[2J"}, `x "$HOME" "\x1b[2J"`},
	} {
		if got := Quote(c.argv); got != c.want {
			t.Errorf("Quote(%q) = %s, want %s", c.argv, got, c.want)
		}
	}
}
