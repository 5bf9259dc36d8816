package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stopLimit is how long killed processes may take to be gone.
const stopLimit = 20 * time.Second

// Processes are the host processes of this machine: those whose command line names its directory. What they
// say of themselves is the truth; a pid file would only be a hint.
func (m Machine) Processes() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	mark := []byte("\x00uml_dir=" + m.umlDir() + "/\x00")
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && bytes.Contains(line, mark) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Running says whether the kernel runs.
func (m Machine) Running() (bool, error) {
	pids, err := m.Processes()
	return len(pids) > 0, err
}

// Stop kills the kernel and all that runs in it, and waits until its processes are gone. There is nothing to
// save: what a lab keeps is on the host already.
func (m Machine) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopLimit, errors.New("its processes do not go"))
	defer cancel()
	for {
		pids, err := m.Processes()
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			return nil
		}
		if err := killAll(ctx, pids); err != nil {
			return fmt.Errorf("stop the lab kernel: %w", err)
		}
	}
}

// killAll kills each process and waits for its end by its pidfd, so that a reused pid is never hit.
func killAll(ctx context.Context, pids []int) error {
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return fmt.Errorf("pidfd of %d: %w", pid, err)
		}
		err = killOne(ctx, fd)
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("kill %d: %w", pid, err)
		}
	}
	return nil
}

func killOne(ctx context.Context, pidfd int) error {
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	for {
		left := int64(100)
		if deadline, ok := ctx.Deadline(); ok {
			left = max(0, min(left, time.Until(deadline).Milliseconds()))
		}
		p := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		n, err := unix.Poll(p, int(left))
		if n > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// lastLines is how much of the console goes into an error.
const lastLines = 15

// LastWords are the last lines of the kernel's console, for a report of its end.
func (m Machine) LastWords() []string {
	text, err := os.ReadFile(m.console())
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines[max(0, len(lines)-lastLines):]
}

func (m Machine) lastWords() string {
	lines := m.LastWords()
	if len(lines) == 0 {
		return "; its console is empty"
	}
	return "; its console ends with\n    " + strings.Join(lines, "\n    ")
}

// ResidentKB is the memory that the machine takes on the host: the proportional set size of all its
// processes, kB.
func (m Machine) ResidentKB() (int64, error) {
	pids, err := m.Processes()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range pids {
		kb, err := pss(pid)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
		sum += kb
	}
	return sum, nil
}

func pss(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("smaps_rollup of %d has no Pss", pid)
}
