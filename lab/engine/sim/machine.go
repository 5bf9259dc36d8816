// Package sim runs a lab's kernel as an ordinary process: User Mode Linux, pinned to one CPU, rootless, with
// ptplab's own binary inside it as init and agent.
package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Mode is how time passes in a lab.
type Mode string

// The time modes, arch/um time travel. In Skip and Virtual, time passes only while a call is answered.
const (
	Real    Mode = "real"    // with the host's clock
	Skip    Mode = "skip"    // CPU work takes its time, idle time is skipped
	Virtual Mode = "virtual" // CPU work takes no time, idle time is skipped
)

// ParseMode reads a time mode as a user writes it.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Real, Skip, Virtual:
		return m, nil
	}
	return "", fmt.Errorf("time mode %q: there are real, skip and virtual", s)
}

// Epoch is the date at which a lab starts whose time does not follow the host's.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Machine is one lab's kernel. All that it leaves on the host is in Dir and in its processes, whose
// command lines name Dir.
type Machine struct {
	Dir string // of this lab alone, absolute, mode 0700
}

// Spec says what to boot.
type Spec struct {
	Lab      string // the lab's name, the guest's host name
	Kernel   string // the UML binary
	RootFS   string // the root file system, a directory that is only read
	Binary   string // the ptplab to run as init, absolute
	Mode     Mode
	MemoryMB int  // what the guest may use; the host gives only what it touches
	CPU      int  // to run on
	Network  bool // join the guest to the network of the host; in time mode Real only

	DiskMB int    // size of the guest's disk, of which the host gives only what is written; 0 for none
	Tape   string // a file that a guest with a disk can read from a device; "" for none

	Hold []*os.File // kept open as long as the kernel runs, such as the locks of its images
}

// bootLimit is how long, in wall time, a kernel may take from exec to its agent's first accept. It boots in
// half a second; the rest is for a loaded machine.
const bootLimit = 60 * time.Second

func (m Machine) socket() string  { return filepath.Join(m.Dir, "agent.sock") }
func (m Machine) console() string { return filepath.Join(m.Dir, "console.log") }
func (m Machine) umlDir() string  { return filepath.Join(m.Dir, "uml") }

