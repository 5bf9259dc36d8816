package soak

import (
	"fmt"
	"math"
	"time"
)

// Steady holds clocks to a time in which nothing happens: every offset and true error is within bounds, no servo changes its
// state, nothing is faulty or times out, and no program starts.
type Steady struct {
	Start     time.Time
	Low, High float64 // the smallest and the largest offset, ns
	Bound     float64 // of |true error|, ns

	servos map[string]string
	worst  map[string]float64 // by name and kind; what a clock's worst was
	counts map[string]int     // of samples, by name
	order  []string           // of faults
	faults map[string]*fault
}

// fault is one kind of trouble of one clock.
type fault struct {
	first string
	worst string // the worst of it; "" if one is as bad as another
	size  float64
	count int
}

func (s *Steady) fault(key, text string, size float64) {
	if s.faults == nil {
		s.faults = map[string]*fault{}
	}
	f, known := s.faults[key]
	if !known {
		f = &fault{first: text}
		s.faults[key] = f
		s.order = append(s.order, key)
	}
	if known && size > f.size {
		f.worst = text
	}
	f.size = max(f.size, size)
	f.count++
}

// Offset takes an offset as a program measures it, ns, and the state of its servo, "s0" to "s3", or "" where it is not told.
func (s *Steady) Offset(name string, at time.Time, ns float64, servo string) {
	s.seen(name+" offset", ns)
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[name]++
	if !(s.Low <= ns && ns <= s.High) {
		s.fault("offset "+name, fmt.Sprintf("offset of %s is %+.0f ns %s, outside of %g to %g ns", name, ns, After(s.Start, at), s.Low, s.High), math.Abs(ns))
	}
	if servo == "" {
		return
	}
	if s.servos == nil {
		s.servos = map[string]string{}
	}
	if before := s.servos[name]; before != "" && before != servo {
		s.fault("servo "+name, fmt.Sprintf("the servo of %s goes from %s to %s %s", name, before, servo, After(s.Start, at)), 0)
	}
	s.servos[name] = servo
}

// TrueError takes the true error of a clock, ns.
func (s *Steady) TrueError(name string, at time.Time, ns float64) {
	s.seen(name+" TE", ns)
	if !(math.Abs(ns) <= s.Bound) {
		s.fault("truth "+name, fmt.Sprintf("true error of %s is %+.0f ns %s, bound %g ns", name, ns, After(s.Start, at), s.Bound), math.Abs(ns))
	}
}

// Trouble takes something that must not happen at all, in words: "ens1f0 is FAULTY". The kind says which are alike.
func (s *Steady) Trouble(name, kind string, at time.Time, text string) {
	s.fault(kind+" "+name, fmt.Sprintf("%s: %s %s", name, text, After(s.Start, at)), 0)
}

func (s *Steady) seen(key string, ns float64) {
	if s.worst == nil {
		s.worst = map[string]float64{}
	}
	s.worst[key] = max(s.worst[key], math.Abs(ns))
}

// Samples is how many offsets of a clock were seen.
func (s *Steady) Samples(name string) int { return s.counts[name] }

// WorstOffset is the largest |offset| of a clock so far, ns.
func (s *Steady) WorstOffset(name string) float64 { return s.worst[name+" offset"] }

// WorstTrueError is the largest |true error| of a clock so far, ns.
func (s *Steady) WorstTrueError(name string) float64 { return s.worst[name+" TE"] }

// FaultCount is how many things went wrong so far.
func (s *Steady) FaultCount() int {
	n := 0
	for _, f := range s.faults {
		n += f.count
	}
	return n
}

// Err tells each kind of trouble of each clock once, with its worst and how often it was; nil if all was steady.
func (s *Steady) Err() []error {
	var all []error
	for _, key := range s.order {
		f := s.faults[key]
		text := f.first
		if f.count > 1 {
			text += fmt.Sprintf("; %s in all", times(f.count))
		}
		if f.worst != "" {
			text += "; at worst " + f.worst
		}
		all = append(all, fmt.Errorf("%s", text))
	}
	return all
}
