package linuxptp

import "bytes"

// measurement reads the lines with numbers:
//
//	[name] [master|phc|sys] offset O [sN] [freq F] [[path] delay D] [holdover]
//	[name] rms R max M freq F +/- f [delay D +/- d]
//	[name] nmea_status 0|1 offset O sN
func (e *Event) measurement() bool {
	w := words{rest: e.Text}
	var before [2][]byte
	n := 0
	word := w.next()
	for !isMeasure(word) {
		if n == len(before) || len(word) == 0 {
			return false
		}
		before[n] = word
		n++
		word = w.next()
	}
	switch string(word) {
	case "rms":
		if n > 1 {
			return false
		}
		e.Name, e.Kind = before[0], KindSummary
		return e.summary(&w)
	case "nmea_status":
		if n > 1 {
			return false
		}
		e.Name, e.Kind = before[0], KindNMEA
		status := w.next()
		e.Up = string(status) == "1"
		if !e.Up && string(status) != "0" || string(w.next()) != "offset" {
			return false
		}
	default:
		e.Kind = KindOffset
		switch {
		case n == 2:
			e.Name, e.Source = before[0], before[1]
		case n == 1 && isSource(before[0]):
			e.Source = before[0]
		case n == 1:
			e.Name = before[0]
		}
	}
	return e.offset(&w)
}

// isMeasure tells whether the word begins the numbers of a line.
func isMeasure(word []byte) bool {
	switch string(word) {
	case "offset", "rms", "nmea_status":
		return true
	}
	return false
}

// isSource tells whether the word names what an offset is measured against, and not a clock.
func isSource(word []byte) bool {
	switch string(word) {
	case "master", "phc", "sys":
		return true
	}
	return false
}

// offset reads what follows the word "offset".
func (e *Event) offset(w *words) bool {
	var ok bool
	if e.Offset, ok = w.number(); !ok {
		return false
	}
	for word := w.next(); len(word) > 0; word = w.next() {
		switch {
		case len(word) == 2 && word[0] == 's' && word[1] >= '0' && word[1] <= '3':
			e.Servo, e.HasServo = Servo(word[1]-'0'), true
		case string(word) == "freq":
			if e.Freq, ok = w.number(); !ok {
				return false
			}
		case string(word) == "path":
		case string(word) == "delay":
			if e.Delay, ok = w.number(); !ok {
				return false
			}
			e.HasDelay = true
		case string(word) == "holdover":
			e.Coasting = true
		default:
			return false
		}
	}
	return true
}

// summary reads what follows the word "rms".
func (e *Event) summary(w *words) bool {
	var ok [3]bool
	e.Offset, ok[0] = w.number()
	ok[1] = string(w.next()) == "max"
	e.Max, ok[2] = w.number()
	if ok != [3]bool{true, true, true} || string(w.next()) != "freq" {
		return false
	}
	if e.Freq, e.FreqDev, ok[0] = w.deviation(); !ok[0] {
		return false
	}
	word := w.next()
	if len(word) == 0 {
		return true
	}
	if string(word) != "delay" {
		return false
	}
	e.Delay, e.DelayDev, e.HasDelay = w.deviation()
	return e.HasDelay && len(w.next()) == 0
}

// resetMeasurement forgets what a line that only looked like a measurement left behind.
func (e *Event) resetMeasurement() {
	*e = Event{Program: e.Program, Level: e.Level, Time: e.Time, Tag: e.Tag, Text: e.Text, Port: e.Port}
}

// words walks over the blank-separated words of a line.
type words struct {
	rest []byte
}

// next gives the next word, empty at the end.
func (w *words) next() []byte {
	w.rest = bytes.TrimLeft(w.rest, " ")
	word := firstWord(w.rest)
	w.rest = w.rest[len(word):]
	return word
}

// number reads the next word as an integer.
func (w *words) number() (int64, bool) { return parseInt(w.next()) }

// deviation reads "F +/- f".
func (w *words) deviation() (value, deviation int64, ok bool) {
	value, ok1 := w.number()
	ok2 := string(w.next()) == "+/-"
	deviation, ok3 := w.number()
	return value, deviation, ok1 && ok2 && ok3
}

// firstWord gives the text up to its first blank.
func firstWord(t []byte) []byte {
	if i := bytes.IndexByte(t, ' '); i >= 0 {
		return t[:i]
	}
	return t
}

// parseInt reads a signed decimal of at most 18 digits.
func parseInt(b []byte) (int64, bool) {
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var v int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return v, true
}
