package image

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func both() map[string]map[string]string {
	return map[string]map[string]string{"linux-source-7.3": kernelSource()}
}

func TestKernelBuild(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	image := f.kernel(kernelFiles())
	if path, ok := image.Path(t.Context()); ok {
		t.Fatalf("empty cache has %s", path)
	}
	var news events
	path, err := image.Build(t.Context(), news.add)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := image.Path(t.Context()); !ok || got != path {
		t.Errorf("Path = %q %t, want %q", got, ok, path)
	}
	if want := image.Key()[:12] + "-7.3"; filepath.Base(filepath.Dir(path)) != want {
		t.Errorf("entry %s, want %s", path, want)
	}
	m, err := readManifest(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != "7.3.4-fake" || m.Source.Version != "1.2~rc3-4" || m.Source.Suite != "trixie-backports" || m.Compiler != "gcc (Fake) 1.2.3" || m.Objects != 4 {
		t.Errorf("manifest %+v, source %+v", m, m.Source)
	}
	if want := []string{"drivers/new.c", "net/core.c", "net/fresh.c", "net/other.c"}; !slices.Equal(news.compiled(), want) {
		t.Errorf("compiled %q, want %q", news.compiled(), want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o500 {
		t.Errorf("kernel has mode %v, want 0500", info.Mode())
	}
	if left := f.halfMade(); len(left) > 0 {
		t.Errorf("left in the cache: %q", left)
	}
}

// A cached kernel needs neither network nor tools.
func TestKernelCached(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	image := f.kernel(kernelFiles())
	first, err := image.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.write("log", "")
	again := f.kernel(kernelFiles())
	again.missing = Missing
	t.Setenv("PATH", "/nowhere")
	paths, err := Ensure(t.Context(), nil, again)
	if err != nil || paths[0] != first {
		t.Errorf("second build: %q, %v; want %q", paths, err, first)
	}
	if n := f.calls(""); n > 0 {
		t.Errorf("%d programs ran", n)
	}
}

// A changed patch gives a new image, fetches nothing and compiles only what it touches; a dropped patch brings the
// package's own files back.
func TestKernelRebuild(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	files := kernelFiles()
	if _, err := f.kernel(files).Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	f.write("log", "")
	before := f.kernel(files).Key()
	for _, c := range []struct {
		name   string
		change func(fstest.MapFS)
		want   []string
	}{
		{"one patched line", func(m fstest.MapFS) {
			m["series/7.3/01-one.patch"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(onePatch, "+patched", "+patched again"))}
		}, []string{"net/core.c"}},
		{"a new file changed", func(m fstest.MapFS) {
			m["src/drivers/new.c"] = &fstest.MapFile{Data: []byte("newer driver\n")}
		}, []string{"drivers/new.c"}},
		{"patch replaced by another", func(m fstest.MapFS) {
			m["series/7.3/01-one.patch"] = &fstest.MapFile{Data: []byte("--- a/net/other.c\n+++ b/net/other.c\n@@ -1 +1 @@\n-other\n+others\n")}
		}, []string{"net/core.c", "net/gone.c", "net/other.c"}},
	} {
		c.change(files)
		image := f.kernel(files)
		if image.Key() == before {
			t.Errorf("%s: same key", c.name)
		}
		before = image.Key()
		var news events
		if _, err := image.Build(t.Context(), news.add); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if !slices.Equal(news.compiled(), c.want) {
			t.Errorf("%s: compiled %q, want %q", c.name, news.compiled(), c.want)
		}
	}
	if n := f.calls("mmdebstrap"); n > 0 {
		t.Errorf("%d downloads", n)
	}
	trees, err := globIn(f.cache, "build/*/tree")
	if err != nil || len(trees) != 1 {
		t.Fatalf("trees %q, %v", trees, err)
	}
	if got := readFile(t, filepath.Join(trees[0], "net/core.c")); got != "a\nb\nc\n" {
		t.Errorf("core.c is %q without the patch", got)
	}
	if _, err := os.Stat(filepath.Join(trees[0], "net/fresh.c")); err == nil {
		t.Error("fresh.c is still there without the patch")
	}
}

func TestKernelFallsBackToOlderSeries(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", map[string]map[string]string{"linux-source-7.9": {"x": "x"}})
	f.offer("trixie", map[string]map[string]string{"linux-source-6.12": kernelSource()})
	f.write("suite-sid", "E: Release file for http://mirror.example/dists/sid/InRelease is expired (invalid since 16d 7h). Updates for this repository will not be applied.\n")
	image := f.kernel(kernelFiles())
	path, err := image.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readManifest(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "6.12" {
		t.Errorf("series %s, want 6.12", m.Name)
	}
	for _, want := range []string{"trixie-backports does not offer linux-source-7.3", "trixie does not offer linux-source-7.3", "suite sid", "expired"} {
		if !strings.Contains(m.Why, want) {
			t.Errorf("why %q does not say %q", m.Why, want)
		}
	}
	files := kernelFiles()
	files["series/7.3/02-two.patch"] = &fstest.MapFile{Data: []byte(onePatch)}
	if path, ok := f.kernel(files).Path(t.Context()); ok {
		t.Errorf("after a change of series 7.3 the old %s is still taken", path)
	}
}

// Whatever goes wrong, the error says what and the cache holds nothing half-made.
func TestKernelFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		offers map[string]map[string]string
		suites map[string]string
		change func(fstest.MapFS)
		want   []string
	}{
		{
			name: "no network", suites: map[string]string{"trixie-backports": "Err:1 http://m.example/debian trixie InRelease\n  Could not resolve 'm.example'\nE: Failed to fetch\n"},
			want: []string{"no package mirror answers", "Could not resolve 'm.example'", "PTPLAB_MIRROR"},
		},
		{
			name: "no suite has a source", offers: map[string]map[string]string{"linux-source-7.9": {"x": "x"}},
			want: []string{"no source of kernel 7.3 or 6.12", "trixie-backports does not offer linux-source-6.12", "Debian suite sid: the mirror does not have the suite"},
		},
		{
			name: "patch does not apply", offers: both(),
			change: func(m fstest.MapFS) {
				m["series/7.3/01-one.patch"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(onePatch, "-b\n", "-other\n"))}
			},
			want: []string{"kernel/series/7.3/01-one.patch does not apply", "FAILED"},
		},
		{
			name: "patch leaves the tree", offers: both(),
			change: func(m fstest.MapFS) {
				m["series/7.3/01-one.patch"] = &fstest.MapFile{Data: []byte("--- a/../../x\n+++ b/../../x\n@@ -0,0 +1 @@\n+x\n")}
			},
			want: []string{"01-one.patch", "does not name a file"},
		},
		{
			name: "option dropped", offers: both(),
			change: func(m fstest.MapFS) { delete(m, "config/10-base.config") },
			want:   []string{"config/40-ptp.config:2 asks CONFIG_NETDEVSIM=y, got n", "1 options"},
		},
		{
			name: "bad fragment", offers: both(),
			change: func(m fstest.MapFS) { m["config/40-ptp.config"] = &fstest.MapFile{Data: []byte("CONFIG_X=y\nPTP=y\n")} },
			want:   []string{"config/40-ptp.config:2", `"PTP=y"`},
		},
		{
			name: "compile error", offers: both(),
			change: func(m fstest.MapFS) { m["src/drivers/new.c"] = &fstest.MapFile{Data: []byte("FAULT\n")} },
			want:   []string{"drivers/new.c:7:3: error: 'FAULT' undeclared", "make.log"},
		},
		{
			name: "disk full", offers: both(),
			change: func(m fstest.MapFS) { m["src/drivers/new.c"] = &fstest.MapFile{Data: []byte("FULL\n")} },
			want:   []string{"is full", "PTPLAB_CACHE"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakes(t)
			if c.offers != nil {
				f.offer("trixie-backports", c.offers)
			}
			for suite, output := range c.suites {
				f.write("suite-"+suite, output)
			}
			files := kernelFiles()
			if c.change != nil {
				c.change(files)
			}
			image := f.kernel(files)
			_, err := image.Build(t.Context(), nil)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
			if _, ok := image.Path(t.Context()); ok {
				t.Error("image is cached after an error")
			}
			if left := f.halfMade(); len(left) > 0 {
				t.Errorf("left in the cache: %q", left)
			}
			if err == nil || strings.Count(err.Error(), "\n") > 25 {
				t.Errorf("error has %d lines", strings.Count(err.Error(), "\n"))
			}
		})
	}
}

