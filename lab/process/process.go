// Package process watches and ends processes by their pidfds (pidfd_open(2)), so that a process id that the kernel has
// given to somebody else is never hit.
package process

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrGone says that there is no process of an id.
var ErrGone = errors.New("no such process")

// Process is a process that was there when it was opened.
type Process struct {
	PID int
	fd  int
}

// Open finds a process; the error is ErrGone if it has ended and was waited for.
func Open(pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case errors.Is(err, unix.ESRCH):
		return nil, ErrGone
	case err != nil:
		return nil, fmt.Errorf("pidfd of process %d: %w", pid, err)
	}
	return &Process{pid, fd}, nil
}

// Close gives the descriptor back; the process goes on.
func (p *Process) Close() error { return unix.Close(p.fd) }

// Signal sends a signal; one that has ended takes any.
func (p *Process) Signal(s unix.Signal) error {
	if err := unix.PidfdSendSignal(p.fd, s, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(s), p.PID, err)
	}
	return nil
}

// Wait returns when the process has ended, or the cause of ctx. It wakes for nothing else.
func (p *Process) Wait(ctx context.Context) error {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("watch process %d: %w", p.PID, err)
	}
	defer unix.Close(wake)
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	})
	defer func() {
		if !stop() {
			<-told // before the descriptor is somebody else's
		}
	}()
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
	for {
		switch _, err := unix.Poll(fds, -1); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("watch process %d: %w", p.PID, err)
		case fds[0].Revents != 0:
			return nil
		default:
			return context.Cause(ctx)
		}
	}
}

// Kill ends processes with SIGKILL and returns when all are gone. It opens all before it signals any, so that none can
// be mistaken for another that starts meanwhile.
func Kill(ctx context.Context, pids []int) error {
	var open []*Process
	defer func() {
		for _, p := range open {
			p.Close()
		}
	}()
	for _, pid := range pids {
		p, err := Open(pid)
		if errors.Is(err, ErrGone) {
			continue
		}
		if err != nil {
			return err
		}
		open = append(open, p)
	}
	var faults []error
	for _, p := range open {
		faults = append(faults, p.Signal(unix.SIGKILL))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	for _, p := range open {
		if err := p.Wait(ctx); err != nil {
			return fmt.Errorf("kill process %d: %w", p.PID, err)
		}
	}
	return nil
}
