package image

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab/run"
)

// Two builds of one image at once: one builds, the other waits, says for whom, and takes the result.
func TestTwoBuildsAtOnce(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	f.write("hang", "")
	image := f.kernel(kernelFiles())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := make(chan error, 1)
	go func() {
		_, err := image.Build(ctx, nil)
		first <- err
	}()
	waitFor(t, filepath.Join(f.dir, "hanging"))
	if err := os.Remove(filepath.Join(f.dir, "hang")); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan struct{})
	var once sync.Once
	var news events
	second := make(chan error, 1)
	go func() {
		_, err := image.Build(t.Context(), func(e Event) {
			news.add(e)
			if e.Step == "wait" {
				once.Do(func() { close(waiting) })
			}
		})
		second <- err
	}()
	<-waiting
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("first build: %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("second build: %v", err)
	}
	wait, _ := news.find("wait")
	if !strings.Contains(wait.Note, "pid ") || !strings.Contains(wait.Note, "since ") {
		t.Errorf("waiting build says %q, want who it waits for", wait.Note)
	}
}

func waitFor(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Fatalf("%s did not appear", path)
}

func TestWaitEndsWithContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	held, err := tryLock(path)
	if err != nil || held == nil {
		t.Fatal(err)
	}
	defer held.release()
	ctx, cancel := context.WithCancel(t.Context())
	told := func(Event) { cancel() }
	if _, err := lock(ctx, path, newReporter(told, KindKernel)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// A lock file that prune removed between open and lock must not count.
func TestLockOnRemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	held, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if stillAt(held.file, path) {
		t.Error("a removed lock file counts as there")
	}
	fresh, err := tryLock(path)
	if err != nil || fresh == nil {
		t.Fatalf("lock at the path of a removed file: %v, %v", fresh, err)
	}
	held.release()
	fresh.release()
}

func TestListAndPrune(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	old := f.kernel(kernelFiles())
	if _, err := old.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	files := kernelFiles()
	files["src/drivers/new.c"].Data = []byte("newer\n")
	current := f.kernel(files)
	currentPath, err := current.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(f.cache, "rootfs", "0123456789ab.tmp")
	writeFile(t, filepath.Join(dead, "root", "etc", "x"), "left by a killed build")
	if err := os.Chmod(filepath.Join(dead, "root", "etc"), 0o500); err != nil {
		t.Fatal(err)
	}
	list, err := List(f.cache)
	if err != nil {
		t.Fatal(err)
	}
	states := map[Kind][]State{}
	for _, e := range list {
		states[e.Kind] = append(states[e.Kind], e.State)
		if e.Size <= 0 {
			t.Errorf("%s has size %d", e.Name, e.Size)
		}
	}
	if len(states[KindKernel]) != 2 || len(states[KindSource]) != 1 || len(states[KindBuild]) != 1 || len(states[KindRootFS]) != 1 || states[KindRootFS][0] != StateBroken {
		t.Errorf("list %+v", states)
	}
	freed, err := Prune(t.Context(), f.cache, Wanted(t.Context(), current))
	if err != nil {
		t.Fatal(err)
	}
	if freed <= 0 {
		t.Errorf("freed %d bytes", freed)
	}
	if got, ok := current.Path(t.Context()); !ok || got != currentPath {
		t.Error("prune removed a wanted image")
	}
	if _, ok := old.Path(t.Context()); ok {
		t.Error("prune left an unwanted image")
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("prune left a dead build")
	}
	list, err = List(f.cache)
	if err != nil || len(list) != 3 {
		t.Errorf("after prune: %d entries, %v; want kernel, source and build", len(list), err)
	}
	if locks, _ := globIn(f.cache, "*/*.lock"); len(locks) > 0 {
		t.Errorf("locks left: %q", locks)
	}
}

func TestPruneLeavesWhatIsUsed(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	image := f.kernel(kernelFiles())
	path, err := image.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	used, err := Use(path)
	if err != nil {
		t.Fatal(err)
	}
	none := func(Entry) bool { return false }
	if _, err := Prune(t.Context(), f.cache, none); err != nil {
		t.Fatal(err)
	}
	if _, ok := image.Path(t.Context()); !ok {
		t.Error("prune removed an image in use")
	}
	used.Close()
	if _, err := Prune(t.Context(), f.cache, none); err != nil {
		t.Fatal(err)
	}
	if _, ok := image.Path(t.Context()); ok {
		t.Error("prune left an image that nobody uses or wants")
	}
	if _, err := Use(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("use of a removed image: %v", err)
	}
}

func TestPruneLeavesABuildAtWork(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	f.write("hang", "")
	image := f.kernel(kernelFiles())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := image.Build(ctx, nil)
		done <- err
	}()
	waitFor(t, filepath.Join(f.dir, "hanging"))
	if _, err := Prune(t.Context(), f.cache, nil); err != nil {
		t.Error(err)
	}
	list, err := List(f.cache)
	if err != nil {
		t.Error(err)
	}
	making := 0
	for _, e := range list {
		if e.State == StateMaking {
			making++
		}
	}
	if making != 1 {
		t.Errorf("%d entries are being made, want 1: %+v", making, list)
	}
	cancel()
	<-done
}