// Boot starts the kernel and returns when its agent answers. It fails if the kernel runs already.
func (m Machine) Boot(ctx context.Context, s Spec) error {
	running, err := m.Running()
	if err != nil {
		return err
	}
	if running {
		return fmt.Errorf("boot %s: its kernel runs already", s.Lab)
	}
	for _, path := range []string{s.Binary, s.RootFS, s.Tape, m.Dir} {
		if strings.ContainsAny(path, " \t\n\"") { // a kernel's command line is words
			return fmt.Errorf("boot %s: the path %q has a blank or a quote in it, which a kernel's command line cannot hold; move it", s.Lab, path)
		}
	}
	if s.DiskMB > 0 && strings.ContainsAny(s.Tape+m.Dir, ",:") { // which User Mode Linux takes for two files
		return fmt.Errorf("boot %s: the path %q or %q has a comma or a colon in it, which the option for a disk cannot hold; move it", s.Lab, m.Dir, s.Tape)
	}
	cmd, err := m.start(s)
	if err != nil {
		return fmt.Errorf("boot the lab kernel: %w", err)
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	if err := m.awaitAgent(ctx, died); err != nil {
		return fmt.Errorf("boot the lab kernel: %w%s", err, m.lastWords())
	}
	return nil
}

// start runs the UML process with the listening socket of the agent as descriptor 3.
func (m Machine) start(s Spec) (*exec.Cmd, error) {
	if err := os.MkdirAll(m.umlDir(), 0o700); err != nil {
		return nil, err
	}
	console, err := os.OpenFile(m.console(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer console.Close()
	listener, err := listen(m.socket())
	if err != nil {
		return nil, err
	}
	defer listener.Close()

	if s.DiskMB > 0 {
		if err := m.makeDisk(s.DiskMB); err != nil {
			return nil, fmt.Errorf("disk: %w", err)
		}
	}
	cmd := exec.Command(s.Kernel, m.arguments(s)...)
	cmd.Dir = m.Dir
	cmd.Stdout, cmd.Stderr = console, console
	cmd.ExtraFiles = []*os.File{listener}
	if s.Network {
		frames, err := m.startGateway(s.Binary)
		if err != nil {
			return nil, err
		}
		defer frames.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, frames)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, s.Hold...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, startOn(cmd, s.CPU)
}

// memoryVariables are where User Mode Linux looks for the directory of its memory.
func memoryVariables() []string { return []string{"TMPDIR", "TMP", "TEMP"} }

// MemoryDir is where a machine will have the file of its memory: in the directory of a variable, else in /dev/shm where that
// is in memory, else in /tmp.
func MemoryDir(getenv func(name string) string, isMemory func(dir string) bool) string {
	for _, name := range memoryVariables() {
		if dir := getenv(name); dir != "" {
			return dir
		}
	}
	if isMemory("/dev/shm") {
		return "/dev/shm"
	}
	return "/tmp"
}

// environment is what UML needs of ours: where to put its memory, and nothing that the guest could see.
func environment() []string {
	var env []string
	for _, k := range memoryVariables() {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

func (m Machine) arguments(s Spec) []string {
	args := []string{
		"mem=" + strconv.Itoa(s.MemoryMB) + "M",
		"uml_dir=" + m.umlDir() + "/", "umid=lab",
		"seccomp=auto",
		"rootfstype=hostfs", "rootflags=/", "ro",
		"init=" + s.Binary, "hostchan=3",
		"con0=null,fd:1", "con=null", "ssl=null",
		"quiet", "loglevel=4", "panic=-1", "random.trust_cpu=on",
		"PTPLAB_LAB=" + s.Lab, "PTPLAB_ROOT=" + s.RootFS, "PTPLAB_TIME=" + string(s.Mode),
	}
	if s.Network {
		args = append(args, networkArgument(), "PTPLAB_NETWORK=on")
	}
	if s.DiskMB > 0 {
		args = append(args, m.diskArguments(s)...)
	}
	switch s.Mode {
	case Virtual:
		args = append(args, "time-travel=inf-cpu")
	case Skip:
		args = append(args, "time-travel")
	}
	if s.Mode != Real {
		// A tick at fixed instants. Without, the kernel does its timekeeping when somebody happens to wake, and so does the
		// correction by which phc2sys slews the clock of all timers: runs then differ by nanoseconds after some minutes.
		args = append(args, "nohz=off")
		args = append(args, "time-travel-start="+strconv.FormatInt(Epoch.UnixNano(), 10))
	}
	return args
}

// listen makes the socket by its own descriptor: a path of more than 107 bytes does not fit an address.
func listen(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), path)
	short, closeDir, err := shortPath(path)
	if err == nil {
		defer closeDir()
		err = errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: short}), unix.Listen(fd, 16))
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return f, nil
}

// shortPath names path through a descriptor of its directory.
func shortPath(path string) (string, func() error, error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), dir.Close, nil
}

// startOn starts cmd on one CPU: moving between CPUs makes UML six times slower.
func startOn(cmd *exec.Cmd, cpu int) error {
	var old, one unix.CPUSet
	one.Set(cpu)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return fmt.Errorf("read CPU affinity: %w", err)
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	err := cmd.Start()
	return errors.Join(err, unix.SchedSetaffinity(0, &old))
}

// awaitAgent connects once: the connection is accepted by the guest when its init is ready, and the first
// byte that comes back says so.
func (m Machine) awaitAgent(ctx context.Context, died <-chan error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootLimit, fmt.Errorf("its agent did not answer in %s", bootLimit))
	defer cancel()
	ready := make(chan error, 1)
	conn, err := m.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, err := conn.Read(make([]byte, 1))
		ready <- err
	}()
	select {
	case err := <-ready:
		if err == nil {
			return nil
		}
		select { // how it ended says more than that the stream did
		case err = <-died:
			return fmt.Errorf("it ended at once: %w", exitError(err))
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	case err := <-died:
		return fmt.Errorf("it ended at once: %w", exitError(err))
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// Dial connects to the agent. The kernel answers when it has finished with earlier connections.
func (m Machine) Dial(ctx context.Context) (net.Conn, error) {
	short, closeDir, err := shortPath(m.socket())
	if err != nil {
		return nil, fmt.Errorf("reach the lab kernel: %w", err)
	}
	defer closeDir()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", short)
	if err != nil {
		return nil, fmt.Errorf("reach the lab kernel at %s: %w", m.socket(), err)
	}
	return conn, nil
}
