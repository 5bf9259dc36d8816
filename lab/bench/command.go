package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// commandBench is the ptplab program itself, as a person runs it.
func commandBench() bench {
	const memory = "ptplab: its own memory, peak"
	return bench{
		name: "ptplab",
		rows: []Row{{Name: memory, Unit: "MB", Target: 60}},
		once: func(ctx context.Context, e *environment) (figures, error) {
			binary, err := e.binary(ctx)
			if err != nil {
				return nil, err
			}
			home, err := os.MkdirTemp(e.dir, "ptplab-")
			if err != nil {
				return nil, err
			}
			file := filepath.Join(e.topologies, "dnbc.yaml")
			most := 0.0
			for _, args := range [][]string{{"up", file}, {"status"}, {"run", "10s"}} {
				var mb float64
				if mb, err = peak(ctx, home, binary, args...); err != nil {
					break
				}
				most = max(most, mb)
			}
			mb, downErr := peak(context.WithoutCancel(ctx), home, binary, "down", "--all")
			return figures{memory: max(most, mb)}, errors.Join(err, downErr, os.RemoveAll(home))
		},
	}
}

// sampleEvery is how often the memory of a command is looked at. The kernel keeps the peak, so only what a command takes
// in its last moment could be missed.
const sampleEvery = 5 * time.Millisecond

// peak runs a command of ptplab and returns the most memory that its process had resident, MB. It reads the peak of the
// running process: the one that wait4(2) gives begins with that of the process that started it.
func peak(ctx context.Context, home, binary string, args ...string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "PTPLAB_HOME="+filepath.Join(home, "home"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C comes to it through us
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	var most int64
	for {
		select {
		case <-tick.C:
			if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)); err == nil {
				most = max(most, peakKB(string(text)))
			}
		case err := <-ended:
			if err != nil {
				return 0, fmt.Errorf("ptplab %s: %w\n%s", args[0], err, out.Bytes())
			}
			return float64(most) * 1024 / 1e6, nil
		}
	}
}

// peakKB is VmHWM in the text of /proc/PID/status, KiB; 0 of a process that has ended.
func peakKB(status string) int64 {
	for line := range strings.Lines(status) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb
		}
	}
	return 0
}