// Killed builds are found as such, pruned, and do not stand in the way of the next one.
func TestKillNine(t *testing.T) {
	for _, stage := range []string{"download", "compile"} {
		t.Run(stage, func(t *testing.T) {
			f := newFakes(t)
			f.offer("trixie-backports", both())
			hang := map[string]string{"download": "suite-trixie-backports/hang", "compile": "hang"}[stage]
			f.write(hang, "")
			child := exec.Command(os.Args[0], "-test.run=^TestBuildUntilKilled$")
			child.Env = append(os.Environ(), "BUILD_UNTIL_KILLED="+f.cache)
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, filepath.Join(f.dir, "hanging"))
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			child.Wait()
			if err := os.Remove(filepath.Join(f.dir, hang)); err != nil {
				t.Fatal(err)
			}
			if left := f.halfMade(); len(left) == 0 {
				t.Fatal("the killed build left nothing, so this test shows nothing")
			}
			waitFree(t, f.cache)
			if _, err := Prune(t.Context(), f.cache, nil); err != nil {
				t.Fatal(err)
			}
			if left := f.halfMade(); len(left) > 0 {
				t.Errorf("after prune: %q", left)
			}
			if _, err := f.kernel(kernelFiles()).Build(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBuildUntilKilled is the process that TestKillNine kills.
func TestBuildUntilKilled(t *testing.T) {
	cache := os.Getenv("BUILD_UNTIL_KILLED")
	if cache == "" {
		t.Skip("run by TestKillNine")
	}
	image, err := Kernel(Options{CacheDir: cache, Files: kernelFiles()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = withFakeHost(image).Build(t.Context(), nil)
	t.Fatalf("build ended: %v", err)
}

// waitFree waits until the programs of a killed build are gone, and with them its locks.
func waitFree(t *testing.T, cache string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		list, err := List(cache)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(list, func(e Entry) bool { return e.InUse }) {
			return
		}
	}
	t.Fatal("locks of the killed build are still held")
}

func TestListOfNoCache(t *testing.T) {
	list, err := List(filepath.Join(t.TempDir(), "none"))
	if err != nil || len(list) != 0 {
		t.Errorf("list %v, %v", list, err)
	}
}

// An entry that somebody emptied is built anew.
func TestDamagedEntry(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	image := f.kernel(kernelFiles())
	path, err := image.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, ok := image.Path(t.Context()); ok {
		t.Fatal("an emptied entry counts as cached")
	}
	if _, err := image.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestMissingToolsAreNamedAtOnce(t *testing.T) {
	f := newFakes(t)
	kernel, rootfs := f.kernel(kernelFiles()), f.rootfs()
	kernel.missing = func(...Kind) []Tool {
		return []Tool{{Name: "flex", Package: "flex"}, {Name: "mmdebstrap", Package: "mmdebstrap"}}
	}
	rootfs.missing = func(...Kind) []Tool { return []Tool{{Name: "mmdebstrap", Package: "mmdebstrap"}} }
	_, err := Ensure(t.Context(), nil, kernel, rootfs)
	var missing *MissingError
	if !errors.As(err, &missing) || len(missing.Tools) != 2 {
		t.Fatalf("error %v, want both tools once", err)
	}
	if want := "lacks flex, mmdebstrap; install with: sudo apt-get install -y --no-install-recommends flex mmdebstrap"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
	if _, err := os.Stat(f.cache); err == nil {
		t.Error("something was made")
	}
}

func TestMissingLooksInPath(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	names := map[string]bool{}
	for _, tool := range Missing(KindKernel) {
		names[tool.Name] = true
	}
	if !names["make"] || !names["mmdebstrap"] {
		t.Errorf("with an empty PATH only %v are missing", names)
	}
	for _, tool := range Missing(KindRootFS) {
		if tool.Name == "make" {
			t.Error("a root file system does not need make")
		}
	}
	if got := Missing(); len(got) != 0 {
		t.Errorf("no kind needs %v", got)
	}
}

func TestNoSpace(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	image := f.kernel(kernelFiles())
	image.need = 1 << 62
	_, err := image.Build(t.Context(), nil)
	var space *SpaceError
	if !errors.As(err, &space) || space.Need != 1<<62 {
		t.Errorf("error %v, want *SpaceError", err)
	}
	if n := f.calls("mmdebstrap"); n != 0 {
		t.Error("something was downloaded before")
	}
}

func TestExplainFull(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		err  error
		full bool
	}{
		{&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, true},
		{&run.Error{Argv: []string{"tar"}, Output: "tar: x: Cannot write: No space left on device", Err: errors.New("exit status 2")}, true},
		{&run.Error{Argv: []string{"tar"}, Output: "tar: x: Not found in archive", Err: errors.New("exit status 2")}, false},
		{errors.New("other"), false},
	} {
		var space *SpaceError
		if got := errors.As(explainFull(dir, c.err), &space); got != c.full {
			t.Errorf("%v: full disk %t, want %t", c.err, got, c.full)
		}
	}
}

func TestCacheDir(t *testing.T) {
	t.Setenv("PTPLAB_CACHE", "/somewhere/else")
	if dir, err := CacheDir(); err != nil || dir != "/somewhere/else" {
		t.Errorf("%q, %v", dir, err)
	}
	t.Setenv("PTPLAB_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "/home/user/.cache")
	if dir, err := CacheDir(); err != nil || dir != "/home/user/.cache/ptplab" {
		t.Errorf("%q, %v", dir, err)
	}
}

func TestInputsKey(t *testing.T) {
	keys := map[string]inputs{}
	for _, in := range []inputs{{}, {"a": "b"}, {"a": "b "}, {"a": "", "b": ""}, {"a 1 b": ""}, {"a": "b\n1 c 1 d"}, {"a": "b", "c": "d"}} {
		key := in.key()
		if other, seen := keys[key]; seen {
			t.Errorf("%v and %v have the same key", in, other)
		}
		keys[key] = in
	}
}
