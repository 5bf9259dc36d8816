package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/netns"
)

// adopt makes the namespaces of a container's process those of the place. They live on when the container ends, so that
// ports that are in them stay there until the container's next ones are adopted.
func (p place) adopt(pid int) error {
	if err := os.MkdirAll(p.workDir(), 0o700); err != nil {
		return err
	}
	for _, one := range []struct{ kind, file string }{
		{"pid", p.processFile()}, {"mnt", p.mountFile()}, {"net", p.nets().Path(p.owner)}, // by the last, isOf knows that all are there
	} {
		if err := pin(fmt.Sprintf("/proc/%d/ns/%s", pid, one.kind), one.file); err != nil {
			return fmt.Errorf("namespaces of %s: %w", p.owner, err)
		}
	}
	return nil
}

// pin mounts a namespace on a file, in the place of the one that is mounted there.
func pin(namespace, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file, nil, 0o400); err != nil && !isPinned(file) {
		return err
	}
	for isPinned(file) {
		if err := unix.Unmount(file, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", file, err)
		}
	}
	if err := unix.Mount(namespace, file, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", namespace, file, err)
	}
	return nil
}

// isOf says whether the place has the network namespace of a process.
func (p place) isOf(pid int) (bool, error) {
	there, err := p.exists()
	if err != nil || !there {
		return false, err
	}
	own, err := p.open()
	if err != nil {
		return false, err
	}
	defer own.Close()
	other, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer other.Close()
	a, err1 := netns.Inode(own)
	b, err2 := netns.Inode(other)
	return a == b, errors.Join(err1, err2)
}
