package node

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// filter says which lines of a profile's programs do not reach the node's log. Files and metrics have all lines.
type filter struct {
	drop   *regexp.Regexp // stdoutFilter; nil: nothing
	reduce bool           // logReduce true or basic: no lines with "master offset"
}

// newFilter reads the settings stdoutFilter and logReduce. logReduce enhanced is taken for basic.
func newFilter(settings map[string]string) (filter, error) {
	var f filter
	if text := settings["stdoutFilter"]; text != "" {
		var err error
		if f.drop, err = regexp.Compile(text); err != nil {
			return f, fmt.Errorf("stdoutFilter: %w", err)
		}
	}
	if mode := strings.Fields(strings.ToLower(settings["logReduce"])); len(mode) > 0 {
		f.reduce = mode[0] == "true" || mode[0] == "basic" || mode[0] == "enhanced"
	}
	return f, nil
}

// passes tells whether a line reaches the node's log.
func (f *filter) passes(line []byte) bool {
	if f.reduce && bytes.Contains(line, []byte("master offset")) {
		return false
	}
	return f.drop == nil || !f.drop.Match(line)
}
