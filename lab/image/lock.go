package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a waiting build looks whether the lock is free. flock has no wait that a context can end.
const lockPoll = 200 * time.Millisecond

// heldLock is a lock on a file, by flock. It ends with the last process that has the file open, however that ends.
type heldLock struct {
	file *os.File
}

// lock waits for the lock at path and tells progress for whom it waits.
func lock(ctx context.Context, path string, progress reporter) (*heldLock, error) {
	told := false
	for {
		held, err := tryLock(path)
		if err != nil || held != nil {
			return held, err
		}
		if !told {
			progress.step("wait", "%s has %s", holder(path), filepath.Base(path))
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s, which has %s: %w", holder(path), path, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}

// tryLock takes the lock at path, or returns nil if another process has it.
func tryLock(path string) (*heldLock, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, nil
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !stillAt(file, path) { // the one before removed the file between our open and our lock
			file.Close()
			continue
		}
		held := &heldLock{file: file}
		return held, held.sign()
	}
}

// stillAt reports whether path names the open file.
func stillAt(file *os.File, path string) bool {
	ours, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(ours, there)
}

// sign writes who holds the lock, for those who wait.
func (l *heldLock) sign() error {
	text := fmt.Sprintf("%s (pid %d, since %s)\n", filepath.Base(os.Args[0]), os.Getpid(), time.Now().Format(time.TimeOnly))
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

// release gives the lock back. The file stays: removing it is prune's.
func (l *heldLock) release() { l.file.Close() }

// holder reads who signed the lock.
func holder(path string) string {
	text, err := os.ReadFile(path)
	if name := strings.TrimSpace(string(text)); err == nil && name != "" {
		return name
	}
	return "another process"
}

// Use marks the image at path, as returned by Build, as in use: Prune leaves it alone until the returned file is closed
// in every process that has it.
func Use(path string) (*os.File, error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("use image: %w", err)
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		dir.Close()
		return nil, fmt.Errorf("use image %s: it is being removed: %w", path, err)
	}
	if !stillAt(dir, filepath.Dir(path)) {
		dir.Close()
		return nil, fmt.Errorf("use image %s: it was removed: %w", path, os.ErrNotExist)
	}
	return dir, nil
}
