package events

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Check is one of the things that the consumer judges.
type Check string

// The checks.
const (
	Schema    Check = "schema"
	Order     Check = "order"
	Duplicate Check = "duplicate"
	Lost      Check = "lost"
	Late      Check = "late"
)

// Fault is something that a check found.
type Fault struct {
	Check    Check
	Resource string // the resource address
	Text     string // one sentence: what was seen, and what was expected
}

// Error is the fault as one line.
func (f Fault) Error() string { return fmt.Sprintf("%s: %s: %s", f.Check, f.Resource, f.Text) }

// Received is an event with the circumstances of its arrival.
type Received struct {
	Event
	Resource string    // to which the subscription is
	At       time.Time // in the system's time
	Initial  bool      // the notification that came while the subscription was made
	Faults   []Fault
}

// Latency is how long the event took from the change that it tells to its arrival.
func (r Received) Latency() time.Duration { return r.At.Sub(r.Time) }

// String is the arrival in short.
func (r Received) String() string { return at(r.At) + " " + r.Event.String() }

// stream is what a subscription has received, as its checks need it.
type stream struct {
	ids    map[string]time.Time // of events, with when they came
	last   Event                // the one with the newest time
	told   map[string]told      // the newest value, by its key
	broken bool                 // the newest event has faults of schema, so what it told is not sure
}

type told struct {
	text string
	at   time.Time
}

func newStream() *stream { return &stream{ids: map[string]time.Time{}, told: map[string]told{}} }

// judge checks an event against those before it and takes what it tells. faults are those of its schema.
func (s *stream) judge(r *Received, schema []string, maxLatency time.Duration) {
	fault := func(check Check, format string, args ...any) {
		r.Faults = append(r.Faults, Fault{check, r.Resource, fmt.Sprintf(format, args...)})
	}
	for _, text := range schema {
		fault(Schema, "the event %s: %s", r.ID, text)
	}
	s.broken = len(schema) > 0
	before, known := s.ids[r.ID]
	switch {
	case r.ID != "" && known:
		fault(Duplicate, "the event %s (%s) came at %s and again at %s", r.ID, r.Event, at(before), at(r.At))
		return
	case s.repeats(r.Event):
		fault(Duplicate, "the event %s (%s) tells under another id what %s told of the same instant %s", r.ID, r.Event, s.last.ID, at(r.Time))
	case !r.Time.IsZero() && r.Time.Before(s.last.Time):
		fault(Order, "the event of %s (%s) came after that of %s (%s)", at(r.Time), r.Event, at(s.last.Time), s.last)
	case r.Time.IsZero(): // a fault of the schema
	case !r.Initial && r.Latency() > maxLatency:
		fault(Late, "the event of %s (%s) came after %s, want at most %s", at(r.Time), r.Event, r.Latency(), maxLatency)
	case !r.Initial && -r.Latency() > maxLatency:
		fault(Late, "the event of %s (%s) came %s before that time: the node's clock and this one differ", at(r.Time), r.Event, -r.Latency())
	}
	s.take(r)
}

// repeats tells whether an event is the last one again, but for its id.
func (s *stream) repeats(e Event) bool {
	return s.last.ID != "" && !e.Time.IsZero() && e.Time.Equal(s.last.Time) && slices.Equal(e.Values, s.last.Values)
}

// take keeps what an event tells, unless something newer is known.
func (s *stream) take(r *Received) {
	s.ids[r.ID] = r.At
	if !r.Time.Before(s.last.Time) {
		s.last = r.Event
	}
	for key, text := range telling(r.Resource, r.Event) {
		if old, known := s.told[key]; !known || !r.Time.Before(old.at) {
			s.told[key] = told{text, r.Time}
		}
	}
}

// telling gives what counts of an event's values by their addresses: states, and of a clock class the number. An offset
// changes without an event.
func telling(resource string, e Event) map[string]string {
	want := Notification
	if isClass(resource) || strings.HasSuffix(resource, "/clock-quality") {
		want = Metric
	}
	all := map[string]string{}
	for _, v := range e.Values {
		if v.DataType == want {
			all[v.Address] = v.Text
		}
	}
	return all
}

// differ says how what the events told differs from the current state, one sentence for each value; nil: it does not.
// A clock that is no longer there must have been told as FREERUN; a class has no such word.
func (s *stream) differ(resource string, current Event) []string {
	if s.broken {
		return nil
	}
	now := telling(resource, current)
	var texts []string
	for address, text := range now {
		last, known := s.told[address]
		switch {
		case !known:
			texts = append(texts, fmt.Sprintf("CurrentState has %s %s, of which no event told", short(address), text))
		case last.text != text:
			texts = append(texts, fmt.Sprintf("CurrentState has %s %s, but the last event of it, at %s, told %s", short(address), text, at(last.at), last.text))
		}
	}
	for address, last := range s.told {
		if _, there := now[address]; !there && last.text != FreeRun && !isClass(resource) {
			texts = append(texts, fmt.Sprintf("CurrentState does not have %s any more, but the last event of it, at %s, told %s", short(address), at(last.at), last.text))
		}
	}
	slices.Sort(texts)
	return texts
}
