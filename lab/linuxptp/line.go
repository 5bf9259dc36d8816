package linuxptp

import (
	"bytes"
	"time"
)

// Program is one of linuxptp's programs.
type Program uint8

// The programs whose lines are understood.
const (
	ProgramUnknown Program = iota
	Ptp4l
	Phc2sys
	Ts2phc
)

// String is the program's name.
func (p Program) String() string {
	switch p {
	case Ptp4l:
		return "ptp4l"
	case Phc2sys:
		return "phc2sys"
	case Ts2phc:
		return "ts2phc"
	}
	return "unknown"
}

// Kind says what a line tells.
type Kind uint8

// The kinds of line.
const (
	KindOther       Kind = iota // nothing that is understood; Text has it
	KindPortState               // port 1 (ens1f0): LISTENING to UNCALIBRATED on RS_SLAVE
	KindOffset                  // master offset -3 s2 freq +10 path delay 500; CLOCK_REALTIME phc offset ...; ens1f0 offset ...
	KindSummary                 // rms 2 max 4 freq +10 +/- 1 delay 500 +/- 0
	KindBestMaster              // selected best master clock 001122.fffe.330102
	KindLocalMaster             // selected local clock 001122.fffe.330102 as best master
	KindNewMaster               // port 1 (ens1f0): new foreign master 001122.fffe.330102-1
	KindGrandmaster             // port 1 (ens1f0): assuming the grand master role
	KindLink                    // port 1 (ens1f0): link down
	KindFault                   // port 1 (ens1f0): error on fda[0]: Network is down; timed out while polling for tx timestamp
	KindSource                  // selecting ens1f0 as domain source clock; ... as out-of-domain source clock
	KindWaiting                 // Waiting for ptp4l...; source clock not ready, waiting...
	KindNMEA                    // ens1f0 nmea_status 1 offset 0 s2
	KindInvalidTime             // source ts not valid
)

// Event is one line of a log, taken apart. Its byte slices are parts of the line and live as long as that one.
type Event struct {
	Program Program
	Kind    Kind
	Level   int8          // syslog level in the message tag; -1 when the line has none
	Time    time.Duration // CLOCK_MONOTONIC of the line, ms steps; 0 when the line has no prefix
	Tag     []byte        // configuration in the message tag, "ptp4l.0.config"
	Text    []byte        // the line without its prefix

	Port     int       // KindPortState and the others that name a port: its number; 0 is the management socket
	Name     []byte    // the port's interface or socket; of an offset the clock that is steered, "CLOCK_REALTIME", "/dev/ptp0"
	From, To PortState // KindPortState
	Why      PortEvent // KindPortState
	Up       bool      // KindLink; KindNMEA: the receiver has a fix

	Clock       []byte // identity of KindBestMaster, KindLocalMaster; port identity of KindNewMaster; interface of KindSource
	OutOfDomain bool   // KindSource: chosen among several domains

	Source   []byte // of an offset: "master", "phc", "sys"
	Offset   int64  // ns; of KindSummary the rms
	Max      int64  // ns, KindSummary
	Servo    Servo  // KindOffset, KindNMEA
	Freq     int64  // ppb
	FreqDev  int64  // ppb, KindSummary
	Delay    int64  // ns
	DelayDev int64  // ns, KindSummary
	HasDelay bool   //
	HasServo bool   // false of a free-running ts2phc
	Coasting bool   // ts2phc says that it coasts
}

// Parse takes one line without its newline apart into e and tells whether it has the prefix of a linuxptp program.
// A line without one is KindOther with all of it as Text. Parse allocates nothing.
func Parse(line []byte, e *Event) bool {
	*e = Event{Level: -1, Text: line}
	if !e.prefix(line) {
		return false
	}
	e.text()
	return true
}

// prefix reads "ptp4l[12.345]: [ptp4l.0.config:6] " and leaves the rest as Text.
func (e *Event) prefix(line []byte) bool {
	name, rest, ok := bytes.Cut(line, []byte("["))
	if !ok {
		return false
	}
	switch string(name) {
	case "ptp4l":
		e.Program = Ptp4l
	case "phc2sys":
		e.Program = Phc2sys
	case "ts2phc":
		e.Program = Ts2phc
	default:
		return false
	}
	stamp, rest, ok := bytes.Cut(rest, []byte("]: "))
	if ok {
		e.Time, ok = parseStamp(stamp)
	}
	if !ok {
		e.Program = ProgramUnknown
		return false
	}
	e.Text = rest
	e.tag()
	return true
}

