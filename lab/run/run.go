// Package run runs a program and, when it ends badly, says so with the last of what it printed.
package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// DefaultGrace is how long a program may take to end after SIGTERM before it gets SIGKILL.
const DefaultGrace = 5 * time.Second

// Cmd is one program to run. Set what is needed, then call Run or Output once.
//
// The program gets a process group of its own and an empty standard input. When the context ends, the whole group gets
// SIGTERM and, after Grace, SIGKILL. When the calling process dies, the program gets SIGKILL.
type Cmd struct {
	Argv    []string          // program and arguments; the program is looked up in PATH
	Dir     string            // working directory; empty: the caller's
	Env     []string          // "NAME=value", added to the caller's environment
	Stdin   io.Reader         // nil: empty
	Line    func(line string) // called with each line of standard output and error, never twice at once; nil: none
	Inherit []*os.File        // files that stay open in the program and its children, such as a held lock
	Grace   time.Duration     // 0: DefaultGrace

	ctx context.Context
}

// Command prepares a program. An empty name makes Run return an error.
func Command(ctx context.Context, name string, args ...string) *Cmd {
	return &Cmd{ctx: ctx, Argv: append([]string{name}, args...)}
}

// Error is a program that could not start, ended with a status other than 0, or was ended by the context.
type Error struct {
	Argv   []string // program and arguments
	Output string   // the last lines of standard output and error
	Err    error    // why: *exec.ExitError, *exec.Error, or the context's error
}

// Error is the command line, why it failed, and the last of its output on lines of their own.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", Quote(e.Argv), e.Err)
	if out := strings.TrimSpace(e.Output); out != "" {
		text += "\n" + indent(out)
	}
	return text
}

// Unwrap returns why the program failed.
func (e *Error) Unwrap() error { return e.Err }

// Run runs the program to its end. A failure is an *Error.
func (c *Cmd) Run() error { return c.run(nil) }

// Output runs the program and returns all of its standard output. A failure is an *Error, and what was printed so far
// comes with it.
func (c *Cmd) Output() ([]byte, error) {
	var out bytes.Buffer
	err := c.run(&out)
	return out.Bytes(), err
}

func (c *Cmd) run(stdout *bytes.Buffer) error {
	if err := c.ctx.Err(); err != nil {
		return &Error{Argv: c.Argv, Err: err}
	}
	last := &tail{}
	lines := &lineWriter{tail: last, line: c.Line}
	cmd := c.prepare()
	cmd.Stdout, cmd.Stderr = lines, lines
	if stdout != nil {
		cmd.Stdout = io.MultiWriter(stdout, lines)
		cmd.Stderr = lines
	}
	err := onOneThread(func() error { return c.wait(cmd) })
	lines.flush()
	if err == nil {
		return nil
	}
	if ctxErr := c.ctx.Err(); ctxErr != nil {
		err = ctxErr
	}
	return &Error{Argv: c.Argv, Output: last.String(), Err: err}
}

// prepare makes the exec.Cmd: own process group, death with the parent, SIGTERM to the group when the context ends.
func (c *Cmd) prepare() *exec.Cmd {
	cmd := exec.CommandContext(c.ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.Stdin = c.Stdin
	cmd.ExtraFiles = c.Inherit
	if len(c.Env) > 0 {
		cmd.Env = append(os.Environ(), c.Env...)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = c.Grace
	if c.Grace == 0 {
		cmd.WaitDelay = DefaultGrace
	}
	return cmd
}

// wait starts the program, waits for it, and after a cancelled run leaves nobody of its group alive.
func (c *Cmd) wait(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	if c.ctx.Err() != nil {
		if killErr := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); killErr != nil && !errors.Is(killErr, syscall.ESRCH) {
			err = errors.Join(err, fmt.Errorf("kill process group %d: %w", cmd.Process.Pid, killErr))
		}
	}
	return err
}

// onOneThread runs f on a thread of its own: the kernel sends the parent-death signal when the thread that started the
// program ends, not when the process does.
func onOneThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- f()
	}()
	return <-done
}

// Quote is a command line for people to read and to paste: words with anything unusual in them are quoted.
func Quote(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n\"'`$&|;<>()*?[]#~\\!{}") || !isPrintable(word) {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, " ")
}

func isPrintable(s string) bool {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(text, "\n", "\n    ")
}
