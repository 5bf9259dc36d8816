package soak

import (
	"regexp"
	"strconv"
	"strings"
)

// Said is what a line of ptp4l's or phc2sys's log says, as far as a soak test asks.
type Said struct {
	Program  string  // "ptp4l", "phc2sys"
	Measured bool    // Offset holds
	Offset   float64 // ns; of a summary the largest |offset|
	Servo    string  // "s0" to "s3"; "" if the line does not say
	Trouble  bool    // a port is FAULTY, or something timed out
	Starts   bool    // the program has just started
}

var (
	logLine   = regexp.MustCompile(`^(ptp4l|phc2sys)\[\d+\.\d+\]:\s+(?:\[[^\]]*\]\s+)?(.*)$`)
	logOffset = regexp.MustCompile(`\boffset\s+(-?\d+)(?:\s+(s[0-3])\b)?`)
	logMax    = regexp.MustCompile(`\brms\s+\d+\s+max\s+(\d+)\s+freq\b`)
	starting  = regexp.MustCompile(`^port 1\b.*: INITIALIZING to `)
	trouble   = regexp.MustCompile(`(?i)faulty|fault_detected|timed out|time-?out`)
)

// Read reads a line; ok says whether it is one of ptp4l or phc2sys. It does not panic, whatever the text.
func Read(text string) (said Said, ok bool) {
	m := logLine.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Said{}, false
	}
	said.Program = m[1]
	offset, summary := logOffset.FindStringSubmatch(m[2]), logMax.FindStringSubmatch(m[2])
	switch {
	case offset != nil:
		said.Offset, said.Measured = whole(offset[1])
		said.Servo = offset[2]
	case summary != nil:
		said.Offset, said.Measured = whole(summary[1])
	default:
		said.Trouble = trouble.MatchString(m[2])
		said.Starts = starting.MatchString(m[2])
	}
	return said, true
}

func whole(text string) (float64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return float64(n), err == nil
}
