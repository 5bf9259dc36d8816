package topology

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// source is the text of a topology, cut into lines as YAML cuts them.
type source struct {
	name    string
	lines   []string
	lengths map[int]int // of lines in characters, as they are asked for: one line may be the whole file
}

func newSource(name string, text string) *source {
	s := &source{name: name, lengths: map[int]int{}}
	for {
		i := strings.IndexAny(text, "\r\n\u0085\u2028\u2029")
		if i < 0 {
			break
		}
		s.lines = append(s.lines, text[:i])
		_, size := utf8.DecodeRuneInString(text[i:])
		if strings.HasPrefix(text[i:], "\r\n") {
			size = 2
		}
		text = text[i+size:]
	}
	if text != "" || len(s.lines) == 0 {
		s.lines = append(s.lines, text)
	}
	return s
}

// line returns line n, counted from 1; "" if there is none.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// length is the number of characters of line n.
func (s *source) length(n int) int {
	length, known := s.lengths[n]
	if !known {
		length = utf8.RuneCountInString(s.line(n))
		s.lengths[n] = length
	}
	return length
}

// span is a place in the text: line and column from 1, columns and length in characters. The zero span is nowhere.
type span struct{ line, col, length int }

// firstWord is the span of the first thing on a line.
func (s *source) firstWord(n int) span {
	n = max(1, min(n, len(s.lines)))
	line := s.line(n)
	word := strings.TrimLeft(line, " \t")
	col := utf8.RuneCountInString(line) - utf8.RuneCountInString(word) + 1
	end := strings.IndexAny(word, " \t,:[]{}")
	if end <= 0 {
		end = len(word)
	}
	return span{n, col, max(1, utf8.RuneCountInString(word[:end]))}
}

// find is the span of the first occurrence of text outside comments; the start of the file if there is none.
func (s *source) find(text string) span {
	for i, line := range s.lines {
		if at := strings.Index(line, text); at >= 0 && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return span{i + 1, utf8.RuneCountInString(line[:at]) + 1, utf8.RuneCountInString(text)}
		}
	}
	return s.firstWord(1)
}

// excerpt is a line of the file as a person sees it and, below it, a caret under the span. Long lines are cut around
// the span; what a terminal would act upon is replaced; tabs stay tabs on both lines, so that they line up.
func excerpt(line string, at span) (text, caret string) {
	const before, most = 60, 110
	runes := []rune(line)
	start := max(0, min(at.col-1, len(runes)))
	end := min(len(runes), start+max(1, at.length))
	from, to := 0, len(runes)
	var head, tail string
	if len(runes) > most {
		if start > before {
			from, head = start-before, "..."
		}
		if to > from+most {
			to, tail = from+most, "..."
		}
	}
	var b, c strings.Builder
	b.WriteString(head)
	c.WriteString(strings.Repeat(" ", len(head)))
	for i := from; i < to; i++ {
		r := visible(runes[i])
		b.WriteRune(r)
		cells := cellsOf(r)
		switch {
		case i < start && r == '\t':
			c.WriteRune('\t')
		case i < start:
			c.WriteString(strings.Repeat(" ", cells))
		case i == start:
			c.WriteString("^" + strings.Repeat("~", max(0, cells-1)))
		case i < end:
			c.WriteString(strings.Repeat("~", cells))
		}
	}
	if start >= to { // the fault is behind the last character
		c.WriteString("^")
	}
	b.WriteString(tail)
	return b.String(), c.String()
}

// visible replaces characters that have no place on a terminal.
func visible(r rune) rune {
	if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
		return '\uFFFD'
	}
	return r
}

// cellsOf is the number of terminal cells that a character takes.
func cellsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
