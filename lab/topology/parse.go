// Package topology reads topology files: it checks them, says everything that is wrong with them and where, and
// expands them into a Plan in which every device, port, cable, address and VLAN of the lab is allocated.
package topology

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the largest topology that is read, in bytes.
const MaxSize = 1 << 20

// Load reads and checks a topology file. A bad topology gives Faults.
func Load(path string) (*Topology, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read topology: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read topology: %w", err)
	}
	return Parse(path, data)
}

// Parse reads and checks a topology; name is what its faults call the file. A bad topology gives Faults. It needs
// bounded time and memory whatever the data, and does not panic.
func Parse(name string, data []byte) (*Topology, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if f := notText(name, data); f != nil {
		return nil, Faults{*f}
	}
	c := &collector{src: newSource(name, string(data))}
	root := c.readYAML(data)
	if root == nil {
		return nil, c.err()
	}
	d := &decoder{collector: c, marks: map[path]mark{}, broken: map[path]bool{}, lost: map[path]bool{}}
	t := &Topology{}
	d.value(root, reflect.ValueOf(t).Elem(), "", span{})
	if !d.stopped {
		(&checker{decoder: d, t: t}).check()
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// notText is the fault of data that no YAML parser should see.
func notText(name string, data []byte) *Fault {
	if len(data) > MaxSize {
		first := newSource(name, string(bytes.ToValidUTF8(data[:min(200, len(data))], []byte("\uFFFD")))).line(1)
		return &Fault{File: name, Line: 1, Column: 1, Length: 1, Source: first, Message: "the file is larger than 1 MiB", Hint: "a topology of 1000 workers has 100 KiB; is this the right file?"}
	}
	line, start := 1, 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		bad := r == utf8.RuneError && size == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
		if bad {
			return binaryFault(name, data, line, start, i)
		}
		if i += size; r == '\n' {
			line, start = line+1, i
		}
	}
	return nil
}

// binaryFault is the fault of the byte at place i, on the line that begins at start.
func binaryFault(name string, data []byte, line, start, i int) *Fault {
	end := i + bytes.IndexByte(append(data[i:len(data):len(data)], '\n'), '\n')
	text := string(bytes.ToValidUTF8(data[start:min(end, i+200)], []byte("\uFFFD")))
	return &Fault{
		File: name, Line: line, Column: utf8.RuneCount(data[start:i]) + 1, Length: 1, Source: text,
		Message: fmt.Sprintf("byte 0x%02x is not text", data[i]),
		Hint:    "a topology is YAML in UTF-8; is this the right file?",
	}
}

// readYAML returns the only document of the file. Faults of its syntax are collected, and nil returned.
func (c *collector) readYAML(data []byte) (root *yaml.Node) {
	defer func() {
		if p := recover(); p != nil { // the YAML parser meets text from anywhere
			c.add(c.src.firstWord(1), fmt.Sprintf("the YAML parser gave up: %v", p), "simplify the file until it is read")
			root = nil
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])) {
		c.add(c.src.firstWord(1), "the file holds no topology", exampleOf("", ""))
		return nil
	}
	if err != nil {
		c.syntaxFault(err)
		return nil
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		c.add(span{second.Line, second.Column, 1}, "a second YAML document begins here", "a file holds one topology; remove the --- line or split the file")
	case !errors.Is(err, io.EOF):
		c.syntaxFault(err)
		return nil
	}
	return doc.Content[0]
}

// The messages of the YAML parser, "yaml: line 3: mapping values are not allowed in this context".
var (
	yamlLine  = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?`)
	yamlAlias = regexp.MustCompile(`unknown anchor '([^']*)' referenced`)
)

