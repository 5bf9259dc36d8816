package linuxptp

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of a configuration text, from the buffers of linuxptp's own parser and the kernel's IFNAMSIZ.
const (
	maxLine      = 1022 // bytes of a line without its newline
	maxInterface = 15   // bytes of an interface name
)

// Global is the section of the options of a whole program.
const Global = "global"

// unicastTable is the section that holds addresses instead of a port's options, and may occur many times.
const unicastTable = "unicast_master_table"

// Config is a linuxptp configuration: sections of options, in the order of the text. Comments are not kept.
type Config struct {
	Sections []Section
}

// Section is one [name] and the options below it.
type Section struct {
	Name    string   // "global", an interface, "/dev/ptp0", "nmea", "unicast_master_table"
	Line    int      // of the text, from 1; 0 when the section was made by Set
	Options []Option //
}

// Option is one line "key value".
type Option struct {
	Key, Value string
	Line       int // of the text, from 1; 0 when the option was made by Set
}

// Fault is one thing wrong with a configuration text.
type Fault struct {
	Line, Column int    // from 1; the column counts bytes
	What         string // "option without a value"
}

// Error gives the fault with its position.
func (f Fault) Error() string { return fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.What) }

// Faults are all things wrong with a text, in its order.
type Faults []Fault

// Error gives one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// ParseConfig reads a configuration text. The error, if any, is of type Faults and names every fault. It is stricter
// than linuxptp where that one guesses: "[ens1f0] x" or a cut-off name is a fault here.
func ParseConfig(text string) (*Config, error) {
	c := &Config{}
	var faults Faults
	number := 0
	for raw := range strings.SplitSeq(text, "\n") {
		number++
		line := strings.Trim(raw, " \t\r\v\f")
		at := strings.Index(raw, line) + 1
		if line == "" || line[0] == '#' {
			continue
		}
		if what := c.add(line, number); what != "" {
			faults = append(faults, Fault{Line: number, Column: at, What: what})
		} else if len(raw) > maxLine {
			faults = append(faults, Fault{Line: number, Column: maxLine + 1, What: fmt.Sprintf("line longer than %d bytes", maxLine)})
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return c, nil
}

// add takes one trimmed line that is neither empty nor a comment, and says what is wrong with it, or "".
func (c *Config) add(line string, number int) string {
	if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
		return fmt.Sprintf("control character %#02x", line[i])
	}
	if line[0] == '[' {
		name, what := sectionName(line)
		if what == "" {
			c.Sections = append(c.Sections, Section{Name: name, Line: number})
		}
		return what
	}
	if len(c.Sections) == 0 {
		return fmt.Sprintf("option %q before the first [section]", clip(line))
	}
	key, value, found := cutSpace(line)
	if !found {
		return fmt.Sprintf("option %q without a value", clip(key))
	}
	s := &c.Sections[len(c.Sections)-1]
	s.Options = append(s.Options, Option{Key: key, Value: value, Line: number})
	return ""
}

// sectionName checks a section's line and gives the name in it.
func sectionName(line string) (name, what string) {
	if line[len(line)-1] != ']' {
		return "", "section without its closing bracket"
	}
	name = strings.Trim(line[1:len(line)-1], " \t")
	switch {
	case name == "":
		return "", "section without a name"
	case strings.ContainsAny(name, " \t[]"):
		return "", fmt.Sprintf("section name %q with a space or bracket in it", clip(name))
	case len(name) > maxInterface && name != unicastTable && name[0] != '/' && name[0] != '<':
		return "", fmt.Sprintf("interface name %q longer than %d bytes", clip(name), maxInterface)
	case strings.EqualFold(name, Global):
		return Global, ""
	}
	return name, ""
}

// cutSpace splits a line at its first run of blanks.
func cutSpace(line string) (key, value string, found bool) {
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, "", false
	}
	return line[:i], strings.TrimLeft(line[i:], " \t"), true
}

// clip shortens a name for a message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// String writes the configuration as linuxptp reads it.
func (c *Config) String() string {
	var b strings.Builder
	for _, s := range c.Sections {
		fmt.Fprintf(&b, "[%s]\n", s.Name)
		for _, o := range s.Options {
			fmt.Fprintf(&b, "%s %s\n", o.Key, o.Value)
		}
	}
	return b.String()
}

// Get gives the value that linuxptp would use: of several, the last. Section names compare exactly.
func (c *Config) Get(section, key string) (value string, found bool) {
	for _, s := range c.Sections {
		if s.Name != section {
			continue
		}
		for _, o := range s.Options {
			if o.Key == key {
				value, found = o.Value, true
			}
		}
	}
	return value, found
}

// Is tells whether the option is there with that value.
func (c *Config) Is(section, key, value string) bool {
	v, found := c.Get(section, key)
	return found && v == value
}

// Set gives the option one value: the first place where it stands changes, other places vanish. A section that is not
// there is added at the end.
func (c *Config) Set(section, key, value string) {
	set := false
	for i := range c.Sections {
		if c.Sections[i].Name != section {
			continue
		}
		options := c.Sections[i].Options[:0]
		for _, o := range c.Sections[i].Options {
			if o.Key == key {
				if set {
					continue
				}
				o.Value, set = value, true
			}
			options = append(options, o)
		}
		c.Sections[i].Options = options
	}
	if !set {
		s := c.Section(section)
		s.Options = append(s.Options, Option{Key: key, Value: value})
	}
}

// Section gives the first section of that name, and makes it if there is none.
func (c *Config) Section(name string) *Section {
	i := slices.IndexFunc(c.Sections, func(s Section) bool { return s.Name == name })
	if i < 0 {
		i = len(c.Sections)
		c.Sections = append(c.Sections, Section{Name: name})
	}
	return &c.Sections[i]
}

// Interfaces gives the names of the ports' sections, each once, in the order in which ptp4l numbers its ports.
func (c *Config) Interfaces() []string {
	var names []string
	for _, s := range c.Sections {
		switch {
		case s.Name == Global, s.Name == unicastTable, s.Name == "nmea", s.Name[0] == '/', s.Name[0] == '<':
		case !slices.Contains(names, s.Name):
			names = append(names, s.Name)
		}
	}
	return names
}
