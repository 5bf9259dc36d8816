package l2

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// inNamespace runs do on a thread that is in the network namespace, the caller's if ns is nil. What do opens stays in that
// namespace. The thread is thrown away afterwards.
func inNamespace(ns *os.File, do func() error) error {
	if ns == nil {
		return do()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace %s: %w", ns.Name(), err)
			return
		}
		done <- do()
	}()
	return <-done
}

// openSysfs opens the /sys of the network namespace of the calling thread. For the caller's own namespace that is the one which is
// mounted; another is made without mounting it anywhere, since /sys shows the ports of the namespace in which it was made.
func openSysfs(ns *os.File) (*os.Root, error) {
	if ns == nil {
		return os.OpenRoot("/sys")
	}
	context, err := unix.Fsopen("sysfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open sysfs: %w", err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return nil, fmt.Errorf("make sysfs: %w", err)
	}
	mount, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("mount sysfs: %w", err)
	}
	defer unix.Close(mount)
	return os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", mount))
}
