package management

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// inMount runs do where paths mean what they mean in the mount namespace; nil is ours. A socket made in there works
// everywhere. The thread that changes its namespace ends with do, so that no other goroutine ever runs on it.
func inMount(namespace *os.File, do func() error) error {
	if namespace == nil {
		return do()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with this goroutine
		done <- enterMount(namespace, do)
	}()
	return <-done
}

// enterMount moves this thread into the namespace for good and runs do.
func enterMount(namespace *os.File, do func() error) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare the thread's root directory: %w", err)
	}
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter mount namespace %s: %w", namespace.Name(), err)
	}
	return do()
}
