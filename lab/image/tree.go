package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ptplab/ptplab/lab/run"
)

// tree is an unpacked kernel source with its object files. It stays in the cache, so that a changed patch compiles only
// what it touches.
//
//	tree/          the source, as our changes left it
//	orig/          the package's version of each file that a change replaced
//	changed.json   which files those are
//	obj/           what make writes
//	make.log       the last build's output
//	unclean        there while make runs; if it is there at the start, make was killed and obj is not to be trusted
type tree struct {
	dir, src, orig, obj string
	held                *heldLock
	locks               []*os.File // for every program that works here
}

// openTree takes the build folder of a source package and unpacks the source if that was not done.
func (k kernelBuilder) openTree(ctx context.Context, w *work, source foundSource) (*tree, error) {
	kindDir := filepath.Join(k.options.CacheDir, string(KindBuild))
	if err := makeCacheDir(k.options.CacheDir, kindDir); err != nil {
		return nil, err
	}
	dir := filepath.Join(kindDir, short(source.SHA256)+"-"+source.series)
	held, err := lock(ctx, dir+".lock", w.progress)
	if err != nil {
		return nil, err
	}
	t := &tree{
		dir: dir, src: filepath.Join(dir, "tree"), orig: filepath.Join(dir, "orig"), obj: filepath.Join(dir, "obj"),
		held: held, locks: append(slices.Clone(w.locks), held.file),
	}
	if err := t.prepare(ctx, w, source); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// close lets others use the folder.
func (t *tree) close() { t.held.release() }

func (t *tree) uncleanMark() string { return filepath.Join(t.dir, "unclean") }

// prepare unpacks the source unless it is there, and drops object files of a killed make.
func (t *tree) prepare(ctx context.Context, w *work, source foundSource) error {
	if _, err := os.Stat(t.uncleanMark()); err == nil {
		if err := errors.Join(os.RemoveAll(t.obj), os.Remove(t.uncleanMark())); err != nil {
			return err
		}
	}
	if _, err := readManifest(t.dir); err == nil {
		return os.MkdirAll(t.obj, 0o700)
	}
	if err := removeAll(t.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(t.obj, 0o700); err != nil {
		return err
	}
	if err := t.unpack(ctx, w, source); err != nil {
		return errors.Join(err, removeAll(t.dir))
	}
	return writeManifest(t.dir, Manifest{
		Kind: KindBuild, Name: source.series, Key: source.SHA256, Payload: "obj",
		Source: &source.SourcePackage, Built: time.Now().UTC().Truncate(time.Second),
	})
}

// unpack gets the source archive out of the package and the source out of the archive.
func (t *tree) unpack(ctx context.Context, w *work, source foundSource) error {
	w.progress.step("unpack source", "%s %s", source.Package, source.Version)
	deb := filepath.Join(t.dir, "deb")
	if err := t.command(ctx, "dpkg-deb", "-x", source.deb, deb).Run(); err != nil {
		return err
	}
	archives, err := globIn(deb, "usr/src/linux-source-*.tar.xz")
	if err != nil {
		return err
	}
	if len(archives) != 1 {
		return fmt.Errorf("package %s %s: %d source archives in usr/src, want 1", source.Package, source.Version, len(archives))
	}
	if err := os.Mkdir(t.src, 0o700); err != nil {
		return err
	}
	if err := t.command(ctx, "tar", "-C", t.src, "--strip-components=1", "--no-same-owner", "-xJf", archives[0]).Run(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(t.src, "Makefile")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("package %s %s: no Makefile in its source", source.Package, source.Version)
	}
	return removeAll(deb)
}

// command prepares a program that works on the folder.
func (t *tree) command(ctx context.Context, name string, args ...string) *run.Cmd {
	cmd := run.Command(ctx, name, args...)
	cmd.Env = []string{"LC_ALL=C"}
	cmd.Inherit = t.locks
	return cmd
}
