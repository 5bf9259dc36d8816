package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"

	"github.com/ptplab/ptplab/lab/agent"
)

// command is argv in the place of a node, or in the lab's own namespaces for no node.
func (w *World) command(args ExecArgs) (*exec.Cmd, error) {
	if len(args.Command) == 0 {
		return nil, agent.Errorf("usage", "no command to run in %s", args.Node)
	}
	plan, err := w.current()
	if err != nil {
		return nil, err
	}
	if !isOwner(plan, args.Node) {
		return nil, agent.Errorf("usage", "there is no node %s in lab %s; there is %s", args.Node, w.Lab, strings.Join(owners(plan), ", "))
	}
	cmd := w.place(args.Node).command(args.Command)
	cmd.Env = append(os.Environ(), "PTPLAB_NODE="+args.Node)
	if args.Term != "" {
		cmd.Env = append(cmd.Env, "TERM="+args.Term)
	}
	return cmd, nil
}

// stopGrace is how long is waited, after a command has ended, for what it has started to stop printing.
const stopGrace = 5 * time.Second

// exec runs a command and sends what it prints as it prints it.
func (w *World) exec(ctx context.Context, req *agent.Request, args ExecArgs) (*ExecResult, error) {
	cmd, err := w.command(args)
	if err != nil {
		return nil, err
	}
	cmd.Stdin = bytes.NewReader(args.Stdin)
	cmd.Stdout = eventWriter(func(p []byte) error { return req.Event(Output{Stdout: p}) })
	cmd.Stderr = eventWriter(func(p []byte) error { return req.Event(Output{Stderr: p}) })
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = stopGrace
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s in %s: %w", args.Command[0], args.Node, err)
	}
	stop := context.AfterFunc(ctx, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer stop()
	result, err := ended(cmd.Wait())
	if left := w.orphans.collect(cmd.Process.Pid); left != nil {
		w.Log.Warn("processes that a command left behind stay", "error", left)
	}
	return result, err
}

// eventWriter sends what is written to it.
type eventWriter func(p []byte) error

func (f eventWriter) Write(p []byte) (int, error) {
	if err := f(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ended makes an exit status of what Wait returns.
func ended(err error) (*ExecResult, error) {
	if errors.Is(err, exec.ErrWaitDelay) { // it went well, and what it has started still prints
		err = nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return &ExecResult{}, err
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return &ExecResult{Exit: 128 + int(ws.Signal())}, nil
	}
	return &ExecResult{Exit: exit.ExitCode()}, nil
}

// terminal runs a command on a pseudo-terminal, a turn at a time: the lab stands still, where its time can,
// while the person outside thinks.
func (w *World) terminal(ctx context.Context, req *agent.Request, args ExecArgs) (*ExecResult, error) {
	cmd, err := w.command(args)
	if err != nil {
		return nil, err
	}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: args.Rows, Cols: args.Columns})
	if err != nil {
		return nil, fmt.Errorf("run %s in %s on a terminal: %w", args.Command[0], args.Node, err)
	}
	defer tty.Close()
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()

	printed := make(chan []byte)
	go readAll(ctx, tty, printed)
	for {
		var in TerminalInput
		if err := req.Input(&in); err != nil {
			return nil, err
		}
		if in.Rows > 0 {
			pty.Setsize(tty, &pty.Winsize{Rows: in.Rows, Cols: in.Columns})
		}
		if _, err := tty.Write(in.Bytes); err != nil {
			return nil, err
		}
		out, closed := collect(printed, in.Pass)
		if closed && len(out) == 0 {
			return ended(cmd.Wait())
		}
		if err := req.Event(Output{Stdout: out}); err != nil {
			return nil, err
		}
	}
}

// readAll sends what can be read until there is no more, and closes the channel.
func readAll(ctx context.Context, r io.Reader, to chan<- []byte) {
	defer close(to)
	for {
		buf := make([]byte, 4096)
		n, err := r.Read(buf)
		if n > 0 {
			select {
			case to <- buf[:n]:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// collect takes what comes while d passes.
func collect(from <-chan []byte, d time.Duration) (out []byte, closed bool) {
	turn := time.NewTimer(d)
	defer turn.Stop()
	for {
		select {
		case part, ok := <-from:
			if !ok {
				return out, true
			}
			out = append(out, part...)
		case <-turn.C:
			return out, false
		}
	}
}
