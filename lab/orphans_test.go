package lab

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOrphansAreReaped lets a shell leave a process behind, which this process inherits as a lab's init does.
func TestOrphansAreReaped(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Skipf("orphans do not come to this process: %v", err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	var o orphans
	other := exec.Command("true") // another child that has ended, for which only its owner may wait
	other.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("sh", "-c", "cat <&3 >/dev/null 2>&1 & echo $!")
	hold, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	shell.ExtraFiles = append(shell.ExtraFiles, hold)
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := shell.Output()
	if err != nil {
		t.Fatal(err)
	}
	hold.Close()
	orphan, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.collect(shell.Process.Pid); err != nil || len(o.groups) != 1 {
		t.Errorf("while the orphan runs: groups %v, %v", o.groups, err)
	}
	held.Close() // and it ends
	for deadline := time.Now().Add(10 * time.Second); len(o.groups) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("orphan %d is still not reaped; groups %v", orphan, o.groups)
		}
		again := exec.Command("true")
		again.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := again.Run(); err != nil {
			t.Fatal(err)
		}
		if err := o.collect(again.Process.Pid); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Kill(orphan, 0); err != unix.ESRCH {
		t.Errorf("orphan %d is still there: %v", orphan, err)
	}
	if err := other.Wait(); err != nil {
		t.Errorf("somebody else waited for another's child: %v", err)
	}
}
