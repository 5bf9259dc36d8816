package ovs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/process"
)

// The two daemons of a switch, by program name.
const (
	ovsdbServer = "ovsdb-server"
	vswitchd    = "ovs-vswitchd"
)

// Daemon is one running process of a switch.
type Daemon struct {
	Program string `json:"program"` // "ovsdb-server" or "ovs-vswitchd"
	PID     int    `json:"pid"`
}

// Daemons finds the running daemons of this switch, whoever started them, by the control socket on their command
// lines.
func (s *Switch) Daemons() ([]Daemon, error) {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, fmt.Errorf("find daemons of %s: %w", s.cfg.RunDir, err)
	}
	var found []Daemon
	for _, file := range lines {
		text, err := os.ReadFile(file) // empty of a process that has ended, an error of one that is gone
		if err != nil || len(text) == 0 {
			continue
		}
		argv := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		for _, program := range []string{ovsdbServer, vswitchd} {
			if filepath.Base(argv[0]) == program && slices.Contains(argv, s.controlOption(program)) {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				found = append(found, Daemon{Program: program, PID: pid})
			}
		}
	}
	return found, nil
}

// pid returns the process id of one daemon of this switch, 0 if it does not run.
func (s *Switch) pid(program string) (int, error) {
	daemons, err := s.Daemons()
	for _, d := range daemons {
		if d.Program == program {
			return d.PID, nil
		}
	}
	return 0, err
}

func (s *Switch) controlOption(program string) string { return "--unixctl=" + s.path(program+".ctl") }

func (s *Switch) logFile(program string) string { return s.path(program + ".log") }

// launch starts a daemon with its output in a log file of the run directory, and reaps it when it ends.
func (s *Switch) launch(program string, args ...string) (pid int, err error) {
	argv := append([]string{program}, args...)
	argv = append(argv, s.controlOption(program), "-vconsole:info", "-vsyslog:off", "-vfile:off")
	output, err := os.OpenFile(s.logFile(program), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", program, err)
	}
	defer output.Close()
	cmd := s.cfg.Command(argv)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	for _, name := range []string{"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"} {
		cmd.Env = append(cmd.Env, name+"="+s.cfg.RunDir)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, output, output
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // a terminal's Ctrl-C is not for the daemons
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", program, err)
	}
	s.log.Debug("daemon started", "program", program, "pid", cmd.Process.Pid)
	s.exit.expect(cmd.Process.Pid)
	go s.reap(program, cmd)
	return cmd.Process.Pid, nil
}

func (s *Switch) reap(program string, cmd *exec.Cmd) {
	err := cmd.Wait()
	if err == nil {
		err = errors.New("exit status 0")
	}
	s.exit.ended(cmd.Process.Pid, s.deathError(program, err))
}

// deathError says that a daemon is gone, with the last lines of its log.
func (s *Switch) deathError(program string, cause error) error {
	err := fmt.Errorf("%s of %s ended", program, s.cfg.RunDir)
	if cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	if lines := process.Tail(s.logFile(program), 10); len(lines) > 0 {
		return fmt.Errorf("%w; its last lines:\n  %s", err, strings.Join(lines, "\n  "))
	}
	return err
}

// watch returns a context that ends, with a cause that quotes the log, when one of the daemons does.
func (s *Switch) watch(ctx context.Context, programs ...string) (context.Context, context.CancelFunc, error) {
	cancelAll := context.CancelFunc(func() {})
	for _, program := range programs {
		pid, err := s.pid(program)
		if err == nil && pid == 0 {
			err = s.deathError(program, s.exit.get())
		}
		if err != nil {
			cancelAll()
			return nil, nil, err
		}
		watched, cancel, err := s.watchProcess(ctx, program, pid)
		if err != nil {
			cancelAll()
			return nil, nil, err
		}
		outer := cancelAll
		ctx, cancelAll = watched, func() { cancel(); outer() }
	}
	return ctx, cancelAll, nil
}

// watchProcess is watch for one daemon whose process is known.
func (s *Switch) watchProcess(ctx context.Context, program string, pid int) (context.Context, context.CancelFunc, error) {
	p, err := process.Open(pid)
	if errors.Is(err, process.ErrGone) {
		return nil, nil, s.deathError(program, nil)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("watch %s: %w", program, err)
	}
	watched, cancel := context.WithCancelCause(ctx)
	go func() {
		defer p.Close()
		if err := p.Wait(watched); watched.Err() == nil {
			cancel(s.deathError(program, err))
		}
	}()
	return watched, func() { cancel(context.Canceled) }, nil
}

// stop ends a daemon: SIGTERM, and SIGKILL if it is still there after grace.
func (s *Switch) stop(ctx context.Context, program string, grace time.Duration) error {
	daemons, err := s.Daemons()
	if err != nil {
		return err
	}
	for _, d := range daemons {
		if d.Program != program {
			continue
		}
		s.exit.forget(d.PID)
		if err := stopProcess(ctx, d.PID, grace); err != nil {
			return fmt.Errorf("stop %s (process %d): %w", program, d.PID, err)
		}
	}
	return nil
}

func stopProcess(ctx context.Context, pid int, grace time.Duration) error {
	p, err := process.Open(pid)
	if errors.Is(err, process.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	for _, signal := range []syscall.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := p.Signal(signal); err != nil {
			return err
		}
		err := waitFor(ctx, p, grace)
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return errors.New("still there after SIGKILL")
}

func waitFor(ctx context.Context, p *process.Process, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	return p.Wait(ctx)
}

// exits remembers the first child that ended unasked.
type exits struct {
	mu       sync.Mutex
	children map[int]bool
	done     chan struct{}
	err      error
}

func newExits() exits { return exits{children: map[int]bool{}, done: make(chan struct{})} }

// expect adds a child, and forgets the death that it makes up for.
func (e *exits) expect(pid int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		e.err, e.done = nil, make(chan struct{})
	}
	e.children[pid] = true
}

func (e *exits) forget(pid int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.children, pid)
}

func (e *exits) ended(pid int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.children[pid] {
		return // was asked to
	}
	delete(e.children, pid)
	if e.err == nil {
		e.err = err
		close(e.done)
	}
}

func (e *exits) channel() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.done
}

func (e *exits) get() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// removeFiles deletes what the daemons leave in the run directory, and the directory. A file that is none of theirs
// is kept and makes this an error.
func (s *Switch) removeFiles() error {
	for _, pattern := range []string{"conf.db*", ".conf.db*", "*.ctl", "*.sock", "*.mgmt", "*.snoop", "*.log"} {
		files, err := filepath.Glob(s.path(pattern))
		if err != nil {
			return fmt.Errorf("delete %s: %w", s.path(pattern), err)
		}
		for _, file := range files {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("delete: %w", err)
			}
		}
	}
	if err := os.Remove(s.cfg.RunDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete run directory: %w", err)
	}
	return nil
}
