//go:build lab

package lab_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/topology"
)

// What makes this program, run again, an up that kills itself; the same program is then init of the lab's kernel.
const (
	envUp   = "PTPLAB_TEST_UP"   // topology file
	envKill = "PTPLAB_TEST_KILL" // number of the event at which to die, from 0; -1 for none
)

// This cannot wait for TestMain: as the kernel's init, the first thread is to be kept from all work, and only an
// initialiser is sure to run on it.
func init() {
	if sim.InGuest() {
		lab.RunGuest()
	}
	if file := os.Getenv(envUp); file != "" {
		os.Exit(upAndDie(file))
	}
}

// upAndDie makes a lab, tells each event as a line, and dies at one of them as by kill -9.
func upAndDie(file string) int {
	var last int
	fmt.Sscan(os.Getenv(envKill), &last)
	t, err := topology.Load(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	home, err := lab.DefaultHome()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	at := 0
	_, err = lab.Up(context.Background(), home, lab.UpOptions{Plan: topology.Expand(t, topology.Base{}), Topology: file, OnStep: func(e lab.StepEvent) {
		json.NewEncoder(os.Stdout).Encode(e)
		if at == last {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		at++
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// upKilledAt runs upAndDie and returns the events that it told.
func (b *bench) upKilledAt(file string, event int) []lab.StepEvent {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(b.environ(), envUp+"="+file, fmt.Sprintf("%s=%d", envKill, event))
	r := b.finish(cmd)
	var events []lab.StepEvent
	for lines := bufio.NewScanner(strings.NewReader(r.stdout)); lines.Scan(); {
		var e lab.StepEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			b.Fatalf("event %d: %v: %s", event, err, r)
		}
		events = append(events, e)
	}
	if event < 0 && r.code != 0 || event >= 0 && (r.code != -1 || len(events) != event+1) {
		b.Fatalf("event %d: %s", event, r)
	}
	return events
}

// TestKillAtEachStep kills up at each thing that it tells. After that, down leaves nothing, and a second up makes the
// lab whole.
func TestKillAtEachStep(t *testing.T) {
	b := newBench(t)
	file := topologyFile("bc")
	all := b.upKilledAt(file, -1)
	b.must("down", file)
	b.nothingLeft("after down")
	if len(all) < 14 {
		t.Fatalf("up tells %d events, want two for each of seven steps: %v", len(all), all)
	}
	for i, e := range all {
		when := fmt.Sprintf("killed at %s %s %s", e.Step, e.Event, e.State)
		b.upKilledAt(file, i)
		if r := b.ptplab("down", file); r.code != 0 {
			t.Errorf("%s: %s", when, r)
		}
		b.nothingLeft(when + ", and after down,")
		if e.Event == lab.StepMaking && e.State.Have == 0 { // each step once
			b.upKilledAt(file, i)
			r := b.ptplab("up", file)
			if r.code != 0 {
				t.Fatalf("%s, then up: %s", when, r)
			}
			b.must("run", "10s")
			b.locked(3)
			b.must("down", file)
		}
		if t.Failed() {
			t.Fatal(when)
		}
	}
}

// TestKillAtAnyTime kills up at times that have nothing to do with its steps: while the kernel boots, for one.
func TestKillAtAnyTime(t *testing.T) {
	b := newBench(t)
	file := topologyFile("oc")
	begun := time.Now()
	b.up(file)
	whole := time.Since(begun)
	b.must("down")
	const kills = 16
	for i := range kills {
		after := whole * time.Duration(i) / (kills - 2)
		cmd := b.command("up", file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		alarm := time.AfterFunc(after, func() { cmd.Process.Kill() })
		cmd.Wait()
		alarm.Stop()
		if i%4 == 3 {
			if r := b.ptplab("up", file); r.code != 0 {
				t.Fatalf("killed after %s, then up: %s", after, r)
			}
			b.locked(1)
		}
		b.must("down", file)
		b.nothingLeft(fmt.Sprintf("killed after %s, and after down,", after))
		if t.Failed() {
			t.FailNow()
		}
	}
}

// TestInterruptUp presses Ctrl-C at many moments of an up: exit status 130, and nothing is left without a down.
func TestInterruptUp(t *testing.T) {
	b := newBench(t)
	file := topologyFile("bc")
	begun := time.Now()
	b.up(file)
	whole := time.Since(begun)
	b.must("down")
	interrupted := 0
	const presses = 16
	for i := range presses {
		after := 8*time.Millisecond + whole*time.Duration(i)/presses
		cmd := b.command("up", file)
		r := b.interrupted(cmd, after)
		switch r.code {
		case 0:
			b.must("down", file)
		case 130:
			interrupted++
		case -1: // on a busy machine: before there was a handler, and before anything was made
		default:
			t.Errorf("Ctrl-C after %s: %s", after, r)
		}
		if r.code == 130 && !strings.Contains(r.stderr, "interrupted") {
			t.Errorf("Ctrl-C after %s: %s", after, r)
		}
		b.nothingLeft(fmt.Sprintf("Ctrl-C after %s (exit status %d)", after, r.code))
		if t.Failed() {
			t.Fatal(r)
		}
	}
	t.Logf("%d of %d were in time", interrupted, presses)
	if interrupted < presses/3 {
		t.Errorf("%d of %d came in time to test anything", interrupted, presses)
	}
}

// TestInterruptSecondUp presses Ctrl-C in an up of a lab that is there: it touches nothing that it has not made.
func TestInterruptSecondUp(t *testing.T) {
	b := newBench(t)
	file := topologyFile("bc")
	b.up(file)
	kernels, inside := b.kernels(), b.pidsInside("w1")
	for i := range 6 {
		cmd := b.command("up", file)
		r := b.interrupted(cmd, time.Duration(2+i*4)*time.Millisecond)
		if r.code != 0 && r.code != 130 && r.code != -1 { // -1: before there was a handler
			t.Errorf("Ctrl-C in a second up: %s", r)
		}
	}
	if after := b.kernels(); len(after) != 1 || after[0] != kernels[0] {
		t.Errorf("kernels %v, before %v", after, kernels)
	}
	if after := b.pidsInside("w1"); after != inside {
		t.Errorf("processes\n%sbefore\n%s", after, inside)
	}
	b.must("run", "10s")
	b.locked(3)
}

// TestInterruptOfUpThatWaits has an up that waits for clocks that never lock, and makes what is missing of a lab that
// is there: Ctrl-C leaves the rest.
func TestInterruptOfUpThatWaits(t *testing.T) {
	b := newBench(t)
	file := b.write("deaf.yaml", strings.ReplaceAll(ocText("deaf", 1, ""), "cables:\n", "cables:\n  # every frame is lost\n")+"    loss: 100%\n")
	cmd := b.command("up", file, "--time", "real")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if strings.HasPrefix(strings.TrimSpace(lines.Text()), "clocks  ") {
			break
		}
	}
	kill(t, cmd.Process.Pid, syscall.SIGINT)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit status %d, want 130", code)
	}
	b.nothingLeft("after Ctrl-C")
}
