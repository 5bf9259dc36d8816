package image

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// fakes puts stand-ins for mmdebstrap, make and others first in PATH. They are told what to do by files in dir.
type fakes struct {
	t     *testing.T
	dir   string
	cache string
}

func newFakes(t *testing.T) *fakes {
	t.Helper()
	bin, err := filepath.Abs("testdata/bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "mmdebstrap")); err != nil {
		t.Fatal(err) // else the real one would run
	}
	f := &fakes{t: t, dir: t.TempDir(), cache: filepath.Join(t.TempDir(), "cache")}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("FAKE", f.dir)
	t.Setenv("PTPLAB_MIRROR", "")
	t.Setenv("MAKEFLAGS", "--jobserver-auth=3,4")
	t.Cleanup(func() { removeAll(f.cache) }) // it has folders that t.TempDir cannot remove
	return f
}

// write makes a file in the fakes' folder.
func (f *fakes) write(path, text string) {
	f.t.Helper()
	writeFile(f.t, filepath.Join(f.dir, path), text)
}

// offer lets a suite offer kernel sources.
func (f *fakes) offer(suite string, packages map[string]map[string]string) {
	f.t.Helper()
	var offers strings.Builder
	for pkg, files := range packages {
		offers.WriteString(pkg + " - Linux kernel source\n")
		f.write(filepath.Join("suite-"+suite, pkg+".deb"), string(tarXZ(f.t, files)))
	}
	f.write(filepath.Join("suite-"+suite, "offers"), offers.String())
}

// calls is how often the fakes were called with the given text in their command line.
func (f *fakes) calls(text string) int {
	f.t.Helper()
	log, err := os.ReadFile(filepath.Join(f.dir, "log"))
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// kernel is a kernel image that is built by the fakes.
func (f *fakes) kernel(files fs.FS) Image {
	f.t.Helper()
	image, err := Kernel(Options{CacheDir: f.cache, Files: files, Jobs: 1})
	if err != nil {
		f.t.Fatal(err)
	}
	return withFakeHost(image)
}

// rootfs is a root file system that is built by the fakes, whose mirror does not have the pinned package.
func (f *fakes) rootfs() Image {
	f.t.Helper()
	return f.rootfsWith(pinnedLinuxptp())
}

// rootfsWith is one with another pinned package.
func (f *fakes) rootfsWith(pinned pinnedPackage) Image {
	f.t.Helper()
	options, err := Options{CacheDir: f.cache}.withDefaults()
	if err != nil {
		f.t.Fatal(err)
	}
	return withFakeHost(newRootFS(options, pinned))
}

// withFakeHost is the image on a host that has all tools, and on a disk of any size.
func withFakeHost(image Image) Image {
	image.missing = func(...Kind) []Tool { return nil }
	image.need = 0
	return image
}

// halfMade lists what is in the cache beside whole entries, locks and build folders.
func (f *fakes) halfMade() []string {
	f.t.Helper()
	var left []string
	for _, kind := range []Kind{KindKernel, KindRootFS, KindSource, KindBuild} {
		names, err := globIn(filepath.Join(f.cache, string(kind)), "*")
		if err != nil {
			f.t.Fatal(err)
		}
		for _, name := range names {
			if _, err := readManifest(name); err != nil && !strings.HasSuffix(name, ".lock") {
				left = append(left, name)
			}
		}
	}
	return left
}

// events collects what a build tells.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) add(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

// find returns the first event of a step.
func (e *events) find(step string) (Event, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.list {
		if event.Step == step {
			return event, true
		}
	}
	return Event{}, false
}

// compiled lists the files that were compiled.
func (e *events) compiled() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var files []string
	for _, event := range e.list {
		if event.Step == "compile" && event.Note != "" {
			files = append(files, event.Note)
		}
	}
	return files
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
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

// tarXZ is a source archive as in Debian's packages: all below one folder.
func tarXZ(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for name, text := range files {
		header := &tar.Header{Name: "linux-source/" + name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("xz", "-0")
	cmd.Stdin = &buf
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("xz: %v", err)
	}
	return out
}

// kernelFiles is a small tree of our changes.
func kernelFiles() fstest.MapFS {
	return fstest.MapFS{
		"config/10-base.config":    {Data: []byte("# what everything needs\nCONFIG_DEBUG_FS=y\n")},
		"config/40-ptp.config":     {Data: []byte("CONFIG_PTP=y\nCONFIG_NETDEVSIM=y\n")},
		"src/drivers/new.c":        {Data: []byte("new driver\n")},
		"series/7.3/01-one.patch":  {Data: []byte(onePatch)},
		"series/6.12/01-one.patch": {Data: []byte(onePatch)},
	}
}

// kernelSource is a small kernel.
func kernelSource() map[string]string {
	return map[string]string{"Makefile": "all:\n", "net/core.c": "a\nb\nc\n", "net/other.c": "other\n", "net/gone.c": "gone\n"}
}

const onePatch = `From: us
Subject: change core, drop gone, add fresh

--- a/net/core.c
+++ b/net/core.c
@@ -1,3 +1,3 @@
 a
-b
+patched
 c
--- a/net/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-gone
--- /dev/null
+++ b/net/fresh.c
@@ -0,0 +1 @@
+fresh
`
