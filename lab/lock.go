package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// BusyError says that another command works on the lab.
type BusyError struct {
	Lab    string
	Holder string // what the other command wrote of itself
}

// Error names the lab and its holder.
func (e *BusyError) Error() string {
	return fmt.Sprintf("lab %s is busy: %s; wait for it or stop it", e.Lab, e.Holder)
}

// Lock is the right to work on one lab. The kernel gives it back when the process ends, however it ends.
type Lock struct{ file *os.File }

// acquire takes the lock of a lab for a command such as "up", or fails at once with *BusyError.
func (h Home) acquire(name, command string) (*Lock, error) {
	for {
		if err := h.make(); err != nil {
			return nil, fmt.Errorf("lock lab %s: %w", name, err)
		}
		l, err := tryLock(h.lock(name), name)
		if errors.Is(err, os.ErrNotExist) { // the last lab has just gone, with its home
			continue
		}
		if err != nil {
			return nil, err
		}
		if l == nil { // removed between open and flock
			continue
		}
		note := fmt.Sprintf("ptplab %s, process %d\n", command, os.Getpid())
		// The note is for the message of a second command. A full disk must not keep down from making room.
		_ = l.file.Truncate(0)
		_, _ = l.file.WriteAt([]byte(note), 0)
		return l, nil
	}
}

// tryLock returns nil, nil when the file that it locked is no longer the one at path.
func tryLock(path, name string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock lab %s: %w", name, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := holder(f)
		f.Close()
		return nil, &BusyError{Lab: name, Holder: holder}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !isAt(f, path) {
		f.Close()
		return nil, nil
	}
	return &Lock{f}, nil
}

// isAt says whether an open file is still the one at path.
func isAt(f *os.File, path string) bool {
	mine, err1 := f.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(mine, there)
}

func holder(f *os.File) string {
	text := make([]byte, 200)
	n, _ := f.ReadAt(text, 0)
	if s := strings.TrimSpace(string(text[:n])); s != "" {
		return s
	}
	return "another ptplab has just begun"
}

// Release gives the lock back and leaves its file for the next command.
func (l *Lock) Release() error { return l.file.Close() }

// remove gives the lock back and takes its file away: the lab is gone.
func (l *Lock) remove() error {
	return errors.Join(os.Remove(filepath.Clean(l.file.Name())), l.file.Close())
}
