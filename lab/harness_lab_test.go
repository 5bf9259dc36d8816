//go:build lab

package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab"
)

// commandLimit is how long, in wall time, one command of a test may take on a busy machine.
const commandLimit = 2 * time.Minute

// binary is the ptplab under test: $PTPLAB, or one that is built for this run.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("PTPLAB"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "ptplab-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "ptplab")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "../cmd/ptplab")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build ptplab: %w: %s", err, out)
	}
	return path, nil
})

// bench is a place for labs that nothing else uses: a home and a folder for temporary files.
type bench struct {
	*testing.T
	home, temp string
	limit      time.Duration // of one command
	before     host
}

// newBench takes care that nothing is left at the end of the test, neither by it nor by what it tests.
func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{T: t, home: filepath.Join(dir, "home"), temp: filepath.Join(dir, "tmp"), limit: commandLimit}
	for _, d := range []string{b.temp, filepath.Join(dir, "user")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.before = b.look()
	t.Cleanup(func() {
		if r := b.ptplab("down", "--all"); r.code != 0 {
			t.Errorf("down at the end of the test: %s", r)
		}
		b.nothingLeft("at the end of the test")
	})
	return b
}

// environ is the environment of a command of this bench.
func (b *bench) environ() []string {
	env := append(os.Environ(), "PTPLAB_HOME="+b.home, "TMPDIR="+b.temp)
	if os.Getenv("PTPLAB_CACHE") == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			env = append(env, "PTPLAB_CACHE="+filepath.Join(dir, "ptplab"))
		}
	}
	return append(env, "HOME="+filepath.Join(filepath.Dir(b.home), "user"))
}

// command is ptplab with some arguments.
func (b *bench) command(args ...string) *exec.Cmd {
	b.Helper()
	path, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.limit)
	b.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = b.environ()
	return cmd
}

// result is how a command ended.
type result struct {
	args           []string
	code           int
	stdout, stderr string
	took           time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("ptplab %s: exit status %d after %s\n%s%s", strings.Join(r.args, " "), r.code, r.took.Round(time.Millisecond), r.stdout, r.stderr)
}

// finish runs a command to its end.
func (b *bench) finish(cmd *exec.Cmd) result {
	b.Helper()
	return b.interrupted(cmd, 0)
}

// interrupted runs a command to its end and presses Ctrl-C after some time; 0 means never.
func (b *bench) interrupted(cmd *exec.Cmd, after time.Duration) result {
	b.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatalf("run %s: %v", cmd.Args, err)
	}
	if after > 0 {
		alarm := time.AfterFunc(after, func() { cmd.Process.Signal(os.Interrupt) })
		defer alarm.Stop()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.Fatalf("run %s: %v", cmd.Args, err)
	}
	return result{cmd.Args[1:], cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(begun)}
}

func (b *bench) ptplab(args ...string) result {
	b.Helper()
	return b.finish(b.command(args...))
}

// must is a command that has to succeed; it returns what it prints.
func (b *bench) must(args ...string) string {
	b.Helper()
	r := b.ptplab(args...)
	if r.code != 0 {
		b.Fatal(r)
	}
	return r.stdout
}

// topology is the path of one of the topologies that come with ptplab.
func topologyFile(name string) string { return filepath.Join("..", "topologies", name+".yaml") }

