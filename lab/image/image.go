// Package image builds what runs in a lab, the User Mode Linux kernel and the root file system, into the user's cache.
//
// An image is found by its key: the hash of everything that its recipe reads. A cached image needs no network and no
// tools. A missing one is built in a folder beside and renamed when it is whole, under a lock that dies with its
// process; a second build of the same image waits for the first.
package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/kernel"
)

// Kind says what an entry of the cache is.
type Kind string

// The kinds of entry. Kernel and RootFS are images; Source and Build are what a kernel build keeps to be faster next time.
const (
	KindKernel Kind = "kernel" // the lab kernel, an executable
	KindRootFS Kind = "rootfs" // the root file system, a folder
	KindSource Kind = "source" // a downloaded kernel source package
	KindBuild  Kind = "build"  // an unpacked kernel source with its object files

	KindNode     Kind = "node"     // the image of a Kubernetes node, an archive for docker load
	KindPrograms Kind = "programs" // what a node image needs compiled, a folder
	KindCluster  Kind = "cluster"  // the disk of a lab with a cluster, a file
)

// Options says where and how to build. The zero value is right for most.
type Options struct {
	CacheDir string       // empty: what CacheDir returns
	Mirror   string       // Debian package mirror, a URL; empty: $PTPLAB_MIRROR, else mmdebstrap's own default
	Series   string       // kernel only: "7.3"; empty: the newest that the package suites offer
	Files    fs.FS        // kernel only: folders config, series and src; nil: kernel.Files
	Docker   bool         // root file system only: the one with Docker, for labs whose nodes are kind's
	Jobs     int          // kernel and programs: compilers at once; 0: one for each CPU
	Preload  []string     // node only: archives of docker save with more images for its containerd
	Log      *slog.Logger // nil: silent
}

