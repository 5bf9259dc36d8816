package lab

import (
	"errors"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// orphans are the process groups of commands that have ended and left something running. Their processes become
// children of this program, the init of the lab's kernel, and would stay as zombies. A group is only looked at after its
// command has been waited for, so that nobody else waits for one of its processes. One that makes a session or group of
// its own is not known, and stays.
type orphans struct {
	mu     sync.Mutex
	groups []int
}

// collect adds the group of a command that has been waited for, and reaps what has ended of all groups.
func (o *orphans) collect(group int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.groups = append(o.groups, group)
	var faults []error
	o.groups = slices.DeleteFunc(o.groups, func(group int) bool {
		gone, err := reapGroup(group)
		faults = append(faults, err)
		return gone || err != nil
	})
	return errors.Join(faults...)
}

// reapGroup reaps those children of a process group that have ended. It says whether there are no others.
func reapGroup(group int) (gone bool, err error) {
	for {
		switch pid, err := unix.Wait4(-group, nil, unix.WNOHANG, nil); {
		case errors.Is(err, unix.ECHILD):
			return true, nil
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return false, err
		case pid == 0:
			return false, nil
		}
	}
}
