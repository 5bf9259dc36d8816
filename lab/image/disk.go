package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/run"
)

// mib is one mebibyte in bytes.
const mib = 1 << 20

// SpaceError says that the disk of the cache is, or would be, full.
type SpaceError struct {
	Dir  string // the cache
	Free uint64 // bytes
	Need uint64 // bytes that a build takes; 0: it ran out half way
}

// Error says how much is missing and what to do.
func (e *SpaceError) Error() string {
	advice := `; free some space ("ptplab image prune" may help) or name another disk with PTPLAB_CACHE`
	if e.Need == 0 {
		return fmt.Sprintf("the disk of %s is full, %d MiB are free now", e.Dir, e.Free/mib) + advice
	}
	return fmt.Sprintf("%s has %d MiB free, the build needs %d MiB", e.Dir, e.Free/mib, e.Need/mib) + advice
}

// checkSpace compares the free space of dir's file system with what a build needs.
func checkSpace(dir string, need uint64) error {
	free, err := FreeSpace(dir)
	if err != nil {
		return err
	}
	if free < need {
		return &SpaceError{Dir: dir, Free: free, Need: need}
	}
	return nil
}

// FreeSpace is how much of the file system of a directory its user may still write, bytes.
func FreeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// explainFull turns any error that comes from a full disk, ours or that of a program, into a SpaceError.
func explainFull(dir string, err error) error {
	if err == nil || !isFull(err) {
		return err
	}
	free, statErr := FreeSpace(dir)
	if statErr != nil {
		return err
	}
	return &SpaceError{Dir: dir, Free: free}
}

func isFull(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return true
	}
	var program *run.Error
	text := ""
	if errors.As(err, &program) {
		text = program.Output
	}
	return strings.Contains(text, "No space left on device") || strings.Contains(text, "Disk quota exceeded") ||
		strings.Contains(text, "You don't have enough free space")
}

// diskUse is the space that path and all below it take, in bytes.
func diskUse(path string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += st.Blocks * 512
		}
		return nil
	})
	return sum, err
}

// protect takes every write permission from what is below dir, and lets the owner read all of it.
func protect(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm()&^0o222 | 0o400
		if entry.IsDir() {
			mode |= 0o100 | info.Mode()&fs.ModeSticky
		}
		return os.Chmod(path, mode)
	})
}

// removeAll is os.RemoveAll that is not stopped by folders without write permission.
func removeAll(dir string) error {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.Mode()&0o700 == 0o700 {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()|0o700)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(dir)
}

// copyFile copies the content and the permissions of a file and makes the folders on the way.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return writeFrom(in, to, info.Mode().Perm()|0o600)
}

// writeFrom makes the file at path from what in holds.
func writeFrom(in io.Reader, path string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return out.Close()
}

// globIn returns the paths below dir that match a pattern. Whatever dir itself is called does not matter.
func globIn(dir, pattern string) ([]string, error) {
	names, err := fs.Glob(os.DirFS(dir), pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern %s: %w", pattern, err)
	}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(dir, name)
	}
	return paths, nil
}
