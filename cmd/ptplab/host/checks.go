package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/image"
)

// What labs and builds need.
const (
	labMemory    = 300 << 20 // bytes, of a lab of the size of dnbc
	buildMemory  = 1 << 30   // bytes, of compilers
	labSpace     = 1 << 30   // bytes, of a lab's memory as a file
	buildSpace   = 7 << 29   // bytes, of a kernel's sources and objects and a root file system
	cachedSpace  = 100 << 20 // bytes, where the images are there already
	workers      = 3         // of a lab with a cluster
	buildCPUs    = 2
	maxHomeBytes = 4000 // PATH_MAX less room for file names; sockets are reached without their path
)

// Checks makes all checks, in the order in which to mend what they find.
func (h Host) Checks(ctx context.Context) []Check {
	cached, err := h.Cached(ctx)
	images := h.images(cached, err)
	complete := images.State == OK
	return []Check{
		images,
		h.tools(cached),
		h.cpus(),
		h.memory(complete),
		h.labMemoryFile(),
		h.tracing(),
		h.cache(complete),
		h.home(),
		h.clusters(),
	}
}

// Failed says whether any check did.
func Failed(checks []Check) bool {
	for _, c := range checks {
		if c.State == Fail {
			return true
		}
	}
	return false
}

func (h Host) images(cached map[image.Kind]bool, err error) Check {
	c := Check{Name: "images", State: OK, Seen: "kernel and root file system are in the cache", Want: "both in the cache"}
	if err != nil {
		c.State, c.Seen, c.Fix = Fail, err.Error(), "look at the cache with: ptplab image list"
		return c
	}
	var lacks []string
	for _, kind := range []image.Kind{image.KindKernel, image.KindRootFS} {
		if !cached[kind] {
			lacks = append(lacks, string(kind))
		}
	}
	if len(lacks) > 0 {
		c.State, c.Seen = Warn, "not in the cache: "+strings.Join(lacks, ", ")
		c.Fix = "the first up builds them, in some minutes; or now: ptplab image build"
	}
	return c
}

// tools are only needed for what is not cached.
func (h Host) tools(cached map[image.Kind]bool) Check {
	c := Check{Name: "build tools", State: OK, Seen: "nothing is missing", Want: "what the builds need"}
	var needed []image.Kind
	for _, kind := range []image.Kind{image.KindKernel, image.KindRootFS} {
		if !cached[kind] {
			needed = append(needed, kind)
		}
	}
	missing := h.Missing(needed...)
	state := Fail
	if len(needed) == 0 {
		missing, state = h.Missing(image.KindKernel, image.KindRootFS), Warn
	}
	if len(missing) == 0 {
		return c
	}
	var names []string
	for _, t := range missing {
		names = append(names, t.Name)
	}
	c.State, c.Seen, c.Fix = state, "missing: "+strings.Join(names, ", "), image.InstallLine(missing)
	return c
}

func (h Host) cpus() Check {
	c := Check{Name: "CPUs", State: OK, Seen: fmt.Sprintf("%d", h.CPUs), Want: fmt.Sprintf("%d or more; a lab runs on one", buildCPUs)}
	if h.CPUs < buildCPUs {
		c.State, c.Fix = Warn, "a lab shares its CPU with ptplab; more CPUs make it faster"
	}
	return c
}

func (h Host) memory(cached bool) Check {
	need := uint64(labMemory)
	if !cached {
		need = buildMemory
	}
	c := Check{Name: "memory", State: OK, Want: size(need) + " available"}
	available, err := h.memAvailable()
	switch {
	case err != nil:
		c.State, c.Seen, c.Fix = Warn, err.Error(), "mount /proc"
	case available < labMemory:
		c.State, c.Fix = Fail, "end other programs, or use a larger machine"
	case available < need:
		c.State, c.Fix = Warn, "build with fewer compilers: ptplab image build --jobs 1"
	}
	if err == nil {
		c.Seen = size(available) + " available"
	}
	return c
}

func (h Host) memAvailable() (uint64, error) {
	text, err := fs.ReadFile(h.FS, "proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read the available memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kb, err := strconv.ParseUint(strings.Fields(rest + " ?")[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo has no MemAvailable")
}

