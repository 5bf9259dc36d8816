package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// anImage is an image of one layer for an architecture.
func anImage(t testing.TB, arch string) v1.Image {
	t.Helper()
	layer, err := random.Layer(2000, types.DockerLayer)
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: arch, RootFS: must(image.ConfigFile())(t).RootFS})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// dockerArchive is what docker save writes of an image.
func dockerArchive(t testing.TB, image v1.Image, tag string) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := tarball.Write(must(name.NewTag(tag))(t), image, &text); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// named is an entry of an index with a name.
func named(what mutate.Appendable, annotations map[string]string) mutate.IndexAddendum {
	return mutate.IndexAddendum{Add: what, Descriptor: v1.Descriptor{Annotations: annotations}}
}

func forPlatform(image v1.Image, os, arch string) mutate.IndexAddendum {
	return mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch}}}
}

// ociArchive packs an OCI layout without some of its blobs.
func ociArchive(t testing.TB, index v1.ImageIndex, without ...v1.Hash) []byte {
	t.Helper()
	dir := t.TempDir()
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
	for _, h := range without {
		if err := os.Remove(filepath.Join(dir, blobPath(h))); err != nil {
			t.Fatal(err)
		}
	}
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close()); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// opened opens an archive that is a file.
func opened(t testing.TB, text []byte) (*ImageArchive, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := OpenImageArchive(t.Context(), path, nil, "amd64")
	if err == nil {
		t.Cleanup(func() { a.Close() })
	}
	return a, err
}

func zipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// TestImageArchives opens archives of each form, and again what would be sent of them.
func TestImageArchives(t *testing.T) {
	image, foreign := anImage(t, "amd64"), anImage(t, "arm64")
	platforms := mutate.AppendManifests(empty.Index, forPlatform(foreign, "linux", "arm64"), forPlatform(image, "linux", "amd64"), forPlatform(anImage(t, "x"), "unknown", "unknown"))
	id := must(image.ConfigName())(t).String()
	for label, c := range map[string]struct {
		text []byte
		want []string
	}{
		"docker":              {dockerArchive(t, image, "localhost/ptplab-suite:latest"), []string{"localhost/ptplab-suite:latest"}},
		"docker, short name":  {dockerArchive(t, image, "daemon"), []string{"docker.io/library/daemon:latest"}},
		"docker, gzip":        {zipped(t, dockerArchive(t, image, "quay.io/a/b:c")), []string{"quay.io/a/b:c"}},
		"oci":                 {ociArchive(t, mutate.AppendManifests(empty.Index, named(image, map[string]string{refAnnotation: "localhost/daemon:dev"}))), []string{"localhost/daemon:dev"}},
		"oci, containerd's":   {ociArchive(t, mutate.AppendManifests(empty.Index, named(image, map[string]string{refAnnotation: "dev", nameAnnotation: "docker.io/library/daemon:dev"}))), []string{"docker.io/library/daemon:dev"}},
		"oci, two names":      {ociArchive(t, mutate.AppendManifests(empty.Index, named(image, map[string]string{nameAnnotation: "a.b/c:1"}), named(image, map[string]string{nameAnnotation: "a.b/c:2"}))), []string{"a.b/c:1", "a.b/c:2"}},
		"oci, all platforms":  {ociArchive(t, mutate.AppendManifests(empty.Index, named(platforms, map[string]string{nameAnnotation: "a.b/c:1"}))), []string{"a.b/c:1"}},
		"oci, some platforms": {ociArchive(t, mutate.AppendManifests(empty.Index, named(platforms, map[string]string{nameAnnotation: "a.b/c:1"})), must(foreign.Digest())(t)), []string{"a.b/c:1"}},
	} {
		t.Run(label, func(t *testing.T) {
			a, err := opened(t, c.text)
			for range 2 {
				if err != nil {
					t.Fatal(err)
				}
				if len(a.Images) != 1 || !slices.Equal(a.Images[0].Names, c.want) || a.Images[0].ID != id || a.Images[0].Platform != "linux/amd64" {
					t.Fatalf("%+v, want %s as %s", a.Images, id, c.want)
				}
				sent := must(io.ReadAll(a.stream()))(t)
				if strings.Contains(string(sent), must(foreign.Digest())(t).Hex) {
					t.Error("what is sent has an image for another architecture")
				}
				a, err = OpenImageArchive(t.Context(), "-", bytes.NewReader(sent), "amd64")
				if err == nil {
					defer a.Close()
				}
			}
		})
	}
}

// TestNoImageArchives wants a sentence for each file that cannot be loaded.
func TestNoImageArchives(t *testing.T) {
	image := anImage(t, "amd64")
	good := dockerArchive(t, image, "a.b/c:d")
	layers := must(image.Layers())(t)
	var noName bytes.Buffer
	if err := tarball.Write(must(name.NewDigest("a.b/c@"+must(image.Digest())(t).String()))(t), image, &noName); err != nil {
		t.Fatal(err)
	}
	var other bytes.Buffer
	w := tar.NewWriter(&other)
	if err := errors.Join(writeTar(w, "hello.txt", []byte("hello")), w.Close()); err != nil {
		t.Fatal(err)
	}
	oci := func(annotations map[string]string, without ...v1.Hash) []byte {
		return ociArchive(t, mutate.AppendManifests(empty.Index, named(image, annotations)), without...)
	}
	full := map[string]string{nameAnnotation: "a.b/c:d"}
	for want, text := range map[string][]byte{
		"it is empty":                       {},
		"it is not an image archive, or":    []byte(strings.Repeat("no archive at all\n", 100)),
		"neither manifest.json":             other.Bytes(),
		"is for linux/arm64, and the nodes": dockerArchive(t, anImage(t, "arm64"), "a.b/c:d"),
		"only the beginning":                good[:3000],
		"has no name":                       noName.Bytes(),
		`no full name, only "dev"`:          oci(map[string]string{refAnnotation: "dev"}),
		`no full name, only ""`:             oci(nil),
		"is missing or not of":              oci(full, must(layers[0].Digest())(t)),
		"it is not whole: there is no":      oci(full, must(image.Digest())(t)),
		"there is no linux/amd64 in a.b/c:d": ociArchive(t, mutate.AppendManifests(empty.Index,
			named(mutate.AppendManifests(empty.Index, forPlatform(anImage(t, "arm64"), "linux", "arm64")), full))),
		"there is no image in it": ociArchive(t, empty.Index),
	} {
		_, err := opened(t, text)
		var wrong *ArchiveError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	dir := t.TempDir()
	for path, want := range map[string]string{filepath.Join(dir, "nothing"): "no such file", dir: "it is a directory"} {
		if _, err := OpenImageArchive(t.Context(), path, nil, "amd64"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// FuzzImageArchive opens what may come from anywhere.
func FuzzImageArchive(f *testing.F) {
	image := anImage(f, "amd64")
	f.Add(dockerArchive(f, image, "a.b/c:d"))
	f.Add(ociArchive(f, mutate.AppendManifests(empty.Index, named(image, map[string]string{nameAnnotation: "a.b/c:d"}))))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := OpenImageArchive(t.Context(), "-", bytes.NewReader(text), "amd64")
		if err != nil {
			return
		}
		defer a.Close()
		if len(a.Images) == 0 || len(a.Images[0].Names) == 0 {
			t.Errorf("%+v", a.Images)
		}
		if _, err := io.Copy(io.Discard, a.stream()); err != nil {
			t.Error(err)
		}
	})
}