// parseStamp reads seconds and milliseconds, "12.345".
func parseStamp(b []byte) (time.Duration, bool) {
	whole, part, ok := bytes.Cut(b, []byte("."))
	if !ok || len(part) != 3 || len(whole) > 10 {
		return 0, false
	}
	s, ok1 := parseInt(whole)
	ms, ok2 := parseInt(part)
	if !ok1 || !ok2 || s < 0 || ms < 0 {
		return 0, false
	}
	return time.Duration(s)*time.Second + time.Duration(ms)*time.Millisecond, true
}

// tag reads the message tag if the text begins with one: "[ptp4l.0.config:6] ". linuxptp before 4.0 leaves "{level}".
func (e *Event) tag() {
	if len(e.Text) == 0 || e.Text[0] != '[' {
		return
	}
	tag, rest, ok := bytes.Cut(e.Text[1:], []byte("] "))
	if !ok {
		return
	}
	e.Text = rest
	e.Tag = tag
	i := bytes.LastIndexByte(tag, ':')
	if i < 0 {
		return
	}
	e.Tag = tag[:i]
	if level := tag[i+1:]; len(level) == 1 && level[0] >= '0' && level[0] <= '7' {
		e.Level = int8(level[0] - '0')
	}
}

// text finds the kind of line by its first words.
func (e *Event) text() {
	if bytes.HasPrefix(e.Text, []byte("port ")) && e.port() {
		return
	}
	if e.phrase() {
		return
	}
	if e.measurement() {
		return
	}
	e.resetMeasurement()
	if e.Level >= 0 && e.Level <= 3 {
		e.Kind = KindFault
	}
}

// phrase recognises the sentences of a whole program.
func (e *Event) phrase() bool {
	t := e.Text
	switch {
	case bytes.HasPrefix(t, []byte("selected best master clock ")):
		e.Kind, e.Clock = KindBestMaster, firstWord(t[len("selected best master clock "):])
	case bytes.HasPrefix(t, []byte("selected local clock ")):
		e.Kind, e.Clock = KindLocalMaster, firstWord(t[len("selected local clock "):])
	case bytes.HasPrefix(t, []byte("selecting ")):
		return e.source(t[len("selecting "):])
	case bytes.HasPrefix(t, []byte("Waiting for ptp4l")), bytes.HasSuffix(t, []byte(", waiting...")):
		e.Kind = KindWaiting
	case bytes.HasPrefix(t, []byte("source ts not valid")):
		e.Kind = KindInvalidTime
	case bytes.HasPrefix(t, []byte("timed out while polling for tx timestamp")):
		e.Kind = KindFault
	default:
		return false
	}
	return true
}

// source reads what follows "selecting ".
func (e *Event) source(t []byte) bool {
	name := firstWord(t)
	switch string(t[len(name):]) {
	case " as domain source clock", " as source clock":
	case " as out-of-domain source clock":
		e.OutOfDomain = true
	default:
		return false
	}
	e.Kind, e.Clock = KindSource, name
	return true
}

// port reads a line that begins with "port N (name): " or, before linuxptp 4.0, "port N: ".
func (e *Event) port() bool {
	head, rest, ok := bytes.Cut(e.Text[len("port "):], []byte(": "))
	if !ok {
		return false
	}
	number, name, named := bytes.Cut(head, []byte(" ("))
	if named {
		if len(name) == 0 || name[len(name)-1] != ')' {
			return false
		}
		name = name[:len(name)-1]
	}
	n, ok := parseInt(number)
	if !ok || n < 0 || n > 65535 {
		return false
	}
	e.Port, e.Name = int(n), name
	switch {
	case e.transition(rest):
	case bytes.HasPrefix(rest, []byte("new foreign master ")):
		e.Kind, e.Clock = KindNewMaster, firstWord(rest[len("new foreign master "):])
	case bytes.HasPrefix(rest, []byte("assuming the grand master role")):
		e.Kind = KindGrandmaster
	case string(rest) == "link up", string(rest) == "link down":
		e.Kind, e.Up = KindLink, string(rest) == "link up"
	case e.Level >= 0 && e.Level <= 3, bytes.HasPrefix(rest, []byte("error on fda")), bytes.HasPrefix(rest, []byte("unexpected socket error")),
		bytes.HasPrefix(rest, []byte("recv message failed")), bytes.Contains(rest, []byte(" failed")):
		e.Kind = KindFault
	}
	return true
}

// transition reads "SLAVE to FAULTY on FAULT_DETECTED (FT_UNSPECIFIED)".
func (e *Event) transition(t []byte) bool {
	from, ok := parsePortState(firstWord(t))
	if !ok {
		return false
	}
	w := words{rest: t}
	w.next()
	if string(w.next()) != "to" {
		return false
	}
	to, ok := parsePortState(w.next())
	if !ok || string(w.next()) != "on" {
		return false
	}
	e.Kind, e.From, e.To, e.Why = KindPortState, from, to, parsePortEvent(w.next())
	return true
}
