package run

import (
	"bytes"
	"strings"
	"sync"
)

const (
	tailLines  = 20      // lines of output that an Error carries
	maxLineLen = 1 << 16 // bytes after which a line without a newline is cut
)

// tail keeps the last lines that it was given.
type tail struct {
	lines []string
}

func (t *tail) add(line string) {
	t.lines = append(t.lines, line)
	if len(t.lines) > tailLines {
		t.lines = t.lines[len(t.lines)-tailLines:]
	}
}

// String is the kept lines, joined.
func (t *tail) String() string { return strings.Join(t.lines, "\n") }

// lineWriter cuts what is written into lines, keeps the last ones, and hands each to a callback.
type lineWriter struct {
	mu      sync.Mutex
	pending []byte
	tail    *tail
	line    func(string)
}

// Write never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, p...)
	for {
		end := bytes.IndexByte(w.pending, '\n')
		if end < 0 {
			break
		}
		w.emit(w.pending[:end])
		w.pending = w.pending[end+1:]
	}
	if len(w.pending) > maxLineLen {
		w.emit(w.pending)
		w.pending = nil
	}
	return len(p), nil
}

// flush hands on a last line that had no newline.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending) > 0 {
		w.emit(w.pending)
		w.pending = nil
	}
}

func (w *lineWriter) emit(raw []byte) {
	line := strings.TrimRight(string(raw), "\r")
	w.tail.add(line)
	if w.line != nil {
		w.line(line)
	}
}
