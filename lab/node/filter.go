package node

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// filter says which lines of a profile's programs do not reach the node's log. Files and metrics have all lines.
type filter struct {
	drop   *regexp.Regexp // stdoutFilter; nil: nothing
	reduce bool           // logReduce true or basic: no lines with "master offset"

	enhanced  bool          // logReduce enhanced: a summary in place of offsets
	every     time.Duration // between two summaries
	threshold int64         // ns: an offset beyond it is written in full; 0: none is
}

// defaultSummaryEvery is upstream's time between two summaries of offsets.
const defaultSummaryEvery = 30 * time.Second

// newFilter reads the settings stdoutFilter and logReduce. "enhanced" may be followed by the time between two summaries, "10s",
// and by a threshold in ns.
func newFilter(settings map[string]string) (filter, error) {
	var f filter
	if text := settings["stdoutFilter"]; text != "" {
		var err error
		if f.drop, err = regexp.Compile(text); err != nil {
			return f, fmt.Errorf("stdoutFilter: %w", err)
		}
	}
	mode := strings.Fields(strings.ToLower(settings["logReduce"]))
	if len(mode) == 0 {
		return f, nil
	}
	f.reduce = mode[0] == "true" || mode[0] == "basic"
	f.enhanced, f.every = mode[0] == "enhanced", defaultSummaryEvery
	for n, word := range mode[1:] {
		if every, err := time.ParseDuration(word); n == 0 && err == nil && every > 0 {
			f.every = every
			continue
		}
		threshold, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return f, fmt.Errorf("logReduce: %q is neither a time nor a number of ns", clip(word))
		}
		f.threshold = threshold
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

// large tells whether an offset is written in full.
func (f *filter) large(ns int64) bool {
	return f.threshold > 0 && (ns > f.threshold || -ns > f.threshold)
}

// summarized tells whether the offset of an event goes into a summary: those of ptp4l from its master, and of phc2sys from the
// hardware clock.
func (f *filter) summarized(e *linuxptp.Event) bool {
	if !f.enhanced || e.Kind != linuxptp.KindOffset {
		return false
	}
	return e.Program == linuxptp.Ptp4l && string(e.Source) == "master" || e.Program == linuxptp.Phc2sys && string(e.Source) == "phc"
}
