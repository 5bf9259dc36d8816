package node

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// plant makes a tree with one of each.
func plant(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"usr/bin", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "usr/bin/kubernetes"), []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(root, "usr/bin/kubernetes"), 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(root, "usr/bin/kubernetes"), filepath.Join(root, "usr/bin/same")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("kubernetes", filepath.Join(root, "usr/bin/kubelet")); err != nil {
		t.Fatal(err)
	}
	return root
}

func readTar(t *testing.T, from io.Reader) map[string]*tar.Header {
	t.Helper()
	found := map[string]*tar.Header{}
	for r := tar.NewReader(from); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = header
	}
}

func TestWriteTar(t *testing.T) {
	root := plant(t)
	var first, second bytes.Buffer
	if err := WriteTar(&first, root); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(root, "usr/bin/kubernetes"), later, later); err != nil {
		t.Fatal(err)
	}
	if err := WriteTar(&second, root); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same tree makes two archives")
	}
	found := readTar(t, &first)
	if h := found["usr/bin/kubernetes"]; h == nil || h.Mode != 0o755 || h.Uid != 0 || h.Size != 7 {
		t.Errorf("usr/bin/kubernetes is %+v", h)
	}
	if h := found["usr/bin/same"]; h == nil || h.Typeflag != tar.TypeLink || h.Linkname != "usr/bin/kubernetes" {
		t.Errorf("usr/bin/same is %+v, want the same file", h)
	}
	if h := found["usr/bin/kubelet"]; h == nil || h.Typeflag != tar.TypeSymlink || h.Linkname != "kubernetes" {
		t.Errorf("usr/bin/kubelet is %+v", h)
	}
	if h := found["tmp/"]; h == nil || h.Mode != 0o1777 {
		t.Errorf("tmp is %+v", h)
	}
}

func writeArchive(t *testing.T, reference string) (path, id string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "image.tar")
	id, err := WriteArchive(path, plant(t), filepath.Join(dir, "layer.tar"), reference)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left %q", left)
	}
	return path, id
}

func TestWriteArchive(t *testing.T) {
	path, id := writeArchive(t, "localhost/ptplab/node:v1")
	tag, err := name.NewTag("localhost/ptplab/node:v1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(path, &tag)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := image.ConfigName()
	if err != nil || hash.String() != id {
		t.Errorf("the archive has image %s, %v; want %s", hash, err, id)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != "amd64" || config.Config.StopSignal != "SIGRTMIN+3" || len(config.RootFS.DiffIDs) != 1 {
		t.Errorf("configuration %+v", config)
	}
	if _, again := writeArchive(t, "localhost/ptplab/node:v1"); again != id {
		t.Errorf("made again it is %s, was %s", again, id)
	}
}

// An archive that we wrote can be preloaded: what comes out is what went in.
func TestUnpackArchive(t *testing.T) {
	path, _ := writeArchive(t, "ptplab/agent:v1")
	layers := t.TempDir()
	images, err := UnpackArchive(path, layers, "preload-0")
	if err != nil {
		t.Fatal(err)
	}
	if len(images) != 1 || images[0].Names[0] != "docker.io/ptplab/agent:v1" {
		t.Fatalf("images %+v", images)
	}
	if len(images[0].Layers) != 1 || images[0].Layers[0].Name != "preload-0-0" {
		t.Errorf("layers %+v", images[0].Layers)
	}
	text, err := os.ReadFile(filepath.Join(layers, "preload-0-0/usr/bin/kubelet"))
	if err != nil || string(text) != "program" {
		t.Errorf("usr/bin/kubelet is %q, %v", text, err)
	}
	if _, err := UnpackArchive(filepath.Join(layers, "none"), layers, "x"); err == nil {
		t.Error("no archive is taken")
	}
}

// Nothing in an archive may write outside its folder.
func TestUnpackTarStaysInside(t *testing.T) {
	outside := t.TempDir()
	for name, headers := range map[string][]tar.Header{
		"a link to outside": {
			{Name: "out", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "out/file", Typeflag: tar.TypeReg, Mode: 0o644},
		},
		"a hard link": {{Name: "file", Typeflag: tar.TypeLink, Linkname: "../../../etc/passwd"}},
	} {
		if err := unpackTar(pack(t, headers), t.TempDir()); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	dir := t.TempDir()
	if err := unpackTar(pack(t, []tar.Header{{Name: "../../up", Typeflag: tar.TypeReg, Mode: 0o644}}), dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "up")); err != nil {
		t.Errorf("a name with dots: %v, want it inside", err)
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("written outside: %v", left)
	}
}

func pack(t *testing.T, headers []tar.Header) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, header := range headers {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.NewReader(out.String())
}
