package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ptplab/ptplab/lab/image"
)

// The first lines of /proc/meminfo of a machine with 24 GB.
const meminfo = "MemTotal:       24683916 kB\nMemFree:        22071424 kB\nMemAvailable:   24056520 kB\nBuffers:          101412 kB\n"

const actions = "kill_process kill_thread trap errno user_notif trace log allow\n"

// good is a machine on which all is well.
func good() Host {
	return Host{
		FS: fstest.MapFS{
			"proc/meminfo":                          {Data: []byte(meminfo)},
			"proc/sys/kernel/seccomp/actions_avail": {Data: []byte(actions)},
		},
		Getenv:   func(string) string { return "" },
		Space:    func(string) (Space, error) { return Space{FreeBytes: 64 << 30, Memory: true}, nil },
		Writable: func(string) error { return nil },
		CPUs:     2, CacheDir: "/cache", HomeDir: "/home/me/.local/state/ptplab",
		Missing: func(...image.Kind) []image.Tool { return nil },
		Cached: func(context.Context) (map[image.Kind]bool, error) {
			return map[image.Kind]bool{image.KindKernel: true, image.KindRootFS: true}, nil
		},
	}
}

func meminfoOf(h *Host, text string) {
	h.FS.(fstest.MapFS)["proc/meminfo"] = &fstest.MapFile{Data: []byte(text)}
}

