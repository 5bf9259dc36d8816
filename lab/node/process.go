package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// Timing of supervision.
const (
	restartDelay = time.Second      // between a process's end and its next start, as upstream has it
	stopTimeout  = 3 * time.Second  // between SIGTERM and SIGKILL
	maxLag       = 10 * time.Second // a line's own time stamp counts if it is at most this old
	maxPartial   = 16 << 10         // bytes of a line without an end, after which it is taken as it is
)

// ProcessState says where a process is in its life.
type ProcessState string

// The states of a process.
const (
	Waiting ProcessState = "waiting" // phc2sys until a clock is near its master
	Running ProcessState = "running"
	Dead    ProcessState = "dead" // ended or not startable; to be started again
)

// process is a program that runs or is to run. Its fields belong to the node's lock.
type process struct {
	program
	clock   *clock
	state   ProcessState
	starts  int
	cmd     *exec.Cmd
	out     int // read end of its stdout and stderr, non-blocking and not with the runtime's poller
	partial []byte
	summary summary // of offsets that logReduce keeps from the log
	log     logFile
	due     time.Time // of the next start
	changed time.Time // of state
	end     string    // how it ended last
	watch   context.CancelFunc
	watched sync.WaitGroup
}

// start runs the program. The read end of its output stays out of the runtime's poller, which would wake at each line.
func (n *Node) start(p *process, now time.Time) {
	err := n.spawn(p)
	p.changed = now
	if err != nil {
		p.state, p.due, p.end = Dead, now.Add(restartDelay), err.Error()
		n.say(now, p.config, fmt.Sprintf("start: %v", err))
		n.o.Log.Error("process does not start", "node", n.o.Name, "process", p.config, "error", err)
		return
	}
	p.state = Running
	p.starts++
	n.o.Log.Debug("process started", "node", n.o.Name, "process", p.config, "pid", p.cmd.Process.Pid)
}

func (n *Node) spawn(p *process) error {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe for %s: %w", p.config, err)
	}
	w := os.NewFile(uintptr(ends[1]), p.config)
	defer w.Close()
	if err := unix.SetNonblock(ends[0], true); err != nil {
		_ = unix.Close(ends[0])
		return fmt.Errorf("pipe for %s: %w", p.config, err)
	}
	cmd := n.o.Enter(p.argv)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, w, w
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // a terminal's Ctrl-C is not for it, and what it forks can be killed with it
	if err := cmd.Start(); err != nil {
		_ = unix.Close(ends[0])
		return err
	}
	p.cmd, p.out, p.partial = cmd, ends[0], p.partial[:0]
	return nil
}

// drain reads all that the process wrote since and tells whether it has ended.
func (n *Node) drain(p *process, now time.Time) (ended bool) {
	got := false
	mono := n.monotonic(now)
	for {
		k, err := unix.Read(p.out, n.buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if k <= 0 {
			ended = err == nil || !errors.Is(err, unix.EAGAIN)
			break
		}
		got = true
		n.write(p, n.buffer[:k])
		n.split(p, n.buffer[:k], now, mono)
	}
	if got {
		n.history.wake()
	}
	return ended
}

// write puts output into the process's file. The first error is reported, and the file given up: a full disk must not
// stop the clocks.
func (n *Node) write(p *process, b []byte) {
	if p.log.limit <= 0 {
		return
	}
	if err := p.log.write(b); err != nil {
		n.o.Log.Error("log file is given up", "node", n.o.Name, "file", p.log.path, "error", err)
		p.log.limit = 0
		_ = p.log.close()
	}
}

// split takes the lines out of b, beginning with what the last read left over.
func (n *Node) split(p *process, b []byte, now time.Time, mono time.Duration) {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		line := b[:i]
		if len(p.partial) > 0 {
			p.partial = append(p.partial, line...)
			line = p.partial
		}
		n.line(p, line, now, mono)
		p.partial = p.partial[:0]
		b = b[i+1:]
	}
	p.partial = append(p.partial, b...)
	if len(p.partial) > maxPartial {
		n.line(p, p.partial, now, mono)
		p.partial = p.partial[:0]
	}
}

