package netns

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do calls fn on an operating system thread that is in the namespace. Sockets that fn opens belong to the namespace
// and keep belonging to it; processes that fn starts run in it (do not give them a parent death signal: the thread
// ends with fn). Goroutines that fn starts are not in the namespace. Where a netlink handle will do, use one.
func Do(ns *os.File, fn func() error) error {
	return onThrowawayThread(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", ns.Name(), err)
		}
		return fn()
	})
}

// onThrowawayThread calls fn on a thread that ends with it, so that no goroutine ever meets a thread whose namespace
// fn has changed. A panic of fn is passed on to the caller.
func onThrowawayThread(fn func() error) error {
	done := make(chan result, 1)
	go throwaway(fn, done)
	r := <-done
	if r.panicked != nil {
		panic(r.panicked)
	}
	return r.err
}

type result struct {
	err      error
	panicked any
}

func throwaway(fn func() error, done chan<- result) {
	runtime.LockOSThread() // never unlocked: the runtime ends the thread with the goroutine
	if unix.Gettid() == unix.Getpid() {
		// The first thread cannot end, and its namespace is what others see as the process's.
		// While this goroutine holds it, another goroutine is sure to get a different one.
		inner := make(chan result, 1)
		go throwaway(fn, inner)
		r := <-inner
		runtime.UnlockOSThread()
		done <- r
		return
	}
	var r result
	defer func() {
		r.panicked = recover()
		done <- r
	}()
	r.err = fn()
}