// labMemoryFile is about the file in which the lab kernel, as any User Mode Linux, keeps its memory: in $TMPDIR, $TMP or
// $TEMP, else in /dev/shm where that is a tmpfs, else in /tmp. Pages of it are mapped to be executed.
func (h Host) labMemoryFile() Check {
	dir := h.memoryDir()
	c := Check{Name: "lab memory file", State: OK, Want: size(labSpace) + " free where programs may run"}
	s, err := h.Space(dir)
	if err != nil {
		c.State, c.Seen, c.Fix = Fail, err.Error(), "set TMPDIR to a directory that exists"
		return c
	}
	c.Seen = fmt.Sprintf("%s has %s free", dir, size(s.FreeBytes))
	other := "set TMPDIR to a directory with more room"
	switch {
	case s.NoExec:
		c.State, c.Seen = Fail, dir+" is mounted noexec"
		c.Fix = "sudo mount -o remount,exec " + dir + ", or set TMPDIR to another directory"
	case s.FreeBytes < labMemory:
		c.State, c.Fix = Fail, other
	case s.FreeBytes < labSpace:
		c.State, c.Fix = Warn, "enough for small labs; for large ones "+other
	case !s.Memory:
		c.State, c.Fix = Warn, dir+" is on a disk, which is slow; unset TMPDIR, or set it to a tmpfs"
	}
	return c
}

func (h Host) memoryDir() string {
	return sim.MemoryDir(h.Getenv, func(dir string) bool {
		s, err := h.Space(dir)
		return err == nil && s.Memory
	})
}

// tracing is how the lab kernel catches system calls of its processes: by seccomp, else by ptrace.
func (h Host) tracing() Check {
	c := Check{Name: "system calls", State: OK, Seen: "seccomp", Want: "seccomp, or ptrace of own children"}
	if actions, err := fs.ReadFile(h.FS, "proc/sys/kernel/seccomp/actions_avail"); err == nil && strings.Contains(" "+string(actions)+" ", " trap ") {
		return c
	}
	scope := "0"
	if text, err := fs.ReadFile(h.FS, "proc/sys/kernel/yama/ptrace_scope"); err == nil {
		scope = strings.TrimSpace(string(text))
	}
	c.State, c.Seen, c.Fix = Warn, "no seccomp; ptrace works", "labs run at two thirds of their speed; a kernel with CONFIG_SECCOMP_FILTER is faster"
	if scope != "0" && scope != "1" {
		c.State, c.Seen = Fail, "no seccomp, and ptrace_scope is "+scope
		c.Fix = "sudo sysctl kernel.yama.ptrace_scope=1"
	}
	return c
}

func (h Host) cache(complete bool) Check {
	need, why := uint64(buildSpace), "to build the images"
	if complete {
		need, why = cachedSpace, "since the images are there"
	}
	c := Check{Name: "cache", State: OK, Want: size(need) + " free " + why}
	if err := h.Writable(h.CacheDir); err != nil {
		c.State, c.Seen, c.Fix = Fail, err.Error(), "set PTPLAB_CACHE to a directory of yours"
		return c
	}
	s, err := h.Space(lab.Existing(h.CacheDir))
	if err != nil {
		c.State, c.Seen, c.Fix = Fail, err.Error(), "set PTPLAB_CACHE to a directory of yours"
		return c
	}
	c.Seen = fmt.Sprintf("%s has %s free", h.CacheDir, size(s.FreeBytes))
	if s.FreeBytes < need {
		c.State, c.Fix = Fail, "make room, with ptplab image prune, or set PTPLAB_CACHE to a larger disk"
		if complete {
			c.State = Warn
		}
	}
	return c
}

func (h Host) home() Check {
	c := Check{Name: "state of labs", State: OK, Seen: h.HomeDir + " can be written to", Want: "a directory of yours"}
	fix := "set PTPLAB_HOME to a directory of yours"
	if err := h.Writable(h.HomeDir); err != nil {
		c.State, c.Seen, c.Fix = Fail, err.Error(), fix
	}
	if len(h.HomeDir) > maxHomeBytes {
		c.State, c.Seen, c.Fix = Fail, fmt.Sprintf("its path has %d bytes", len(h.HomeDir)), fix
	}
	return c
}

// clusters is about labs whose workers are nodes of a cluster. A machine that has no room for them is good for others.
func (h Host) clusters() Check {
	memory, disk := lab.ClusterRoom(workers)
	c := Check{Name: "labs with a cluster", State: OK, Want: fmt.Sprintf("%s for their memory and %s for their disk, for --nodes kind", size(memory), size(disk))}
	var seen []string
	for _, place := range []struct {
		what, dir string
		need      uint64
		fix       string
	}{
		{"memory", h.memoryDir(), memory, "set TMPDIR to a larger tmpfs"},
		{"disk", lab.Existing(h.HomeDir), disk, "set PTPLAB_HOME to a directory on a larger disk"},
	} {
		s, err := h.Space(place.dir)
		if err != nil {
			c.State, c.Seen, c.Fix = Warn, err.Error(), place.fix
			return c
		}
		if s.FreeBytes < place.need {
			c.State, c.Fix = Warn, "plain nodes do not need it; "+place.fix
		}
		seen = append(seen, fmt.Sprintf("%s free for %s in %s", size(s.FreeBytes), place.what, place.dir))
	}
	c.Seen = strings.Join(seen, ", ")
	return c
}

// size is a number of bytes for people.
func size(bytes uint64) string {
	if bytes >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
