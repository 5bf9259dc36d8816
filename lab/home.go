package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// Home is the directory in which labs keep their state, one directory each.
type Home struct{ Dir string }

// DefaultHome is $PTPLAB_HOME, or ptplab in $XDG_STATE_HOME or in ~/.local/state.
func DefaultHome() (Home, error) {
	if dir := os.Getenv("PTPLAB_HOME"); dir != "" {
		abs, err := filepath.Abs(dir)
		return Home{abs}, err
	}
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // the XDG specification says to ignore a relative one
		home, err := os.UserHomeDir()
		if err != nil {
			return Home{}, fmt.Errorf("where labs keep their state: %w; set PTPLAB_HOME", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return Home{filepath.Join(state, "ptplab")}, nil
}

// Names are the labs that have left something here, sorted: running, or killed half way. The lock is what is there first.
func (h Home) Names() ([]string, error) {
	entries, err := os.ReadDir(h.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name, isLock := strings.CutSuffix(e.Name(), ".lock")
		if e.IsDir() || isLock {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return slices.Compact(names), nil
}

func (h Home) dir(name string) string  { return filepath.Join(h.Dir, name) }
func (h Home) lock(name string) string { return filepath.Join(h.Dir, name+".lock") }

// has says whether a lab has left anything here.
func (h Home) has(name string) bool {
	return slices.ContainsFunc([]string{h.dir(name), h.lock(name)}, func(path string) bool {
		_, err := os.Lstat(path)
		return err == nil
	})
}

// tidy removes the home itself when its last lab is gone. It stays where others use it, or where it is a mount point or
// in a folder that is not ours.
func (h Home) tidy() { _ = os.Remove(h.Dir) }