// After a compile error is mended, only the rest is compiled.
func TestKernelMended(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	files := kernelFiles()
	files["src/net/last.c"] = &fstest.MapFile{Data: []byte("FAULT\n")}
	if _, err := f.kernel(files).Build(t.Context(), nil); err == nil {
		t.Fatal("no error")
	}
	files["src/net/last.c"] = &fstest.MapFile{Data: []byte("fine\n")}
	var news events
	if _, err := f.kernel(files).Build(t.Context(), news.add); err != nil {
		t.Fatal(err)
	}
	if want := []string{"net/last.c", "net/other.c"}; !slices.Equal(news.compiled(), want) {
		t.Errorf("compiled %q, want %q", news.compiled(), want)
	}
}

// A make that was killed may have left half an object file: the next build starts from none.
func TestKernelKilled(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	if _, err := f.kernel(kernelFiles()).Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	files := kernelFiles()
	files["src/drivers/new.c"] = &fstest.MapFile{Data: []byte("newer\n")}
	f.write("hang", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go cancelWhen(t, filepath.Join(f.dir, "hanging"), cancel)
	image := f.kernel(files)
	if _, err := image.Build(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled build: %v", err)
	}
	if left := f.halfMade(); len(left) > 0 {
		t.Errorf("left in the cache: %q", left)
	}
	if err := os.Remove(filepath.Join(f.dir, "hang")); err != nil {
		t.Fatal(err)
	}
	var news events
	if _, err := image.Build(t.Context(), news.add); err != nil {
		t.Fatal(err)
	}
	if got := len(news.compiled()); got != 4 {
		t.Errorf("compiled %q, want all 4 files", news.compiled())
	}
}

// cancelWhen cancels when a file appears, or fails the test after a while.
func cancelWhen(t *testing.T, path string, cancel func()) {
	defer cancel()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Errorf("%s did not appear", path)
}

// A download that was damaged on disk is fetched again.
func TestKernelDamagedDownload(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	if _, err := f.kernel(kernelFiles()).Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	debs, err := globIn(f.cache, "source/*/*.deb")
	if err != nil || len(debs) != 1 {
		t.Fatalf("downloads %q, %v", debs, err)
	}
	if err := os.Chmod(debs[0], 0o600); err != nil {
		t.Fatal(err)
	}
	writeFile(t, debs[0], "bit rot")
	files := kernelFiles()
	files["src/drivers/new.c"] = &fstest.MapFile{Data: []byte("newer\n")}
	if _, err := f.kernel(files).Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := f.calls("mmdebstrap"); n != 2 {
		t.Errorf("%d downloads, want 2", n)
	}
}

func TestKernelKeyDependsOnEachInput(t *testing.T) {
	f := newFakes(t)
	base := f.kernel(kernelFiles()).Key()
	for _, name := range slices.Sorted(maps.Keys(kernelFiles())) {
		files := kernelFiles()
		files[name] = &fstest.MapFile{Data: append(slices.Clone(files[name].Data), '\n')}
		changed := f.kernel(files).Key() != base
		if want := !strings.HasPrefix(name, "series/6.12"); changed != want {
			t.Errorf("%s changed: key changed %t, want %t", name, changed, want)
		}
	}
}

func TestKernelOptions(t *testing.T) {
	if _, err := Kernel(Options{Files: kernelFiles(), Series: "5.10"}); err == nil || !strings.Contains(err.Error(), "7.3, 6.12") {
		t.Errorf("unknown series: %v", err)
	}
	for _, mirror := range []string{"nonsense", "http://", "http://a b/", "ftp://x/", "[trusted=yes] http://x/"} {
		if _, err := Kernel(Options{Files: kernelFiles(), Mirror: mirror}); err == nil {
			t.Errorf("mirror %q is taken", mirror)
		}
	}
	image, err := Kernel(Options{CacheDir: "/tmp/a b", Files: kernelFiles()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := image.recipe(t.Context(), &work{}); err == nil || !strings.Contains(err.Error(), "space or colon") {
		t.Errorf("cache with a space: %v", err)
	}
}

func TestKernelMirrorIsPassedOn(t *testing.T) {
	f := newFakes(t)
	f.offer("trixie-backports", both())
	t.Setenv("PTPLAB_MIRROR", "https://mirror.example/debian")
	if _, err := f.kernel(kernelFiles()).Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := f.calls("https://mirror.example/debian"); n != 1 {
		t.Errorf("%d calls name the mirror, want 1", n)
	}
}

// The sources that the binary carries must be whole and well formed.
func TestKernelEmbedded(t *testing.T) {
	image, err := Kernel(Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range image.choices {
		if _, err := readFragments(image.options.Files, c.name); err != nil {
			t.Error(err)
		}
		for name := range c.inputs {
			if strings.HasSuffix(name, ".patch") {
				checkPatch(t, image, name)
			}
		}
	}
}

func checkPatch(t *testing.T, image Image, name string) {
	t.Helper()
	file, err := image.options.Files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, info.Size())
	if _, err := file.Read(text); err != nil {
		t.Fatal(err)
	}
	if _, err := patchedPaths(text); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}
