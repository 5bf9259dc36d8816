package podlogs

import "time"

// slack is how far back a log is read again when it is opened anew: two writers of a container may be that much out of order,
// and Kubernetes knows the instant to read from to the second only.
const slack = 2 * time.Second

// memory knows the last lines of a stream, to tell those that come a second time.
type memory struct {
	start time.Time // what was printed before does not matter; zero: all matters
	last  time.Time
	lines []Line // those at or after since()
	again map[Line]int
	fresh bool // nothing has come since the log was opened anew
}

// since is from when on to read.
func (m *memory) since() time.Time {
	if m.last.IsZero() {
		return m.start
	}
	return m.last.Add(-slack).Truncate(time.Second)
}

// reopened is called before the log is read anew.
func (m *memory) reopened() {
	m.again = make(map[Line]int, len(m.lines))
	for _, line := range m.lines {
		m.again[key(line)]++
	}
	m.fresh = true
}

// take says whether a line is new, and whether lines before it may be missing.
func (m *memory) take(line Line) (isNew, gap bool) {
	if line.At.Before(m.since()) && !m.last.IsZero() {
		return false, false
	}
	known := m.again[key(line)] > 0
	gap = m.fresh && !known && len(m.lines) > 0
	m.fresh = false
	if known {
		m.again[key(line)]--
		return false, false
	}
	if line.At.After(m.last) {
		m.last = line.At
	}
	m.lines = append(m.lines, line)
	m.forget()
	return true, gap
}

// forget drops the lines that will not be read again.
func (m *memory) forget() {
	since := m.since()
	if len(m.lines) == 0 || !m.lines[0].At.Before(since) {
		return
	}
	kept := m.lines[:0]
	for _, line := range m.lines {
		if !line.At.Before(since) {
			kept = append(kept, line)
		}
	}
	clear(m.lines[len(kept):])
	m.lines = kept
}

// key is a line that can be compared, whatever its time zone.
func key(line Line) Line {
	line.At = line.At.UTC().Round(0)
	return line
}
