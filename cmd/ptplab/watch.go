package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

// tick is how often a watched lab is looked at, and how much of its time passes then.
const tick = time.Second

// passSecond lets a second pass in a lab whose time does not pass by itself.
func passSecond(ctx context.Context, l *lab.Lab) error {
	if l.Time == sim.Real {
		return nil
	}
	_, err := l.Run(ctx, tick)
	return err
}

// watcher prints a status each second. Between two looks the lab is free for other commands.
type watcher struct {
	next   func(ctx context.Context, first bool) (*lab.Status, error)
	every  time.Duration
	format string
	out    io.Writer
	screen *os.File // a terminal to redraw in place; nil to append
}

// run goes on until the context ends or the lab does.
func (w *watcher) run(ctx context.Context) error {
	if w.screen != nil {
		fmt.Fprint(w.screen, "\x1b[?1049h\x1b[?25l") // the other screen, no cursor
	}
	var last *lab.Status
	defer func() { w.leave(last) }()
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		s, err := w.next(ctx, last == nil)
		if ctx.Err() != nil {
			return errStopped()
		}
		var busy *lab.BusyError
		if err != nil && (last == nil || !errors.As(err, &busy)) {
			return err
		}
		note := ""
		if busy != nil {
			s, note = last, busy.Error()
		}
		last = s
		if err := w.show(s, note); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errStopped()
		}
	}
}

// leave goes back to the screen that was there, and leaves the last status on it.
func (w *watcher) leave(last *lab.Status) {
	if w.screen == nil {
		return
	}
	fmt.Fprint(w.screen, "\x1b[?25h\x1b[?1049l")
	if last != nil {
		fmt.Fprintln(w.screen, statusHeadline(last))
		statusTable(last).write(w.screen)
	}
}

// errStopped is the end of what only ends when a person says so.
func errStopped() error { return &codeError{code: exitInterrupted} }

// show prints one status. While another command has the lab, only a screen says so.
func (w *watcher) show(s *lab.Status, note string) error {
	var text strings.Builder
	if w.format == "table" {
		fmt.Fprintln(&text, statusHeadline(s))
	}
	if err := writeStatus(&text, s, w.format); err != nil {
		return err
	}
	if w.format == "table" {
		fmt.Fprintln(&text, faultLines(s)+note)
	}
	if w.screen == nil {
		if note != "" {
			return nil
		}
		if w.format == "yaml" {
			fmt.Fprintln(&text, "---")
		}
		_, err := io.WriteString(w.out, text.String())
		return err
	}
	_, rows, err := term.GetSize(int(w.screen.Fd()))
	if err != nil {
		return err
	}
	_, err = io.WriteString(w.screen, page(text.String(), rows))
	return err
}

// page draws lines over what is on a screen of so many rows.
func page(text string, rows int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > rows && rows > 1 {
		lines = append(lines[:rows-1], fmt.Sprintf("(%d more lines)", len(lines)-rows+1))
	}
	return "\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\x1b[J"
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
