// Package talk tells a person what a long piece of work is doing: on a terminal with a line that counts the
// seconds, elsewhere with one line a step.
package talk

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Times of the talk, in wall time.
const (
	patience = 2 * time.Second        // shorter waits need no word
	redraw   = 250 * time.Millisecond // of the line on a terminal
	reminder = 30 * time.Second       // between two lines about one step, where there is no terminal
)

// Kind says what is left to read of a step that has ended.
type Kind int

// The kinds of step.
const (
	Kept    Kind = iota // a line
	Passing             // on a terminal nothing, elsewhere a line
	Wait                // nothing, and nothing at all if it was short
)

// Talk is the talk of one command. Its methods may be called from several goroutines. The zero Talk is silent.
type Talk struct {
	w     io.Writer // nil for silence
	live  bool      // w is a terminal
	width func() int
	now   func() time.Time

	mu      sync.Mutex
	current *step
	drawn   bool // the live line is on the screen
	stop    chan struct{}
}

// step is what is going on.
type step struct {
	name        string
	kind        Kind
	text        string
	done, total int
	begun       time.Time
	told        time.Time // when a line was last printed, where there is no terminal
}

// New talks to w. Where w is a terminal, the line of the current step counts the seconds.
func New(w io.Writer) *Talk {
	t := &Talk{w: w, width: func() int { return defaultWidth }, now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		t.live = true
		t.width = func() int { return widthOf(f) }
	}
	return t
}

// Printf prints one line above the current step.
func (t *Talk) Printf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.w == nil {
		return
	}
	t.clear()
	fmt.Fprintf(t.w, format+"\n", args...)
	t.draw()
}

// Begin ends the current step and begins another. Beginning the current step again is no news.
func (t *Talk) Begin(name string, kind Kind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.w == nil || t.current != nil && t.current.name == name {
		return
	}
	t.end("")
	now := t.now()
	t.current = &step{name: name, kind: kind, begun: now, told: now}
	t.stop = make(chan struct{})
	go t.keepDrawing(t.stop)
}

// Update tells how far the current step is; total 0 if that is not known.
func (t *Talk) Update(text string, done, total int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.current; s != nil {
		s.text, s.done, s.total = text, done, total
	}
}

// End ends the current step with a word on how; without one, what was last known of it stays.
func (t *Talk) End(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(text)
}

// Close is for the end of the command, however it ends: a step that still runs has failed.
func (t *Talk) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil && t.current.kind == Kept {
		t.end("failed")
		return
	}
	t.end("")
}

func (t *Talk) end(text string) {
	s := t.current
	if s == nil {
		return
	}
	switch {
	case text != "":
		s.text = text
	case s.total > 0:
		s.text = fmt.Sprintf("%d of %d", s.done, s.total)
	}
	close(t.stop)
	t.clear()
	t.current = nil
	if s.kind == Kept || s.kind == Passing && !t.live {
		fmt.Fprintln(t.w, line(s.name, s.text, elapsed(t.now().Sub(s.begun)), defaultWidth))
	}
}

// keepDrawing keeps the line of a step fresh until it ends.
func (t *Talk) keepDrawing(stop <-chan struct{}) {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			t.mu.Lock()
			t.draw()
			t.mu.Unlock()
		}
	}
}

// draw shows the current step as it is now.
func (t *Talk) draw() {
	s := t.current
	if s == nil {
		return
	}
	now := t.now()
	spent := now.Sub(s.begun)
	if s.kind == Wait && spent < patience {
		return
	}
	if t.live {
		fmt.Fprint(t.w, "\r", cut(line(s.name, s.words(spent), elapsed(spent), min(t.width(), defaultWidth)-1), t.width()-1), "\x1b[K")
		t.drawn = true
		return
	}
	first := s.told.Equal(s.begun)
	if first && spent >= patience || now.Sub(s.told) >= reminder {
		s.told = now
		text := s.words(spent)
		if text == "" {
			text = "..."
		}
		fmt.Fprintln(t.w, line(s.name, text, elapsed(spent), defaultWidth))
	}
}

// clear takes the live line off the screen.
func (t *Talk) clear() {
	if t.drawn {
		fmt.Fprint(t.w, "\r\x1b[K")
		t.drawn = false
	}
}
