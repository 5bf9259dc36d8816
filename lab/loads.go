package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/node"
)

// unavailable is the kind of error of what a lab cannot do as it is.
const unavailable = "unavailable"

// loads measures for a time how much CPU time the programs of each worker take. Only where time passes as it does
// outside does that mean anything: else it stands still, or runs, while a program computes.
func (w *World) loads(ctx context.Context, _ *agent.Request, args RunArgs) ([]Load, error) {
	plan, err := w.current()
	if err != nil {
		return nil, err
	}
	if !w.Real {
		return nil, agent.Errorf(unavailable, "programs take no time in lab %s; make it with --time real to measure what they use of the CPU", w.Lab)
	}
	if args.Duration <= 0 {
		return nil, agent.Errorf("usage", "CPU use over %s: the time must be above 0", args.Duration)
	}
	before := map[string]map[string]time.Duration{}
	for _, worker := range plan.Workers {
		if before[worker], err = w.cpuTimes(worker); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	if err := sleep(ctx, args.Duration); err != nil {
		return nil, err
	}
	passed := time.Since(start)
	var all []Load
	for _, worker := range plan.Workers {
		after, err := w.cpuTimes(worker)
		if err != nil {
			return nil, err
		}
		var used time.Duration
		for run, at := range after {
			used += at - before[worker][run] // of a new program, all
		}
		all = append(all, Load{Node: worker, CPU: float64(used) / float64(passed)})
	}
	return all, nil
}

// cpuTimes are the CPU times that the running programs of a worker have used, by program and start.
func (w *World) cpuTimes(worker string) (map[string]time.Duration, error) {
	n, err := w.node(worker)
	if err != nil {
		return nil, err
	}
	times := map[string]time.Duration{}
	for _, p := range n.Status().Processes {
		if p.State != node.Running {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) { // it has just ended
			continue
		}
		if err != nil {
			return nil, err
		}
		used, err := cpuTime(stat)
		if err != nil {
			return nil, fmt.Errorf("CPU time of %s on %s: %w", p.Config, worker, err)
		}
		times[fmt.Sprintf("%s %d %d", p.Config, p.Starts, p.PID)] = used
	}
	return times, nil
}

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on all architectures that Go knows.
const clockTick = time.Second / 100

// cpuTime is the CPU time in a line of /proc/PID/stat, proc_pid_stat(5): utime and stime, fields 14 and 15. The second
// field, the name in brackets, may have anything in it.
func cpuTime(stat []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	const utime, stime = 14 - 3, 15 - 3
	if end < 0 || len(fields) <= stime {
		return 0, fmt.Errorf("%q is not a line of /proc/PID/stat", stat)
	}
	var ticks int64
	for _, i := range []int{utime, stime} {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("field %d of /proc/PID/stat: %w", i+3, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
