package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// changes names each file of the source that our changes touch, and says whether the package has it.
type changes map[string]bool

// change brings the source to: the package's files, with src copied over them, with the patches of a series applied.
// Files that are right already keep their time stamps, so that make does not compile them again. A patch that does not
// apply leaves the source as it was.
func (t *tree) change(ctx context.Context, w *work, files fs.FS, series string) error {
	w.progress.step("apply patches", "for %s", series)
	patches, err := fs.Glob(files, path.Join("series", series, "*.patch")) // sorted
	if err != nil {
		return err
	}
	before, err := t.readChanges()
	if err != nil {
		return err
	}
	staging := filepath.Join(t.dir, "staging")
	if err := removeAll(staging); err != nil {
		return err
	}
	touched, err := t.stage(ctx, staging, files, patches, before)
	if err != nil {
		return errors.Join(err, removeAll(staging))
	}
	if err := t.sync(staging, touched, before); err != nil {
		return err
	}
	return removeAll(staging)
}

// stage makes our version of each touched file in a folder of its own and returns their paths.
func (t *tree) stage(ctx context.Context, staging string, files fs.FS, patches []string, before changes) ([]string, error) {
	if err := os.Mkdir(staging, 0o700); err != nil {
		return nil, err
	}
	touched := map[string]bool{}
	for _, name := range patches {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		paths, err := patchedPaths(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, p := range paths {
			touched[p] = true
		}
	}
	for p := range touched {
		if err := t.stagePristine(staging, p, before); err != nil {
			return nil, err
		}
	}
	added, err := copySources(files, staging)
	if err != nil {
		return nil, err
	}
	for _, p := range added {
		touched[p] = true
	}
	for _, name := range patches {
		if err := t.applyPatch(ctx, staging, files, name); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(touched)), nil
}

// stagePristine copies the package's version of a file into the staging folder, if the package has the file.
func (t *tree) stagePristine(staging, p string, before changes) error {
	from, ok := t.pristine(p, before)
	if !ok {
		return nil
	}
	err := copyFile(from, filepath.Join(staging, p))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// pristine is where the package's version of a file is. It is not ok if the package is known not to have the file.
func (t *tree) pristine(p string, before changes) (string, bool) {
	ours, known := before[p]
	if !known {
		return filepath.Join(t.src, p), true
	}
	return filepath.Join(t.orig, p), ours
}

// copySources copies the new files over the staging folder and returns their paths.
func copySources(files fs.FS, staging string) ([]string, error) {
	if _, err := fs.Stat(files, "src"); err != nil {
		return nil, nil
	}
	var added []string
	err := fs.WalkDir(files, "src", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		p := strings.TrimPrefix(name, "src/")
		added = append(added, p)
		return writeFrom(bytes.NewReader(text), filepath.Join(staging, p), 0o600)
	})
	return added, err
}

// applyPatch runs patch in the staging folder.
func (t *tree) applyPatch(ctx context.Context, staging string, files fs.FS, name string) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	cmd := t.command(ctx, "patch", "-p1", "--batch", "--forward", "--no-backup-if-mismatch")
	cmd.Dir = staging
	cmd.Stdin = bytes.NewReader(text)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("kernel/%s does not apply to this source: %w", name, err)
	}
	return nil
}

// patchedPaths lists the files that a patch changes, adds or removes, without their first folder.
func patchedPaths(patch []byte) ([]string, error) {
	paths := map[string]bool{}
	lines := strings.Split(string(patch), "\n")
	for i, line := range lines {
		for _, name := range headerNames(line, lines[i+1:]) {
			if !fs.ValidPath(name) || name == "." {
				return nil, fmt.Errorf("line %d: %q does not name a file of the source", i+1, line)
			}
			paths[name] = true
		}
	}
	if len(paths) == 0 {
		return nil, errors.New("no file is changed in it")
	}
	return slices.Sorted(maps.Keys(paths)), nil
}

// headerNames reads "--- a/FILE" where "+++ b/FILE" follows, and git's renames and copies.
func headerNames(line string, next []string) []string {
	for _, word := range []string{"rename from ", "rename to ", "copy from ", "copy to "} {
		if name, ok := strings.CutPrefix(line, word); ok {
			return []string{name}
		}
	}
	before, isBefore := strings.CutPrefix(line, "--- ")
	if !isBefore || len(next) == 0 {
		return nil
	}
	after, isAfter := strings.CutPrefix(next[0], "+++ ")
	if !isAfter {
		return nil
	}
	var names []string
	for _, name := range []string{before, after} {
		name, _, _ = strings.Cut(strings.TrimRight(name, "\r"), "\t")
		if name != "/dev/null" {
			_, name, _ = strings.Cut(name, "/")
			names = append(names, name)
		}
	}
	return names
}

// sync brings each touched file of the source to what staging has, and each file that is no longer touched back to what
// the package has. Originals and the list of changes are written first, so that a kill in between loses nothing.
func (t *tree) sync(staging string, touched []string, before changes) error {
	after := maps.Clone(before)
	for _, p := range touched {
		if _, known := before[p]; known {
			continue
		}
		err := copyFile(filepath.Join(t.src, p), filepath.Join(t.orig, p))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		after[p] = err == nil
	}
	if err := t.writeChanges(after); err != nil {
		return err
	}
	for p, hasOriginal := range after {
		want := filepath.Join(t.orig, p)
		there := hasOriginal
		if slices.Contains(touched, p) {
			want = filepath.Join(staging, p)
			_, err := os.Stat(want)
			there = err == nil
		}
		if err := t.put(p, want, there); err != nil {
			return err
		}
	}
	return nil
}

// put makes one file of the source equal to the file at want, or absent.
func (t *tree) put(p, want string, there bool) error {
	target := filepath.Join(t.src, p)
	if !there {
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	wanted, err := os.ReadFile(want)
	if err != nil {
		return err
	}
	got, err := os.ReadFile(target)
	if err == nil && bytes.Equal(got, wanted) {
		return nil
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copyFile(want, target)
}

func (t *tree) changesFile() string { return filepath.Join(t.dir, "changed.json") }

func (t *tree) readChanges() (changes, error) {
	text, err := os.ReadFile(t.changesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return changes{}, nil
	}
	if err != nil {
		return nil, err
	}
	c := changes{}
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s: %w; remove the folder %s", t.changesFile(), err, t.dir)
	}
	return c, nil
}

func (t *tree) writeChanges(c changes) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	fresh := t.changesFile() + ".new"
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, t.changesFile())
}
