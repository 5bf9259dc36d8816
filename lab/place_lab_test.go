//go:build lab

package lab_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/ptplab/ptplab/lab/image"
)

// TestDiskFull puts the home of labs on file systems that are too small for one.
func TestDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	b := newBench(t)
	if err := os.Mkdir(b.home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(b.home) })
	failed := 0
	for _, options := range []string{"nr_inodes=2", "nr_inodes=3", "nr_inodes=4", "nr_inodes=5", "nr_inodes=6", "nr_inodes=8", "size=4k", "size=8k", "size=12k"} {
		if err := syscall.Mount("small", b.home, "tmpfs", 0, options+",mode=0700"); err != nil {
			t.Fatal(err)
		}
		r := b.ptplab("up", topologyFile("oc"))
		if r.code != 0 {
			failed++
			if r.code != 1 || !strings.Contains(r.stderr, "no space left on device") || !strings.Contains(r.stderr, b.home) {
				t.Errorf("a home with %s: %s", options, r)
			}
			if left, err := os.ReadDir(b.home); err != nil || len(left) > 0 {
				t.Errorf("a home with %s: up left %v, %v", options, left, err)
			}
		} else {
			b.must("status")
			b.must("down")
		}
		if pids := b.inHome(); len(pids) > 0 {
			t.Errorf("a home with %s: up left processes %v", options, pids)
		}
		if err := syscall.Unmount(b.home, 0); err != nil {
			t.Fatal(err)
		}
	}
	if failed < 4 {
		t.Errorf("%d of the homes were too small, want more of them", failed)
	}
	os.Remove(b.home)
}

// nobody is a user with no rights at all.
const nobody = 65534

// TestRootless makes a lab as an ordinary user: no capability, and nothing in its home that another made.
func TestRootless(t *testing.T) {
	if os.Getuid() != 0 {
		b := newBench(t) // which makes every test one of this
		b.up(topologyFile("bc"))
		return
	}
	b := newBench(t)
	dir := filepath.Dir(b.home)
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // of all of this test's folders
		t.Fatal(err)
	}
	b.home = filepath.Join(dir, "theirs", "home")
	mine := func(args ...string) result {
		t.Helper()
		cmd := b.command(args...)
		cmd.Path = filepath.Join(dir, "ptplab")
		cmd.Env = append(cmd.Env, "PTPLAB_CACHE="+filepath.Join(dir, "cache"), "HOME="+filepath.Dir(b.home), "TMPDIR="+filepath.Dir(b.home))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return b.finish(cmd)
	}
	b.imagesFor(dir)
	if err := os.Mkdir(filepath.Dir(b.home), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Dir(b.home), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bc.yaml")
	if err := os.WriteFile(file, []byte(readFile(t, topologyFile("bc"))), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := mine("up", file); r.code != 0 {
		t.Fatal(r)
	}
	kernels := b.kernels()
	if len(kernels) != 1 {
		t.Fatalf("kernels %v, want one", kernels)
	}
	for _, pid := range b.inHome() {
		status := readFile(t, fmt.Sprintf("/proc/%d/status", pid))
		for _, want := range []string{`Uid:\t65534\t65534\t65534\t65534`, `CapEff:\t0{16}`, `CapPrm:\t0{16}`, `CapAmb:\t0{16}`} {
			if !regexp.MustCompile(want).MatchString(status) {
				t.Errorf("process %d of the lab: want %s:\n%s", pid, want, status)
			}
		}
	}
	if r := mine("status"); r.code != 0 || strings.Count(r.stdout, "LOCKED") != 2 {
		t.Errorf("%s", r)
	}
	if r := mine("exec", "w1", "--", "id", "-u"); r.stdout != "0\n" {
		t.Errorf("inside it is root: %s", r)
	}
	if r := mine("down"); r.code != 0 {
		t.Errorf("%s", r)
	}
	left, err := os.ReadDir(filepath.Dir(b.home))
	if err != nil || len(left) > 0 {
		t.Errorf("down left %v, %v", left, err)
	}
}

// imagesFor copies ptplab and the images of this user's cache to where they are another user's own.
func (b *bench) imagesFor(dir string) {
	b.Helper()
	path, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	cache := b.environ()
	from := ""
	for _, v := range cache {
		if value, ok := strings.CutPrefix(v, "PTPLAB_CACHE="); ok {
			from = value
		}
	}
	kernel, err1 := image.Kernel(image.Options{CacheDir: from})
	rootfs, err2 := image.RootFS(image.Options{CacheDir: from})
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	copyOf := func(from, to string) {
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			b.Fatal(err)
		}
		if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
			b.Fatalf("copy %s: %v: %s", from, err, out)
		}
	}
	copyOf(path, filepath.Join(dir, "ptplab"))
	for _, i := range []image.Image{kernel, rootfs} {
		payload, ok := i.Path(context.Background())
		if !ok {
			b.Fatalf("there is no %s image; make one with: ptplab image build", i.Kind())
		}
		entry := filepath.Dir(payload)
		copyOf(entry, filepath.Join(dir, "cache", string(i.Kind()), filepath.Base(entry)))
	}
	if out, err := exec.Command("chown", "-hR", fmt.Sprint(nobody), filepath.Join(dir, "cache")).CombinedOutput(); err != nil {
		b.Fatalf("give away the images: %v: %s", err, out)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSelftest checks every knob of the lab kernel's NICs and clocks.
// TestSelftest runs where no clocks do: the checks let hours of virtual time pass.
func TestSelftest(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "bare.yaml")
	const bare = `apiVersion: ptplab/v1alpha1
kind: Topology
name: bare
workers:
  w1: {nics: {ens1: {ports: 2}}}
cables:
  - {between: [w1/ens1f0, w1/ens1f1]}
`
	if err := os.WriteFile(file, []byte(bare), 0o600); err != nil {
		t.Fatal(err)
	}
	b.up(file)
	out := b.must("selftest") // exits with 1 when a check fails
	if passed := strings.Count(out, "ok   "); passed < 40 {
		t.Errorf("only %d checks passed:\n%s", passed, out)
	}
}

