package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// Names are the labs that have left something here, sorted: running, or killed half way.
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
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

func (h Home) dir(name string) string  { return filepath.Join(h.Dir, name) }
func (h Home) lock(name string) string { return filepath.Join(h.Dir, name+".lock") }

// tidy removes the home itself when its last lab is gone.
func (h Home) tidy() error {
	err := os.Remove(h.Dir)
	if err == nil || errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "not empty") {
		return nil
	}
	return err
}
