package settings

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is one thing that is wrong with a configuration file.
type Fault struct {
	File    string // as the caller named it
	Line    int    // from 1
	Column  int    // from 1, in characters
	Message string // what is wrong
	Hint    string // what to do about it; may be empty
	Source  string // the line of the file
	length  int    // of what is meant, in characters
}

// maxSource is how many characters of a line a fault shows.
const maxSource = 100

// String is the fault as a compiler would print it: file:line:column: what is wrong, the line, a caret, a hint.
func (f Fault) String() string {
	line := []rune(f.Source)
	from := max(0, min(f.Column-1-maxSource/2, len(line)-maxSource))
	line = line[from:min(len(line), from+maxSource)]
	at := min(f.Column-1-from, len(line))
	length := max(1, min(f.length, len(line)-at))
	gutter := fmt.Sprintf("%5d | ", f.Line)
	margin := strings.Repeat(" ", len(gutter)-2) + "| "
	text := fmt.Sprintf("%s:%d:%d: %s\n%s%s\n%s%s^%s", f.File, f.Line, f.Column, f.Message,
		gutter, plain(string(line)), margin, strings.Repeat(" ", at), strings.Repeat("~", length-1))
	if f.Hint != "" {
		text += "\n" + strings.Repeat(" ", len(gutter)) + "hint: " + f.Hint
	}
	return text
}

// plain is text of the file without what a terminal would act upon.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return utf8.RuneError
		}
		return r
	}, text)
}

// quote is a word of the file in a message: short, on one line.
func quote(text string) string {
	if utf8.RuneCountInString(text) > 40 {
		text = string([]rune(text)[:40]) + "..."
	}
	return plain(strings.ReplaceAll(text, "\n", " "))
}

// Faults is everything that is wrong with a configuration file, in its order.
type Faults []Fault

// maxFaults bounds the work on a file in which everything is wrong.
const maxFaults = 100

// Error prints the faults one below the other.
func (fs Faults) Error() string {
	var all []string
	for _, f := range fs {
		all = append(all, f.String())
	}
	return strings.Join(all, "\n")
}

// span is a place in the file: line and column from 1, columns and length in characters.
type span struct{ line, column, length int }

// add adds a fault, if there are not too many.
func (f *file) add(at span, hint, format string, args ...any) {
	if len(f.faults) >= maxFaults {
		return
	}
	line := max(1, min(at.line, len(f.lines)))
	f.faults = append(f.faults, Fault{
		File: f.name, Line: line, Column: max(1, at.column), length: at.length,
		Message: fmt.Sprintf(format, args...), Hint: hint, Source: f.lines[line-1],
	})
}

// err gives the faults in the order of the file, nil if there are none.
func (f *file) err() error {
	if len(f.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(f.faults, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return f.faults
}