func (o Options) withDefaults() (Options, error) {
	if o.CacheDir == "" {
		dir, err := CacheDir()
		if err != nil {
			return o, err
		}
		o.CacheDir = dir
	}
	dir, err := filepath.Abs(o.CacheDir)
	if err != nil {
		return o, fmt.Errorf("image cache: %w", err)
	}
	o.CacheDir = dir
	if o.Mirror == "" {
		o.Mirror = os.Getenv("PTPLAB_MIRROR")
	}
	if o.Mirror != "" {
		if err := checkMirror(o.Mirror); err != nil {
			return o, err
		}
	}
	if o.Files == nil {
		o.Files = kernel.Files
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.NumCPU()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Image is one thing to build or to find in the cache. Make it with Kernel or RootFS.
type Image struct {
	kind    Kind
	payload string    // name of the result within its entry: "linux", "root"
	options Options   // with defaults
	choices []choice  // what the entry may be, best first; the last is the least wanted
	need    uint64    // free bytes that a build takes
	recipe  recipeFor // makes the payload
	missing func(...Kind) []Tool
}

// choice is one way to make an image, such as a kernel of a certain version.
type choice struct {
	name   string // "7.3", "trixie-linuxptp-4.4"
	inputs inputs
}

// recipeFor makes the payload in work.dir and says what it made.
type recipeFor func(ctx context.Context, work *work) (Manifest, error)

// work is what a recipe gets: a fresh folder and a way to report.
type work struct {
	dir      string     // the entry in the making
	locks    []*os.File // inherited by every program, so that the locks outlive a killed ptplab until the last of them ends
	progress reporter
}

// Kind returns KindKernel or KindRootFS.
func (i Image) Kind() Kind { return i.kind }

// Key is the hash of all inputs of the first choice, 64 hexadecimal digits.
func (i Image) Key() string { return i.choices[0].inputs.key() }

// Path returns the finished image, a file for a kernel and a folder for a root file system, if the cache has it.
// Where several choices are cached it is the best of them.
func (i Image) Path(ctx context.Context) (string, bool) {
	for _, c := range i.choices {
		if ctx.Err() != nil {
			return "", false
		}
		dir := i.entryDir(c)
		manifest, err := readManifest(dir)
		if err == nil && manifest.Key == c.inputs.key() && payloadIsThere(dir, manifest) {
			return filepath.Join(dir, manifest.Payload), true
		}
	}
	return "", false
}

// Build returns the image's path, and makes the image if the cache does not have it. It tells progress what it does;
// progress may be nil. After an error the cache holds nothing half-made.
func (i Image) Build(ctx context.Context, progress Progress) (string, error) {
	path, err := i.build(ctx, newReporter(progress, i.kind))
	if err != nil {
		return "", fmt.Errorf("%s image: %w", i.kind, err)
	}
	return path, nil
}

func (i Image) build(ctx context.Context, progress reporter) (string, error) {
	if path, ok := i.Path(ctx); ok {
		return path, nil
	}
	if err := i.checkHost(); err != nil {
		return "", err
	}
	kindDir := filepath.Join(i.options.CacheDir, string(i.kind))
	if err := makeCacheDir(i.options.CacheDir, kindDir); err != nil {
		return "", err
	}
	held, err := lock(ctx, filepath.Join(kindDir, short(i.Key())+".lock"), progress)
	if err != nil {
		return "", err
	}
	defer held.release()
	if path, ok := i.Path(ctx); ok { // the one that we waited for made it
		return path, nil
	}
	return i.buildLocked(ctx, held, kindDir, progress)
}

// buildLocked makes the entry in a folder beside and renames it.
func (i Image) buildLocked(ctx context.Context, held *heldLock, kindDir string, progress reporter) (path string, err error) {
	if err := checkSpace(i.options.CacheDir, i.need); err != nil {
		return "", err
	}
	dir := filepath.Join(kindDir, short(i.Key())+".tmp")
	if err := removeAll(dir); err != nil { // what a killed build left
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = explainFull(i.options.CacheDir, err)
			err = errors.Join(err, removeAll(dir))
		}
	}()
	start := time.Now()
	manifest, err := i.recipe(ctx, &work{dir: dir, locks: []*os.File{held.file}, progress: progress})
	if err != nil {
		return "", err
	}
	chosen, err := i.chosen(manifest.Name)
	if err != nil {
		return "", err
	}
	manifest.complete(i, chosen, start)
	return i.publish(dir, chosen, manifest)
}

// publish writes the manifest, takes away every write permission, and gives the entry its final name.
func (i Image) publish(dir string, chosen choice, manifest Manifest) (string, error) {
	size, err := diskUse(filepath.Join(dir, manifest.Payload))
	if err != nil {
		return "", err
	}
	manifest.Size = size
	if err := writeManifest(dir, manifest); err != nil {
		return "", err
	}
	if err := protect(dir); err != nil {
		return "", err
	}
	final := i.entryDir(chosen)
	if err := removeAll(final); err != nil { // an entry that Path found to be damaged
		return "", err
	}
	if err := os.Rename(dir, final); err != nil {
		return "", err
	}
	return filepath.Join(final, manifest.Payload), nil
}

func (i Image) chosen(name string) (choice, error) {
	for _, c := range i.choices {
		if c.name == name {
			return c, nil
		}
	}
	return choice{}, fmt.Errorf("recipe made %q, which is none of its choices", name)
}

func (i Image) entryDir(c choice) string {
	return filepath.Join(i.options.CacheDir, string(i.kind), short(c.inputs.key())+"-"+c.name)
}

// checkHost says what the host lacks before anything starts.
func (i Image) checkHost() error {
	if runtime.GOARCH != "amd64" {
		return fmt.Errorf("the lab runs on amd64 only, this machine is %s", runtime.GOARCH)
	}
	if missing := i.missing(i.kind); len(missing) > 0 {
		return &MissingError{Tools: missing}
	}
	return nil
}

// Ensure builds those of the images that the cache lacks and returns the path of each, in order. Missing tools of all
// of them are reported at once, before anything is built.
func Ensure(ctx context.Context, progress Progress, images ...Image) ([]string, error) {
	var missing []Tool
	for _, i := range images {
		if _, ok := i.Path(ctx); ok {
			continue
		}
		for _, tool := range i.missing(i.kind) {
			if !slices.ContainsFunc(missing, func(t Tool) bool { return t.Name == tool.Name }) {
				missing = append(missing, tool)
			}
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("lab images: %w", &MissingError{Tools: missing})
	}
	paths := make([]string, len(images))
	for n, i := range images {
		path, err := i.Build(ctx, progress)
		if err != nil {
			return nil, err
		}
		paths[n] = path
	}
	return paths, nil
}

// short is the part of a key that names files.
func short(key string) string { return key[:12] }

// safeName reports whether name, from a package file or a folder listing, can be part of a file name.
func safeName(name string) bool {
	return name != "" && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\x00\n")
}
