package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A run in virtual time can be repeated to the nanosecond, but this program's own scheduling is not the same twice: it
// differs by microseconds of the lab's time. Two things keep that from the clocks. Noise and programs start on a grid
// of instants; ptp4l, for one, seeds its random numbers with the time at which it starts. And timers have no slack:
// with it, they fire when some other one does.

// alignTo is the grid of instants at which noise and programs start in virtual time.
const alignTo = 20 * time.Millisecond

// align waits for the next instant of the grid, to the nanosecond.
func (w *World) align() error {
	if !w.Aligned {
		return nil
	}
	now, err := monotonic()
	if err != nil {
		return err
	}
	return sleepUntil((now/int64(alignTo) + 1) * int64(alignTo))
}

// monotonic is CLOCK_MONOTONIC, ns.
func monotonic() (int64, error) {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return now.Nano(), err
}

// sleepUntil sleeps until an instant of CLOCK_MONOTONIC, ns. A Go timer would be late by up to a millisecond.
func sleepUntil(ns int64) error {
	at := unix.NsecToTimespec(ns)
	for {
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// dropTimerSlack lets the timers of this program, and of all that it will run, fire when they are due. Threads and
// programs have the slack of the thread that starts them.
func dropTimerSlack() error {
	for done := map[string]bool{}; ; {
		threads, err := filepath.Glob("/proc/self/task/*")
		if err != nil {
			return err
		}
		more := false
		for _, path := range threads {
			thread := filepath.Base(path)
			if done[thread] {
				continue
			}
			err := os.WriteFile(filepath.Join("/proc", thread, "timerslack_ns"), []byte("1"), 0)
			if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("timer slack: %w", err)
			}
			done[thread], more = true, true
		}
		if !more {
			return nil
		}
	}
}
