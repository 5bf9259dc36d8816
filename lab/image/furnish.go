package image

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// trim removes what the lab never reads: documentation, translations, the host's leftovers, and the libraries that nothing
// needs any more.
func (f flavour) trim(root string) error {
	for _, pattern := range f.removed {
		paths, err := globIn(root, pattern)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := removeAll(path); err != nil {
				return err
			}
		}
	}
	if err := trimDoc(filepath.Join(root, "usr/share/doc")); err != nil {
		return err
	}
	if err := dropUnusedLibraries(root); err != nil {
		return err
	}
	return dropDanglingLinks(root, "etc", "usr/bin", "usr/sbin", "usr/lib", "usr/share")
}

// trimDoc leaves only the copyright files.
func trimDoc(doc string) error {
	return filepath.WalkDir(doc, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() || entry.Name() == "copyright" || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Remove(path)
	})
}

// dropDanglingLinks removes the symbolic links below the given folders whose target is not in the image.
func dropDanglingLinks(root string, dirs ...string) error {
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || entry.Type()&fs.ModeSymlink == 0 {
				return err
			}
			inside, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			if _, err := resolveIn(root, inside); errors.Is(err, fs.ErrNotExist) {
				return os.Remove(path)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// furnish makes the folders, files and links that package scripts would have made.
func (f flavour) furnish(root string) error {
	for _, dir := range f.dirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	texts := maps.Clone(f.texts)
	for _, made := range f.makes {
		text, err := made.from(root)
		if err != nil {
			return err
		}
		texts[made.path] = text
	}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		if err := os.WriteFile(filepath.Join(root, path), []byte(texts[path]), 0o644); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(f.links)) {
		full := filepath.Join(root, path)
		if err := removeAll(full); err != nil {
			return err
		}
		if err := os.Symlink(f.links[path], full); err != nil {
			return err
		}
	}
	return nil
}

// RootError lists what an unpacked root file system lacks.
type RootError struct {
	Faults []string
}

// Error lists all faults.
func (e *RootError) Error() string {
	return fmt.Sprintf("the root file system is not whole:\n    %s", strings.Join(e.Faults, "\n    "))
}

// check finds programs, files and libraries that are not there, without running anything.
func (f flavour) check(root string) error {
	var faults []string
	for _, name := range f.programs {
		if !hasProgram(root, name) {
			faults = append(faults, "no program "+name)
		}
	}
	for _, path := range slices.Concat(f.files, f.dirs) {
		if _, err := resolveIn(root, path); err != nil {
			faults = append(faults, "no "+path)
		}
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		if target, err := os.Readlink(filepath.Join(root, link)); err != nil || target != "usr/"+link {
			faults = append(faults, fmt.Sprintf("%s is not a link to usr/%s", link, link))
		}
	}
	libraries, err := missingLibraries(root)
	if err != nil {
		return err
	}
	faults = append(faults, libraries...)
	if len(faults) > 0 {
		return &RootError{Faults: faults}
	}
	return nil
}

func hasProgram(root, name string) bool {
	for _, dir := range []string{"usr/sbin", "usr/bin"} {
		path, err := resolveIn(root, filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}

// maxLinks is how many symbolic links one path may go through, as in the kernel.
const maxLinks = 40

// resolveIn follows the symbolic links of a path as if root were the root directory, and returns the path outside.
func resolveIn(root, path string) (string, error) {
	rest := strings.Split(filepath.Clean("/"+path), "/")
	at := "/"
	for links := 0; len(rest) > 0; {
		next := rest[0]
		rest = rest[1:]
		if next == "" {
			continue
		}
		candidate := filepath.Join(at, next) // "/" at the top: ".." does not leave the root
		info, err := os.Lstat(filepath.Join(root, candidate))
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = candidate
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many symbolic links", path)
		}
		target, err := os.Readlink(filepath.Join(root, candidate))
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return filepath.Join(root, at), nil
}