// guestPackages have tests that need the lab kernel and its root file system: build tag guest.
var guestPackages = []string{"netns", "nsim", "phc", "ovs", "node", "../conformance/l2", "../conformance/ptpconfig"}

// TestGuestPackages runs those tests in a lab.
func TestGuestPackages(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	for _, p := range guestPackages {
		build := exec.Command("go", "test", "-c", "-tags", "guest", "-o", filepath.Join(dir, filepath.Base(p)+".test"), "./"+p)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("compile the tests of %s: %v\n%s", p, err, out)
		}
		folder := filepath.Join(dir, filepath.Base(p)) // where they run, with what they read
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if data := filepath.Join(p, "testdata"); isFolder(data) {
			if err := os.CopyFS(filepath.Join(folder, "testdata"), os.DirFS(data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.up(topologyFile("oc"), "--time", "real")
	b.must("exec", "w1", "--", "mount", "-t", "hostfs", "-o", "hostfs="+dir, "none", "/mnt")
	b.must("exec", "w1", "--", "mount", "-t", "debugfs", "none", "/sys/kernel/debug")
	for _, p := range guestPackages {
		name := filepath.Base(p)
		t.Run(name, func(t *testing.T) {
			tests := strings.Join(guestTests(t, p), "|")
			r := b.ptplab("exec", "w1", "--", "sh", "-c", "cd /mnt/"+name+" && exec /mnt/"+name+".test -test.v -test.timeout 90s -test.run '^("+tests+")$'")
			if r.code != 0 {
				t.Fatal(r)
			}
			ran, skipped := strings.Count(r.stdout, "\n--- PASS: "), strings.Count(r.stdout, "\n--- SKIP: ")
			if ran == 0 || skipped > 0 {
				t.Errorf("%d tests passed and %d were skipped in the kernel that is made for them:\n%s", ran, skipped, r.stdout)
			}
			t.Logf("%d tests passed after %s", ran, r.took)
		})
	}
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

var testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// guestTests are the tests of a package that ask for the guest. The others run everywhere.
func guestTests(t *testing.T, pkg string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range files {
		text := readFile(t, path)
		if !strings.HasPrefix(text, "//go:build guest\n") {
			continue
		}
		for _, m := range testFunc.FindAllStringSubmatch(text, -1) {
			if m[1] != "TestMain" {
				names = append(names, m[1])
			}
		}
	}
	if len(names) == 0 {
		t.Fatalf("package %s has no test for the guest", pkg)
	}
	return names
}
