package ptpconfig

import (
	"slices"
	"strings"
)

// Global is the section of the options of a whole program.
const Global = "global"

// Conf is a linuxptp configuration text, ptp4l.8: "[section]" lines with "option value" lines below them. Its methods
// read it as ptp4l does, and change only the lines that they must; comments, order and blanks stay.
type Conf string

// line is what one line of a Conf means. Blank lines and comments mean nothing.
type line struct {
	section    string // that the line is in, or begins
	key, value string // "" in a line that begins a section
}

// trim takes off what ptp4l takes for blanks: those of isspace(3), none of Unicode's others.
func trim(text string) string { return strings.Trim(text, " \t\n\v\f\r") }

// read gives the meaning of every line, those without one included.
func (c Conf) read() (lines []line) {
	section := ""
	for text := range strings.SplitSeq(string(c), "\n") {
		text = trim(text)
		switch {
		case text == "" || text[0] == '#':
			lines = append(lines, line{})
		case text[0] == '[':
			section = trim(strings.Trim(text, "[]"))
			if strings.EqualFold(section, Global) {
				section = Global
			}
			lines = append(lines, line{section: section})
		default:
			key, rest, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
			lines = append(lines, line{section, key, trim(rest)})
		}
	}
	return lines
}

// Get gives the value that counts, which is the last, of an option in a section. It does not look into [global] for
// what the section of a port lacks; GetPort does.
func (c Conf) Get(section, key string) (value string, found bool) {
	for _, l := range c.read() {
		if l.section == section && l.key == key {
			value, found = l.value, true
		}
	}
	return value, found
}

// GetPort gives the value of a port's option: its section's, else that of [global].
func (c Conf) GetPort(port, key string) (value string, found bool) {
	if value, found = c.Get(port, key); found {
		return value, found
	}
	return c.Get(Global, key)
}

// Set gives the text in which an option of a section has this value and stands once: where it stood, else as the last
// of its section, which is added at the end if there is none.
func (c Conf) Set(section, key, value string) Conf {
	wanted := key + " " + value
	text := strings.Split(string(c), "\n")
	last, done := -1, false
	var out []string
	for i, l := range c.read() {
		if l.section == section && l.key == key {
			if !done {
				out, done, last = append(out, wanted), true, len(out)
			}
			continue
		}
		if out = append(out, text[i]); l.section == section && l != (line{}) {
			last = len(out) - 1
		}
	}
	switch {
	case done:
	case last >= 0:
		out = slices.Insert(out, last+1, wanted)
	default:
		return c.Section(section) + Conf(wanted+"\n")
	}
	return Conf(strings.Join(out, "\n"))
}

// Remove gives the text without an option of a section.
func (c Conf) Remove(section, key string) Conf {
	text := strings.Split(string(c), "\n")
	var out []string
	for i, l := range c.read() {
		if l.section != section || l.key != key {
			out = append(out, text[i])
		}
	}
	return Conf(strings.Join(out, "\n"))
}

// Section gives the text with a new, empty section at its end.
func (c Conf) Section(name string) Conf {
	if c != "" && !strings.HasSuffix(string(c), "\n") {
		c += "\n"
	}
	return c + Conf("["+name+"]\n")
}

// Interfaces lists the ports that have a section, each once, in the order in which ptp4l numbers them.
func (c Conf) Interfaces() (names []string) {
	for _, l := range c.read() {
		if l.key == "" && isPort(l.section) && !slices.Contains(names, l.section) {
			names = append(names, l.section)
		}
	}
	return names
}

// isPort tells the section of a port from those of other things: addresses, devices, the source of ts2phc, synce4l's.
func isPort(section string) bool {
	switch section {
	case "", Global, "unicast_master_table", "nmea":
		return false
	}
	return section[0] != '/' && section[0] != '<'
}
