package image

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/lab/image/node"
)

func nodeOf(t *testing.T, options Options) Image {
	t.Helper()
	image, err := Node(options)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// What is preloaded is part of the key, by content; where it is, is not.
func TestNodeKey(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.tar"), "a")
	writeFile(t, filepath.Join(dir, "also-a.tar"), "a")
	writeFile(t, filepath.Join(dir, "b.tar"), "b")
	key := func(preload ...string) string {
		var paths []string
		for _, name := range preload {
			paths = append(paths, filepath.Join(dir, name))
		}
		return nodeOf(t, Options{CacheDir: dir, Preload: paths}).Key()
	}
	keys := []string{key(), key("a.tar"), key("b.tar"), key("a.tar", "b.tar")}
	slices.Sort(keys)
	if distinct := slices.Compact(slices.Clone(keys)); len(distinct) != 4 {
		t.Errorf("keys %q, want four", keys)
	}
	if key("a.tar") != key("also-a.tar") {
		t.Error("the same archive by another name makes another image")
	}
	if _, err := Node(Options{CacheDir: dir, Preload: []string{filepath.Join(dir, "none.tar")}}); err == nil {
		t.Error("an archive that is not there is taken")
	}
}

// A cached node image needs no tools, and tells its name.
func TestNodeFromCache(t *testing.T) {
	cache := t.TempDir()
	image := nodeOf(t, Options{CacheDir: cache})
	image.missing = func(...Kind) []Tool { return []Tool{{Name: "anything", Package: "none"}} }
	if _, err := image.Build(t.Context(), nil); err == nil {
		t.Fatal("built without tools")
	}
	dir := image.entryDir(image.choices[0])
	writeFile(t, filepath.Join(dir, nodeArchive), "archive")
	m := Manifest{
		Kind: KindNode, Name: image.choices[0].name, Key: image.Key(), Payload: nodeArchive,
		Image: &NodeImage{Reference: "localhost/ptplab/node:v1", ID: "sha256:1"},
	}
	if err := writeManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	path, err := image.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	described, err := ReadNode(path)
	if err != nil || described.Reference != "localhost/ptplab/node:v1" {
		t.Errorf("it is %+v, %v", described, err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, ok := image.Path(t.Context()); ok {
		t.Error("an empty archive is taken for an image")
	}
}

// Whoever wants a node image is told at once that its programs need Go too.
func TestNodeNeedsGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	image := nodeOf(t, Options{CacheDir: t.TempDir()})
	var names []string
	for _, tool := range image.missing(KindNode) {
		names = append(names, tool.Name)
	}
	if !slices.Contains(names, "go") || !slices.Contains(names, "mmdebstrap") {
		t.Errorf("missing %q, want go and mmdebstrap among them", names)
	}
}

func TestIsPackage(t *testing.T) {
	for line, want := range map[string]bool{
		"k8s.io/api/core/v1":                    true,
		"internal/abi":                          true,
		"go: downloading k8s.io/kubernetes v1":  false,
		"# k8s.io/kubernetes/cmd":               false,
		"./main.go:41:30: undefined: runPodnet": false,
		"":                                      false,
	} {
		if isPackage(line) != want {
			t.Errorf("%q is a package: %t, want %t", line, !want, want)
		}
	}
}

// The layer of tools has what its programs load, as the very files of the node.
func TestToolFiles(t *testing.T) {
	root := t.TempDir()
	for _, path := range []string{"usr/bin/bash", "usr/sbin/xtables-nft-multi", "usr/lib/x86_64-linux-gnu/xtables/libxt_x.so"} {
		writeFile(t, filepath.Join(root, path), path)
	}
	tree := nodeTree{root: root}
	if _, err := tree.toolFiles(); err == nil || !strings.Contains(err.Error(), "usr/bin/") {
		t.Errorf("error %v, want the program that is not there", err)
	}
}

// The extra package must have come, one file of it, with the program in it.
func TestUnpackExtra(t *testing.T) {
	f := newFakes(t)
	scratch := t.TempDir()
	tree := nodeTree{root: t.TempDir(), work: &work{}}
	if _, err := tree.unpackExtra(t.Context(), scratch); err == nil || !strings.Contains(err.Error(), "0 files came") {
		t.Errorf("error %v, want that no file came", err)
	}
	deb := node.ExtraPackage + "_1%3a2.53.3+ds1-2_amd64.deb"
	f.write(deb, "package")
	writeFile(t, filepath.Join(scratch, deb), "package")
	if _, err := tree.unpackExtra(t.Context(), scratch); err == nil || !strings.Contains(err.Error(), node.PrometheusProgram) {
		t.Errorf("error %v, want the program that is not there", err)
	}
	writeFile(t, filepath.Join(scratch, "extra", node.PrometheusProgram), "program")
	version, err := tree.unpackExtra(t.Context(), scratch)
	if err != nil || version != "1:2.53.3+ds1-2" {
		t.Errorf("version %q, %v", version, err)
	}
	if got := readFile(t, filepath.Join(tree.layer(node.LayerPrometheus), node.PrometheusProgram)); got != "program" {
		t.Errorf("the layer's program is %q", got)
	}
}