// syntaxFault adds a fault for an error of the YAML parser, which knows the line at best.
func (c *collector) syntaxFault(err error) {
	text := err.Error()
	m := yamlLine.FindStringSubmatch(text)
	message := strings.TrimPrefix(text, m[0])
	line, _ := strconv.Atoi(m[1])
	if ofGrammar(message) {
		line++ // the parser counts these from 0
	}
	if alias := yamlAlias.FindStringSubmatch(text); alias != nil {
		c.add(c.src.find("*"+alias[1]), "alias *"+show(alias[1])+" stands for nothing", "define it above with &"+clip(alias[1]))
		return
	}
	if tab, ok := c.src.tabNear(line); ok {
		c.add(tab, "a tab in the indentation", "YAML is indented with spaces only")
		return
	}
	c.add(c.src.culprit(line, message), "not YAML: "+message, syntaxHint(message))
}

// ofGrammar says whether a message of the YAML parser is about the order of words, not about the words.
func ofGrammar(message string) bool {
	for _, m := range []string{"expected key", "',' or ']'", "',' or '}'", "'-' indicator", "node content", "<document start>", "<stream-start>", "incompatible YAML document", "undefined tag handle"} {
		if strings.Contains(message, m) {
			return true
		}
	}
	return false
}

// culprit looks on the line that the YAML parser names for what it complains about; else it is the line's first word.
func (s *source) culprit(line int, message string) span {
	text := s.line(line)
	at := -1
	switch {
	case strings.Contains(message, "',' or ']'"):
		at = openBracket(text, '[', ']')
	case strings.Contains(message, "',' or '}'"):
		at = openBracket(text, '{', '}')
	case strings.Contains(message, "unexpected end of stream"):
		at = strings.IndexAny(text, `"'`)
	case strings.Contains(message, "cannot start any token"):
		at = strings.IndexAny(text, "@`%")
	case strings.Contains(message, "mapping values are not allowed"):
		if first := strings.Index(text, ": "); first >= 0 {
			at = strings.LastIndex(text, ":")
		}
	}
	if at < 0 {
		return s.firstWord(line)
	}
	return span{line, utf8.RuneCountInString(text[:at]) + 1, 1}
}

// openBracket is the place of the first bracket of a line that the line does not close, -1 if there is none. Brackets
// in quotes count; they are rare, and only the caret suffers.
func openBracket(text string, open, closing byte) int {
	var opened []int
	for i := range len(text) {
		switch {
		case text[i] == open:
			opened = append(opened, i)
		case text[i] == closing && len(opened) > 0:
			opened = opened[:len(opened)-1]
		}
	}
	if len(opened) == 0 {
		return -1
	}
	return opened[0]
}

// tabNear looks for a tab that indents the line that the parser complains about, or the next.
func (s *source) tabNear(line int) (span, bool) {
	for n := max(1, line); n <= line+1; n++ {
		text := s.line(n)
		indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
		if i := strings.IndexByte(indent, '\t'); i >= 0 {
			return span{n, i + 1, 1}, true
		}
	}
	return span{}, false
}

// syntaxHint explains the more frequent messages of the YAML parser.
func syntaxHint(message string) string {
	hints := []struct{ part, hint string }{
		{"mapping values are not allowed", "the indentation does not match the lines above, or a text with a colon needs quotes"},
		{"did not find expected key", "in the mapping that holds this line, an indentation does not match or a bracket or quote is not closed"},
		{"did not find expected ',' or ']'", "a [ is not closed, or a comma is missing between its items"},
		{"did not find expected ',' or '}'", "a { is not closed, or a comma is missing between its items"},
		{"could not find expected ':'", "a key needs a colon and a space after it"},
		{"found unexpected end of stream", "a quote is not closed"},
		{"did not find expected '-' indicator", "the items of a list begin with a hyphen at the same indentation"},
		{"did not find expected node content", "a bracket closes that was not opened, or a value is missing"},
		{"<document start>", "a file holds one topology; remove what is not part of it"},
		{"found character that cannot start any token", "text that begins with this character needs quotes"},
		{"exceeded max depth", "nothing in a topology is nested deeper than six levels"},
	}
	for _, h := range hints {
		if strings.Contains(message, h.part) {
			return h.hint
		}
	}
	return "look at this line and at the one above it"
}
