package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// CacheDir is where images are kept: $PTPLAB_CACHE, else the folder ptplab of the user's cache directory.
func CacheDir() (string, error) {
	if dir := os.Getenv("PTPLAB_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("image cache: %w; name a folder with PTPLAB_CACHE", err)
	}
	return filepath.Join(dir, "ptplab"), nil
}

// makeCacheDir makes the cache and the folder of one kind, readable by their owner only.
func makeCacheDir(cacheDir, kindDir string) error {
	if err := os.MkdirAll(kindDir, 0o700); err != nil {
		return fmt.Errorf("image cache %s: %w; name another folder with PTPLAB_CACHE", cacheDir, err)
	}
	return nil
}

// State says whether an entry of the cache can be used.
type State string

// The states of an entry.
const (
	StateReady  State = "ready"  // whole
	StateMaking State = "making" // a build is at work
	StateBroken State = "broken" // left by a build that was killed
)

// Entry is one folder of the cache.
type Entry struct {
	Kind     Kind
	Name     string // folder name: the key's first 12 digits and what it is
	Dir      string
	State    State
	InUse    bool // by a running lab or a build; Prune leaves it alone
	Size     int64
	Manifest Manifest // empty unless ready
}

// lockPath is the lock that is held while somebody changes the entry. All downloads share one.
func (e Entry) lockPath() string {
	name := strings.TrimSuffix(e.Name, ".tmp")
	if e.Kind == KindSource {
		name = sourceLock
	}
	return filepath.Join(filepath.Dir(e.Dir), name+".lock")
}

// List returns what the cache holds, by kind and name. A cache that does not exist is empty.
func List(cacheDir string) ([]Entry, error) {
	var list []Entry
	for _, kind := range []Kind{KindKernel, KindRootFS, KindNode, KindPrograms, KindCluster, KindSource, KindBuild} {
		entries, err := listKind(cacheDir, kind)
		if err != nil {
			return nil, fmt.Errorf("image cache: %w", err)
		}
		list = append(list, entries...)
	}
	return list, nil
}

func listKind(cacheDir string, kind Kind) ([]Entry, error) {
	dir := filepath.Join(cacheDir, string(kind))
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, name := range names {
		if !name.IsDir() {
			continue
		}
		entry, err := readEntry(kind, filepath.Join(dir, name.Name()))
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
	return list, nil
}

func readEntry(kind Kind, dir string) (Entry, error) {
	entry := Entry{Kind: kind, Name: filepath.Base(dir), Dir: dir, State: StateBroken}
	busy, err := isLocked(entry.lockPath())
	if err != nil {
		return entry, err
	}
	manifest, err := readManifest(dir)
	switch {
	case err == nil && !strings.HasSuffix(dir, ".tmp"):
		entry.State, entry.Manifest, entry.Size = StateReady, manifest, manifest.Size
		used, err := isLocked(dir)
		if err != nil {
			return entry, err
		}
		entry.InUse = used || busy && (kind == KindBuild || kind == KindSource)
	case busy:
		entry.State, entry.InUse = StateMaking, true
	}
	if entry.Size == 0 {
		entry.Size, err = diskUse(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return entry, err
		}
	}
	return entry, nil
}

// isLocked reports whether any process has a lock on the file or folder at path.
func isLocked(path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// Wanted is for Prune: it keeps the images that the given ones would use, with the sources and builds of the kernels
// among them.
func Wanted(ctx context.Context, images ...Image) func(Entry) bool {
	dirs := map[string]bool{}
	sources := map[string]bool{}
	for _, i := range images {
		path, ok := i.Path(ctx)
		if !ok {
			continue
		}
		dirs[filepath.Dir(path)] = true
		if m, err := readManifest(filepath.Dir(path)); err == nil && m.Source != nil {
			sources[m.Source.SHA256] = true
		}
	}
	return func(e Entry) bool {
		if e.Kind == KindSource || e.Kind == KindBuild {
			return e.Manifest.Source != nil && sources[e.Manifest.Source.SHA256]
		}
		return dirs[e.Dir]
	}
}

// Prune removes what killed builds left, and each whole entry that keep does not want. What a build or a running lab
// uses stays. It returns the number of bytes freed. A nil keep wants everything.
func Prune(ctx context.Context, cacheDir string, keep func(Entry) bool) (freed int64, err error) {
	list, err := List(cacheDir)
	if err != nil {
		return 0, err
	}
	for _, entry := range list {
		if err := ctx.Err(); err != nil {
			return freed, err
		}
		wanted := entry.State == StateReady && (keep == nil || keep(entry))
		if wanted || entry.InUse {
			continue
		}
		removed, err := entry.remove()
		if err != nil {
			return freed, fmt.Errorf("prune %s: %w", entry.Dir, err)
		}
		if removed {
			freed += entry.Size
		}
	}
	return freed, removeLocks(cacheDir)
}

// remove deletes the entry unless somebody uses it. It is renamed first, so that nobody finds half of it.
func (e Entry) remove() (bool, error) {
	held, err := tryLock(e.lockPath())
	if held == nil {
		return false, err
	}
	defer held.release()
	dir, err := os.Open(e.Dir)
	if err != nil {
		return false, err
	}
	defer dir.Close()
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, nil
	}
	gone := e.Dir
	if !strings.HasSuffix(gone, ".tmp") {
		gone += ".gone.tmp"
		if err := os.Rename(e.Dir, gone); err != nil {
			return false, err
		}
	}
	return true, removeAll(gone)
}

// removeLocks deletes the lock files that nobody holds.
func removeLocks(cacheDir string) error {
	paths, err := globIn(cacheDir, "*/*.lock")
	if err != nil {
		return err
	}
	for _, path := range paths {
		held, err := tryLock(path)
		if err != nil {
			return err
		}
		if held == nil {
			continue
		}
		err = os.Remove(path)
		held.release()
		if err != nil {
			return err
		}
	}
	return nil
}
