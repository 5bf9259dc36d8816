package node

import (
	"fmt"
	"math"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// summary collects offsets that are not written to the log.
type summary struct {
	count           int
	least, largest  int64   // ns
	sum, sumSquares float64 // ns, ns^2
	due             time.Time
}

// add takes an offset.
func (s *summary) add(ns int64) {
	if s.count == 0 || ns < s.least {
		s.least = ns
	}
	if s.count == 0 || ns > s.largest {
		s.largest = ns
	}
	s.count++
	s.sum += float64(ns)
	s.sumSquares += float64(ns) * float64(ns)
}

// line is upstream's line for what was collected.
func (s *summary) line(e *linuxptp.Event, tag string, now time.Time) []byte {
	n := float64(s.count)
	mean := s.sum / n
	deviation := math.NaN()
	if s.count > 1 {
		deviation = math.Sqrt(max(0, (s.sumSquares-s.sum*mean)/(n-1)))
	}
	return fmt.Appendf(nil, "%s[%.3f]: [%s:6] %s offset summary: cnt=%d, min=%d, max=%d, avg=%.2f, SD=%.2f",
		e.Program, float64(now.UnixMilli())/1e3, tag, e.Source, s.count, s.least, s.largest, mean, deviation)
}

// summarize takes an offset that does not go to the log by itself. It writes what was collected when that is due, or before an
// offset that is written in full, and tells whether this one is.
func (n *Node) summarize(p *process, e *linuxptp.Event, now time.Time) (full bool) {
	s := &p.summary
	if s.due.IsZero() {
		s.due = now.Add(p.filter.every)
	}
	full = p.filter.large(e.Offset)
	if s.count > 0 && (full || !now.Before(s.due)) {
		n.history.add(now, p.config, s.line(e, p.config, now))
		*s = summary{due: now.Add(p.filter.every)}
	}
	if !full {
		s.add(e.Offset)
	}
	return full
}
