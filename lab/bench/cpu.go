package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/lab/engine/sim"
)

// ticksPerSecond is the unit of CPU times in /proc, the same on all Linux systems that Go knows (USER_HZ).
const ticksPerSecond = 100

// cpuSeconds is how much CPU time the lab's kernel and the processes that run its programs have taken so far.
func (t *trial) cpuSeconds() (float64, error) {
	pids, err := sim.Machine{Dir: filepath.Join(t.home.Dir, t.plan.Name)}.Processes()
	if err != nil {
		return 0, err
	}
	if len(pids) == 0 {
		return 0, fmt.Errorf("the kernel of lab %s does not run", t.plan.Name)
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if parent, ticks, ok := parseStat(string(text)); ok && (slices.Contains(pids, pid) || slices.Contains(pids, parent)) {
			sum += ticks
		}
	}
	return float64(sum) / ticksPerSecond, nil
}

// parseStat reads "PID (NAME) STATE PPID ... utime stime ...", proc_pid_stat(5). A name may have any character.
func parseStat(text string) (parent int, ticks int64, ok bool) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, 0, false
	}
	parent, err1 := strconv.Atoi(fields[1])
	user, err2 := strconv.ParseInt(fields[11], 10, 64)
	system, err3 := strconv.ParseInt(fields[12], 10, 64)
	return parent, user + system, err1 == nil && err2 == nil && err3 == nil
}
