package sim

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// PickCPU is the CPU for one more machine: of those that this process may use, the one with the fewest
// machines pinned to it, the highest number first, since other work gathers on the low ones.
func PickCPU() (int, error) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return 0, fmt.Errorf("read CPU affinity: %w", err)
	}
	load := map[int]int{}
	for _, pid := range machines() {
		var set unix.CPUSet
		if unix.SchedGetaffinity(pid, &set) == nil && set.Count() == 1 {
			load[first(&set)]++
		}
	}
	best := -1
	for cpu := len(allowed)*64 - 1; cpu >= 0; cpu-- {
		if allowed.IsSet(cpu) && (best < 0 || load[cpu] < load[best]) {
			best = cpu
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("this process may use no CPU")
	}
	return best, nil
}

func first(set *unix.CPUSet) int {
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			return cpu
		}
	}
	return -1
}

// machines are the main processes of all machines on the host that we may see.
func machines() []int {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil
	}
	var pids []int
	for _, path := range lines {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		text, rerr := os.ReadFile(path)
		if err == nil && rerr == nil && isMachine(text) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func isMachine(cmdline []byte) bool {
	return bytes.Contains(cmdline, []byte("\x00uml_dir=")) && bytes.Contains(cmdline, []byte("\x00PTPLAB_LAB="))
}
