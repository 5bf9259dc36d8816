package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/ptplab/ptplab/lab"
)

// echo is a lab in which a command prints what it is given, and ends at "q".
type echo struct {
	args  lab.ExecArgs
	sizes []uint16
}

func (e *echo) Terminal(_ context.Context, args lab.ExecArgs, next func() (lab.TerminalInput, error), screen io.Writer) (int, error) {
	e.args = args
	for {
		in, err := next()
		if err != nil {
			return 0, err
		}
		if in.Pass < 20*time.Millisecond || in.Pass > 50*time.Millisecond {
			return 0, errors.New("a turn of " + in.Pass.String())
		}
		if in.Rows > 0 {
			e.sizes = append(e.sizes, in.Rows, in.Columns)
		}
		if bytes.Contains(in.Bytes, []byte("q")) {
			return 7, nil
		}
		if _, err := screen.Write(in.Bytes); err != nil {
			return 0, err
		}
	}
}

// watched is a screen that says when it has been written to.
type watched chan string

func (w watched) Write(p []byte) (int, error) {
	if len(p) > 0 {
		w <- string(p)
	}
	return len(p), nil
}

func TestTerminal(t *testing.T) {
	person, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	defer person.Close()
	defer tty.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	screen, l := make(watched), &echo{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	type result struct {
		status int
		err    error
	}
	done := make(chan result, 1)
	go func() {
		status, err := runTerminal(ctx, l, lab.ExecArgs{Node: "w1"}, tty, screen, "xterm")
		done <- result{status, err}
	}()
	for _, key := range []string{"a", "\x03"} { // Ctrl-C is the command's
		person.WriteString(key)
		select {
		case got := <-screen:
			if got != key {
				t.Errorf("typed %q, got %q", key, got)
			}
		case r := <-done:
			t.Fatalf("it ended with %d, %v", r.status, r.err)
		}
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 50, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	person.WriteString("b")
	<-screen
	person.WriteString("q")
	if r := <-done; r.status != 7 || r.err != nil {
		t.Errorf("exit status %d, %v", r.status, r.err)
	}
	if l.args.Rows != 24 || l.args.Columns != 80 || l.args.Term != "xterm" {
		t.Errorf("started with %+v", l.args)
	}
	if len(l.sizes) != 2 || l.sizes[0] != 50 || l.sizes[1] != 100 {
		t.Errorf("sizes after a change: %v", l.sizes)
	}
	after, err := term.GetState(int(tty.Fd()))
	if err != nil || *after != *before {
		t.Errorf("the terminal was not restored: %v", err)
	}
}

func TestTerminalEnds(t *testing.T) {
	k := &keyboard{typed: make(chan []byte), ended: make(chan error, 1), size: func() (int, int, error) { return 80, 24, nil }}
	k.ended <- io.EOF
	if _, err := k.next(t.Context(), nil); !errors.Is(err, io.EOF) {
		t.Errorf("a terminal that is gone: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(os.ErrDeadlineExceeded)
	if _, err := k.next(ctx, nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an interrupted command: %v", err)
	}
}
