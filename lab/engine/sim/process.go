package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/lab/process"
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
		if err := process.Kill(ctx, append(pids, descendants(pids)...)); err != nil {
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

// lastLines is how much of the console goes into an error.
const lastLines = 15

// LastWords are the last lines of the kernel's console, for a report of its end.
func (m Machine) LastWords() []string {
	return ending(process.Tail(m.console(), 0))
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