// line takes one line. What it tells happened when ptp4l wrote it, by its own time stamp, and not when it is read.
func (n *Node) line(p *process, line []byte, now time.Time, mono time.Duration) {
	e := &n.event
	understood := linuxptp.Parse(line, e)
	if understood && p.filter.summarized(e) {
		if n.summarize(p, e, now) {
			n.history.add(now, p.config, line)
		}
	} else if p.filter.passes(line) {
		n.history.add(now, p.config, line)
	}
	if !understood {
		return
	}
	at := now
	if lag := mono - e.Time; lag > 0 && lag < maxLag {
		at = now.Add(-lag)
	}
	if p.clock.handle(&p.program, e, at) {
		n.dirty = true
	}
	switch {
	case e.Kind == linuxptp.KindPortState && e.Port == 0, e.Kind == linuxptp.KindBestMaster, e.Kind == linuxptp.KindLocalMaster:
		n.watchParent(p)
	}
}

// reap ends the account of a process whose output has ended. One that closed its output but lives cannot be
// supervised, and is killed.
func (n *Node) reap(p *process, now time.Time) {
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
	_ = p.cmd.Wait()
	n.ended(p, now)
	p.due = now.Add(restartDelay)
	n.say(now, p.config, "ended: "+p.end)
	n.o.Log.Warn("process ended", "node", n.o.Name, "process", p.config, "how", p.end)
}

// ended closes what belonged to the process's run.
func (n *Node) ended(p *process, now time.Time) {
	if len(p.partial) > 0 {
		n.history.add(now, p.config, p.partial)
		p.partial = p.partial[:0]
	}
	_ = unix.Close(p.out)
	if p.watch != nil {
		p.watch()
		p.watch = nil
	}
	p.state, p.changed, p.end, p.out = Dead, now, p.cmd.ProcessState.String(), -1
	p.clock.died(&p.program, now)
	n.dirty = true
}

// stop ends processes that the node has already given up, the last started first: SIGTERM to all, and SIGKILL to their
// process groups when the time or ctx is over. It returns when none is left.
func (n *Node) stop(ctx context.Context, processes []*process) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	var waiting sync.WaitGroup
	for i := len(processes) - 1; i >= 0; i-- {
		p := processes[i]
		if p.state != Running {
			continue
		}
		_ = p.cmd.Process.Signal(unix.SIGTERM)
		group := -p.cmd.Process.Pid
		kill := context.AfterFunc(ctx, func() { _ = unix.Kill(group, unix.SIGKILL) })
		waiting.Go(func() {
			_ = p.cmd.Wait()
			kill()
			_ = unix.Kill(group, unix.SIGKILL) // what it forked
		})
	}
	waiting.Wait()
	n.mu.Lock()
	now := time.Now()
	for _, p := range processes {
		if p.state == Running {
			n.drain(p, now)
			n.ended(p, now)
		}
		_ = p.log.close()
	}
	n.mu.Unlock()
	for _, p := range processes {
		p.watched.Wait()
	}
}

// clean removes the files of a program that is not to run any more; its log stays.
func (n *Node) clean(p *process) error {
	var errs []error
	names := []string{p.config}
	if p.kind == linuxptp.Ptp4l {
		names = append(names, filepath.Base(p.socket), p.config[:len(p.config)-len("config")]+"ro")
	}
	for _, name := range names {
		if err := os.Remove(filepath.Join(n.o.RunDir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// monotonic is CLOCK_MONOTONIC at an instant of this process. Where time is virtual, each look at a clock is a system
// call that costs as much as a read, so this does without.
func (n *Node) monotonic(now time.Time) time.Duration { return n.mono + now.Sub(n.born) }

// monotonic is CLOCK_MONOTONIC, the clock of the stamps in linuxptp's lines.
func monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