// write makes a topology file of a text.
func (b *bench) write(name, text string) string {
	b.Helper()
	path := filepath.Join(filepath.Dir(b.home), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	return path
}

func (b *bench) up(topology string, more ...string) {
	b.Helper()
	b.must(append([]string{"up", topology}, more...)...)
}

// status asks a lab for its state.
func (b *bench) status(args ...string) lab.Status {
	b.Helper()
	var s lab.Status
	if err := json.Unmarshal([]byte(b.must(append([]string{"status", "-o", "json"}, args...)...)), &s); err != nil {
		b.Fatal(err)
	}
	return s
}

// receivers are the ports that should be locked: each with its state.
func receiversOf(s lab.Status) map[string]string {
	all := map[string]string{}
	for _, p := range s.Ports {
		if p.Role == "SLAVE" {
			all[p.Owner+"/"+p.Port] = p.State
		}
	}
	return all
}

// locked fails the test unless as many time receivers as wanted are locked and nothing is at fault.
func (b *bench) locked(want int) {
	b.Helper()
	s := b.status()
	got := receiversOf(s)
	for _, state := range got {
		if state != "LOCKED" && state != "" {
			b.Errorf("time receivers %v, want all locked", got)
		}
	}
	if len(got) != want || len(s.Faults) > 0 {
		b.Errorf("time receivers %v, want %d; faults %q", got, want, s.Faults)
	}
}

// open takes the lab by the library, as a command would.
func (b *bench) open(name string) *lab.Lab {
	b.Helper()
	l, err := lab.Open(lab.Home{Dir: b.home}, name, "test")
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// kernels are the main processes of this bench's lab kernels: those whose command line names its home.
func (b *bench) kernels() []int {
	return findProcesses(func(pid int) bool {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err == nil && bytes.Contains(line, []byte("\x00uml_dir="+b.home+"/"))
	})
}

// inHome are all processes that have anything to do with this bench's labs: their directory, an open file or a word
// of their command line is in the home. It finds the helper processes of a lab kernel too, which have no command line.
func (b *bench) inHome() []int {
	return findProcesses(func(pid int) bool {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if bytes.Contains(line, []byte(b.home+"/")) {
			return true
		}
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, link := range append(links, fmt.Sprintf("/proc/%d/cwd", pid)) {
			if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, b.home+"/") {
				return true
			}
		}
		return false
	})
}

func findProcesses(is func(pid int) bool) []int {
	entries, _ := os.ReadDir("/proc")
	var found []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() && is(pid) {
			found = append(found, pid)
		}
	}
	return found
}

// host is what labs could leave on a machine.
type host struct {
	Mounts, Spaces, Links, Files []string
}

// look sees what there is now. Of folders that others use, it is only what could be ours.
func (b *bench) look() host {
	b.Helper()
	var h host
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		b.Fatal(err)
	}
	h.Mounts = strings.Split(string(text), "\n")
	spaces, _ := filepath.Glob("/run/netns/*")
	h.Spaces = spaces
	links, err := net.Interfaces()
	if err != nil {
		b.Fatal(err)
	}
	for _, l := range links {
		h.Links = append(h.Links, l.Name)
	}
	for _, pattern := range []string{"/dev/shm/*", "/tmp/vm_file*", "/tmp/uml*", "/tmp/.uml*", "/run/ptplab*"} {
		files, _ := filepath.Glob(pattern)
		h.Files = append(h.Files, files...)
	}
	for _, dir := range []string{b.home, b.temp, filepath.Join(filepath.Dir(b.home), "user")} {
		filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && (path != dir || dir == b.home) {
				h.Files = append(h.Files, path)
			}
			return nil
		})
	}
	return h
}

// added is what one list has that another has not.
func added(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(after), func(s string) bool {
		return slices.Contains(before, s)
	})
}

// nothingLeft compares the machine with what it was before the test.
func (b *bench) nothingLeft(when string) {
	b.Helper()
	// A killed process is gone for its parent a moment before it is gone for others.
	pids := b.inHome()
	for deadline := time.Now().Add(5 * time.Second); len(pids) > 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		pids = b.inHome()
	}
	if len(pids) > 0 {
		b.Errorf("%s there are processes %v", when, pids)
	}
	now := b.look()
	for what, list := range map[string][]string{
		"mounts": added(b.before.Mounts, now.Mounts), "network namespaces": added(b.before.Spaces, now.Spaces),
		"links": added(b.before.Links, now.Links), "files": added(b.before.Files, now.Files),
	} {
		if len(list) > 0 {
			b.Errorf("%s there are %s %q", when, what, list)
		}
	}
}

// pidsInside are the processes of a node, inside the lab: pid and command.
func (b *bench) pidsInside(node string) string {
	b.Helper()
	return b.must("exec", node, "--", "sh", "-c", `for p in /proc/[0-9]*; do
		case $(cat $p/comm 2>/dev/null) in ptp4l|phc2sys|ovs*) echo ${p#/proc/} $(cat $p/comm);; esac; done`)
}

func kill(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatalf("kill %d: %v", pid, err)
	}
}