func spaceIs(h *Host, s Space) {
	h.Space = func(string) (Space, error) { return s, nil }
}

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Host)
		check string // that notices
		state State
		seen  string
		fix   string
	}{
		{"no images", func(h *Host) {
			h.Cached = func(context.Context) (map[image.Kind]bool, error) {
				return map[image.Kind]bool{image.KindKernel: true}, nil
			}
		}, "images", Warn, "not in the cache: rootfs", "image build"},
		{"bad cache", func(h *Host) {
			h.Cached = func(context.Context) (map[image.Kind]bool, error) { return nil, errors.New("no such thing") }
		}, "images", Fail, "no such thing", "image list"},
		{"tools that nothing needs now", func(h *Host) {
			h.Missing = func(...image.Kind) []image.Tool { return []image.Tool{{Name: "bison", Package: "bison"}} }
		}, "build tools", Warn, "missing: bison", "apt-get install"},
		{"tools", func(h *Host) {
			h.Cached = func(context.Context) (map[image.Kind]bool, error) { return nil, nil }
			h.Missing = func(...image.Kind) []image.Tool { return []image.Tool{{Name: "bison", Package: "bison"}} }
		}, "build tools", Fail, "missing: bison", "install -y --no-install-recommends bison"},
		{"one CPU", func(h *Host) { h.CPUs = 1 }, "CPUs", Warn, "1", "more CPUs"},
		{"little memory", func(h *Host) { meminfoOf(h, "MemAvailable:  204800 kB\n") }, "memory", Fail, "200 MiB available", "end other programs"},
		{"little memory for a build", func(h *Host) {
			meminfoOf(h, "MemAvailable:  614400 kB\n")
			h.Cached = func(context.Context) (map[image.Kind]bool, error) { return nil, nil }
		}, "memory", Warn, "600 MiB available", "--jobs 1"},
		{"odd meminfo", func(h *Host) { meminfoOf(h, "MemAvailable:\n") }, "memory", Warn, "invalid syntax", "/proc"},
		{"no meminfo", func(h *Host) { h.FS = fstest.MapFS{} }, "memory", Warn, "meminfo", "/proc"},
		{"noexec", func(h *Host) { spaceIs(h, Space{FreeBytes: 64 << 30, Memory: true, NoExec: true}) },
			"lab memory file", Fail, "/dev/shm is mounted noexec", "remount,exec /dev/shm"},
		{"small shm", func(h *Host) { spaceIs(h, Space{FreeBytes: 64 << 20, Memory: true}) },
			"lab memory file", Fail, "/dev/shm has 64 MiB free", "TMPDIR"},
		{"medium shm", func(h *Host) { spaceIs(h, Space{FreeBytes: 512 << 20, Memory: true}) },
			"lab memory file", Warn, "/dev/shm has 512 MiB free", "small labs"},
		{"TMPDIR on disk", func(h *Host) {
			h.Getenv = func(name string) string { return map[string]string{"TMPDIR": "/var/tmp"}[name] }
			spaceIs(h, Space{FreeBytes: 64 << 30})
		}, "lab memory file", Warn, "/var/tmp has 64.0 GiB free", "slow"},
		{"shm too small for a cluster", func(h *Host) { spaceIs(h, Space{FreeBytes: 2 << 30, Memory: true}) },
			"labs with a cluster", Warn, "2.0 GiB free for memory in /dev/shm", "plain nodes do not need it"},
		{"no shm", func(h *Host) { spaceIs(h, Space{FreeBytes: 64 << 30}) }, "lab memory file", Warn, "/tmp has", "slow"},
		{"no seccomp", func(h *Host) { delete(h.FS.(fstest.MapFS), "proc/sys/kernel/seccomp/actions_avail") },
			"system calls", Warn, "ptrace works", "two thirds"},
		{"neither", func(h *Host) {
			files := h.FS.(fstest.MapFS)
			delete(files, "proc/sys/kernel/seccomp/actions_avail")
			files["proc/sys/kernel/yama/ptrace_scope"] = &fstest.MapFile{Data: []byte("3\n")}
		}, "system calls", Fail, "ptrace_scope is 3", "sysctl"},
		{"read-only cache", func(h *Host) {
			h.Writable = func(dir string) error { return map[string]error{"/cache": os.ErrPermission}[dir] }
		}, "cache", Fail, "permission denied", "PTPLAB_CACHE"},
		{"read-only home", func(h *Host) {
			h.Writable = func(dir string) error { return map[string]error{h.HomeDir: os.ErrPermission}[dir] }
		}, "state of labs", Fail, "permission denied", "PTPLAB_HOME"},
		{"long home", func(h *Host) { h.HomeDir = "/" + strings.Repeat("x", 5000) }, "state of labs", Fail, "5001 bytes", "PTPLAB_HOME"},
	} {
		h := good()
		c.spoil(&h)
		found := false
		for _, got := range h.Checks(t.Context()) {
			if got.Name != c.check {
				continue
			}
			found = true
			if got.State != c.state || !strings.Contains(got.Seen, c.seen) || !strings.Contains(got.Fix, c.fix) || got.Want == "" {
				t.Errorf("%s: got %+v, want %s, %q, %q", c.name, got, c.state, c.seen, c.fix)
			}
		}
		if !found {
			t.Errorf("%s: there is no check %q", c.name, c.check)
		}
		if Failed(h.Checks(t.Context())) != (c.state == Fail) {
			t.Errorf("%s: Failed is %v", c.name, c.state != Fail)
		}
	}
	for _, c := range good().Checks(t.Context()) {
		if c.State != OK || c.Fix != "" || c.Seen == "" {
			t.Errorf("on a good machine: %+v", c)
		}
	}
}

func TestThisMachine(t *testing.T) {
	h := This(filepath.Join(t.TempDir(), "not", "there"), t.TempDir())
	if err := h.Writable(h.CacheDir); err != nil {
		t.Errorf("a directory that can be made: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(h.CacheDir)); err == nil {
		t.Error("looking made a directory")
	}
	if s, err := h.Space(t.TempDir()); err != nil || s.FreeBytes == 0 {
		t.Errorf("space %+v, %v", s, err)
	}
	if _, err := h.Space("/nowhere/at/all"); err == nil {
		t.Error("space of nowhere")
	}
	if _, err := h.memAvailable(); err != nil {
		t.Error(err)
	}
}
