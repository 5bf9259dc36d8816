// Package selftest checks the lab kernel's netdevsim from the inside. It runs
// in the booted kernel, as root, and makes devices of its own, which it removes.
//
// The checks wait for seconds of simulated time. They are meant for virtual
// time, where that costs nothing and nothing else moves the clocks.
package selftest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A check is one property of the kernel: a sentence that is true, and a
// function that says why it is not.
type check struct {
	sentence string
	run      func(b *bench) error
}

// Run runs all checks and writes one line for each to w. It returns an error
// that counts the checks that failed, or nil.
func Run(w io.Writer) error {
	// Network namespaces belong to the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := mountAll(); err != nil {
		return err
	}
	all := checks()
	failed := 0
	for _, c := range all {
		began := time.Now()
		err := runOne(c)
		spent := time.Since(began).Round(time.Millisecond)
		if err != nil {
			failed++
			fmt.Fprintf(w, "FAIL %s: %v (%v)\n", c.sentence, err, spent)
			continue
		}
		fmt.Fprintf(w, "ok   %s (%v)\n", c.sentence, spent)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks of the kernel failed", failed, len(all))
	}
	return nil
}

// checks returns every check, in the order in which they run.
func checks() []check {
	var all []check
	for _, some := range [][]check{knobChecks(), clockChecks(), wanderChecks(), frameChecks(),
		noiseChecks(), bridgeChecks(), portChecks(), pciChecks(), churnChecks()} {
		all = append(all, some...)
	}
	return all
}

// runOne runs a check on an empty bench and clears it afterwards.
func runOne(c check) (err error) {
	b := &bench{}
	defer func() { err = errors.Join(err, b.clear()) }()
	return c.run(b)
}

// mountAll mounts what the checks read, where it is not mounted yet.
func mountAll() error {
	for _, m := range []struct{ kind, at, mark string }{
		{"proc", "/proc", "/proc/self"},
		{"sysfs", "/sys", "/sys/bus"},
		{"devtmpfs", "/dev", "/dev/null"},
		{"debugfs", "/sys/kernel/debug", debugRoot},
	} {
		if _, err := os.Stat(m.mark); err == nil {
			continue
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.at, err)
		}
	}
	return nil
}
