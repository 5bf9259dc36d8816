package topology

import (
	"fmt"
	"sort"
	"strings"
)

// Fault is one thing that is wrong with a topology.
type Fault struct {
	File    string // as the caller named it
	Line    int    // from 1
	Column  int    // from 1, in characters
	Length  int    // of what is meant, in characters, at least 1
	Message string // what is wrong
	Hint    string // what to do about it; may be empty
	Source  string // the line of the file
}

// String is the fault as a compiler would print it: file:line:col: what is wrong, the line, a caret, a hint.
func (f Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s\n", f.File, f.Line, f.Column, f.Message)
	text, caret := excerpt(f.Source, span{f.Line, f.Column, f.Length})
	gutter := fmt.Sprintf("%5d | ", f.Line)
	margin := strings.Repeat(" ", len(gutter)-2) + "| "
	fmt.Fprintf(&b, "%s%s\n%s%s\n", gutter, text, margin, caret)
	if f.Hint != "" {
		fmt.Fprintf(&b, "%shint: %s\n", strings.Repeat(" ", len(gutter)), f.Hint)
	}
	return b.String()
}

// Faults is everything that is wrong with a topology, in the order of the file. It is the error that Parse and Load
// return for a bad topology.
type Faults []Fault

// maxShown is how many faults Error prints; the rest is counted.
const maxShown = 50

// Error prints the faults one below the other.
func (fs Faults) Error() string {
	var b strings.Builder
	for i, f := range fs {
		if i == maxShown {
			more := "and"
			if len(fs) >= maxFaults {
				more = "and at least" // the search ended there
			}
			fmt.Fprintf(&b, "%s %d more faults\n", more, len(fs)-maxShown)
			break
		}
		b.WriteString(f.String())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// collector gathers the faults of one file.
type collector struct {
	src    *source
	faults Faults
}

// maxFaults bounds the work on a file in which everything is wrong.
const maxFaults = 1000

func (c *collector) full() bool { return len(c.faults) >= maxFaults }

func (c *collector) add(at span, message, hint string) {
	if c.full() {
		return
	}
	at.line = max(1, min(at.line, len(c.src.lines)))
	f := Fault{File: c.src.name, Line: at.line, Column: max(1, at.col), Length: max(1, at.length), Message: oneLine(message), Hint: oneLine(hint), Source: c.src.line(at.line)}
	c.faults = append(c.faults, f)
}

// oneLine is text that may quote the file, without what a terminal would act upon.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		return visible(r)
	}, text)
}

// addProblem adds an error that says what is wrong, and a hint if it is a problem.
func (c *collector) addProblem(at span, err error) {
	hint := ""
	if p, ok := err.(problem); ok {
		hint = p.hint
	}
	c.add(at, err.Error(), hint)
}

// err returns the faults in the order of the file, nil if there are none.
func (c *collector) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	sort.SliceStable(c.faults, func(i, j int) bool {
		a, b := c.faults[i], c.faults[j]
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	return c.faults
}
