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
		return Home{Dir: abs}, err
	}
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // the XDG specification says to ignore a relative one
		home, err := os.UserHomeDir()
		if err != nil {
			return Home{}, fmt.Errorf("where labs keep their state: %w; set PTPLAB_HOME", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return Home{Dir: filepath.Join(state, "ptplab")}, nil
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
		if e.IsDir() && foreign(h.dir(name)) == "" || isLock {
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

// foreign names something in a directory that no lab puts there, or is empty. Such a directory is not a lab's: it is not
// listed, and never removed.
func foreign(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		switch e.Name() {
		case recordName, recordName + ".new", "agent.sock", "console.log", "uml", "gateway.sock", "gateway.log", "disk", kubeconfigName, kubeconfigName + ".new":
		default:
			return e.Name()
		}
	}
	return ""
}

// marker is in a home that ptplab has made, and so may remove.
const marker = ".ptplab"

// make makes the home, unless it is there.
func (h Home) make() error {
	if err := os.MkdirAll(filepath.Dir(h.Dir), 0o700); err != nil {
		return err
	}
	err := os.Mkdir(h.Dir, 0o700)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = os.WriteFile(filepath.Join(h.Dir, marker), nil, 0o600) // without it, the home only stays
	return nil
}

// tidy removes a home that ptplab has made when its last lab is gone.
func (h Home) tidy() {
	entries, err := os.ReadDir(h.Dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != marker {
		return
	}
	_ = os.Remove(filepath.Join(h.Dir, marker))
	_ = os.Remove(h.Dir) // which fails when another command has just begun there
}
