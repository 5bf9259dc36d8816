package node

import (
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// faultyOffset is the offset in ns that upstream reports for a clock whose time receiver port is faulty.
const faultyOffset = 999999

// near is the offset in ns below which a clock is good enough for phc2sys to start.
const near = int64(time.Second)

// port is one port of a ptp4l as its log tells.
type port struct {
	name    string
	state   linuxptp.PortState
	role    linuxptp.Role
	changed time.Time
}

// series is what a program says of one clock that it steers.
type series struct {
	iface    string // of ptp4l the time receiver port's; "CLOCK_REALTIME" or a PHC of the others
	from     string // what the offset is measured against: "master", "phc", "sys"
	offset   int64  // ns
	max      int64  // ns
	freq     int64  // ppb
	delay    int64  // ns
	servo    linuxptp.Servo
	measured bool // offset and the rest have been seen
	state    linuxptp.ClockState
	changed  time.Time // of state
	until    time.Time // end of HOLDOVER
}

// clock is what one process says.
type clock struct {
	ports    []port
	receiver int // index of the port that is or last was a time receiver; -1
	series   []*series
	near     bool   // an offset below 1 s was seen
	master   string // identity of the grandmaster that ptp4l follows, or its own
	class    int    // clockClass by management messages; -1 unknown
	active   string // of phc2sys: the interface that it chose as its source
}

// newClock is a clock of which nothing is known.
func newClock(p *program, at time.Time) *clock {
	c := &clock{receiver: -1, class: -1}
	for _, name := range p.ports {
		c.ports = append(c.ports, port{name: name, role: linuxptp.RoleUnknown, changed: at})
	}
	return c
}

// set changes a clock state.
func (s *series) set(state linuxptp.ClockState, at time.Time) bool {
	if s.state == state {
		return false
	}
	s.state, s.changed = state, at
	return true
}

// find gives the series of an interface; name is compared without making a string of it.
func (c *clock) find(name []byte) *series {
	for _, s := range c.series {
		if s.iface == string(name) {
			return s
		}
	}
	return nil
}

// seriesOf gives the series that an offset line belongs to. All lines of a ptp4l are of its one clock, which has the
// name of its time receiver port.
func (c *clock) seriesOf(e *linuxptp.Event, at time.Time) *series {
	if e.Program == linuxptp.Ptp4l {
		if len(c.series) == 0 {
			c.series = append(c.series, &series{from: "master", changed: at})
		}
		s := c.series[0]
		switch {
		case c.receiver >= 0:
			s.iface = c.ports[c.receiver].name
		case s.iface == "" && len(c.ports) > 0:
			s.iface = c.ports[0].name
		}
		return s
	}
	if s := c.find(e.Name); s != nil {
		return s
	}
	s := &series{iface: string(e.Name), from: string(e.Source), changed: at}
	if s.from == "" {
		s.from = "master"
	}
	c.series = append(c.series, s)
	return s
}

// handle takes one event and tells whether a state, role or name changed.
func (c *clock) handle(p *program, e *linuxptp.Event, at time.Time) bool {
	switch e.Kind {
	case linuxptp.KindPortState:
		return c.portState(p, e, at)
	case linuxptp.KindOffset, linuxptp.KindSummary:
		return c.measured(p, e, at)
	case linuxptp.KindBestMaster, linuxptp.KindLocalMaster:
		changed := c.master != string(e.Clock)
		if changed {
			c.master = string(e.Clock)
		}
		return changed
	case linuxptp.KindSource:
		if len(p.gates) > 1 && !e.OutOfDomain {
			return false // each PTP instance has a source; the one among them all is what counts
		}
		changed := c.active != string(e.Clock)
		if changed {
			c.active = string(e.Clock)
		}
		return changed
	}
	return false
}

// portState follows a port, and notes when the time receiver loses its master.
func (c *clock) portState(p *program, e *linuxptp.Event, at time.Time) bool {
	i := e.Port - 1
	if i < 0 || i >= len(c.ports) {
		return false
	}
	q := &c.ports[i]
	q.state, q.changed = e.To, at
	q.role = linuxptp.RoleAfter(e.From, e.To, e.Why)
	switch {
	case e.To == linuxptp.StateSlave, e.To == linuxptp.StateUncalibrated:
		c.receiver = i
	case i == c.receiver:
		c.lost(p, at, q.role == linuxptp.RoleFaulty)
	}
	return true
}

// lost puts a clock that was locked into HOLDOVER for the profile's holdOverTimeout.
func (c *clock) lost(p *program, at time.Time, faulty bool) {
	for _, s := range c.series {
		if faulty {
			s.offset, s.max = faultyOffset, faultyOffset
		}
		if s.state == linuxptp.Locked {
			s.set(linuxptp.Holdover, at)
			s.until = at.Add(time.Duration(p.limits.HoldOverTimeout) * time.Second)
		}
	}
}

// measured takes the numbers of a line. The clock is LOCKED while its servo is and the offset is within the profile's
// thresholds. One in HOLDOVER stays there until it is locked again or its time is over.
func (c *clock) measured(p *program, e *linuxptp.Event, at time.Time) bool {
	s := c.seriesOf(e, at)
	s.offset, s.max, s.freq, s.measured = e.Offset, e.Offset, e.Freq, true
	if e.HasDelay {
		s.delay = e.Delay
	}
	locked := e.Servo.Locked()
	if e.Kind == linuxptp.KindSummary {
		s.max = e.Max
		locked = e.Program != linuxptp.Ptp4l || c.receiver >= 0 && c.ports[c.receiver].state == linuxptp.StateSlave
	} else {
		s.servo = e.Servo
	}
	if e.Offset < near && e.Offset > -near {
		c.near = true
	}
	switch {
	case locked && e.Offset >= p.limits.MinOffsetThreshold && e.Offset <= p.limits.MaxOffsetThreshold:
		return s.set(linuxptp.Locked, at)
	case s.state == linuxptp.Holdover:
		return false
	}
	return s.set(linuxptp.FreeRun, at)
}

// expire ends holdovers whose time is over.
func (c *clock) expire(now time.Time) bool {
	changed := false
	for _, s := range c.series {
		if s.state == linuxptp.Holdover && !now.Before(s.until) {
			changed = s.set(linuxptp.FreeRun, s.until) || changed
		}
	}
	return changed
}

// died notes that the process is gone: nothing is known of its ports, and its clock coasts.
func (c *clock) died(p *program, at time.Time) {
	for i := range c.ports {
		c.ports[i].state, c.ports[i].role, c.ports[i].changed = linuxptp.StateNone, linuxptp.RoleUnknown, at
	}
	c.lost(p, at, false)
	c.receiver, c.class, c.master = -1, -1, ""
}
