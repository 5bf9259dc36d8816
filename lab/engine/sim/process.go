package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
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
		// The processes that run the guest's programs die with the kernel, but a moment later.
		if err := killAll(ctx, append(pids, descendants(pids)...)); err != nil {
			return fmt.Errorf("stop the lab kernel: %w", err)
		}
	}
}

// descendants are the children of processes, their children, and so on.
func descendants(pids []int) []int {
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// PID (NAME) STATE PPID ..., proc_pid_stat(5); a name may have any character.
		pid, perr := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if perr != nil || len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			parents[pid] = parent
		}
	}
	var all []int
	for family := pids; len(family) > 0; {
		var next []int
		for pid, parent := range parents {
			if slices.Contains(family, parent) {
				next = append(next, pid)
			}
		}
		all, family = append(all, next...), next
	}
	return all
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
	text, err := tail(m.console(), lastBytes)
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return ending(lines)
}

// ending is the last of a console's lines, or the beginning of a panic: what it is stands above its long trace.
func ending(lines []string) []string {
	last := lines[max(0, len(lines)-lastLines):]
	for i := len(lines) - len(last) - 1; i >= 0; i-- {
		if strings.Contains(lines[i], "Kernel panic") {
			return lines[i:min(len(lines), i+lastLines)]
		}
	}
	return last
}

// lastBytes is how much of a console is read for its last lines: one that prints without end may be as large as the disk.
const lastBytes = 16 << 10

// tail reads the last bytes of a file.
func tail(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-most), most))
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
	for _, pid := range append(pids, descendants(pids)...) { // those that run the guest's programs share its memory
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
