package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/ptplab/ptplab/lab"
)

// turn is how much of the lab's time passes between two looks at the keyboard.
const turn = 30 * time.Millisecond

// terminalRunner is a lab that can run a command on a terminal.
type terminalRunner interface {
	Terminal(ctx context.Context, args lab.ExecArgs, next func() (lab.TerminalInput, error), screen io.Writer) (int, error)
}

// runTerminal runs a command on the terminal that tty is, as if the two were one.
func runTerminal(ctx context.Context, l terminalRunner, e lab.ExecArgs, tty *os.File, screen io.Writer, kind string) (int, error) {
	fd := int(tty.Fd())
	columns, rows, err := term.GetSize(fd)
	if err != nil {
		return 0, fmt.Errorf("size of the terminal: %w", err)
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return 0, fmt.Errorf("set up the terminal: %w", err)
	}
	defer term.Restore(fd, before)

	e.Rows, e.Columns, e.Term = uint16(rows), uint16(columns), kind
	ticker := time.NewTicker(turn)
	defer ticker.Stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := keyboard{typed: make(chan []byte), ended: make(chan error, 1), rows: e.Rows, columns: e.Columns}
	k.size = func() (int, int, error) { return term.GetSize(fd) }
	go k.read(ctx, tty)
	return l.Terminal(ctx, e, func() (lab.TerminalInput, error) { return k.next(ctx, ticker.C) }, screen)
}

// keyboard collects what a person types, turn by turn.
type keyboard struct {
	typed         chan []byte
	ended         chan error // why there is no more
	size          func() (columns, rows int, err error)
	rows, columns uint16 // as the lab knows them
}

// read passes on what is typed until the context or the input ends.
func (k *keyboard) read(ctx context.Context, r io.Reader) {
	for {
		buf := make([]byte, 1024)
		n, err := r.Read(buf)
		if n > 0 {
			select {
			case k.typed <- buf[:n]:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			k.ended <- err
			return
		}
	}
}

// next waits for the end of a turn and returns what was typed in it.
func (k *keyboard) next(ctx context.Context, turns <-chan time.Time) (lab.TerminalInput, error) {
	in := lab.TerminalInput{Pass: turn}
	for {
		select {
		case typed := <-k.typed:
			in.Bytes = append(in.Bytes, typed...)
		case err := <-k.ended:
			return in, fmt.Errorf("the terminal is gone: %w", err)
		case <-ctx.Done():
			return in, context.Cause(ctx)
		case <-turns:
			if columns, rows, err := k.size(); err == nil && (uint16(rows) != k.rows || uint16(columns) != k.columns) {
				k.rows, k.columns = uint16(rows), uint16(columns)
				in.Rows, in.Columns = k.rows, k.columns
			}
			return in, nil
		}
	}
}
