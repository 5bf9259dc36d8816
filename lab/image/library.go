package image

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// binary is a program or library of the image, with what it needs.
type binary struct {
	path    string   // below the root
	needed  []string // DT_NEEDED
	runpath []string // DT_RUNPATH or DT_RPATH, $ORIGIN replaced, below the root
	loader  string   // PT_INTERP; empty for a library
}

// libraryDirs is where Debian's loader looks without a cache file.
func libraryDirs() []string { return []string{libraryDir, "usr/lib", "usr/lib64"} }

// loadedAtRunTime are libraries that libc opens by name when it needs them: name services, and what thread cancellation
// uses.
func loadedAtRunTime(name string) bool {
	return strings.HasPrefix(name, "libnss_") || strings.HasPrefix(name, "libgcc_s.") || strings.HasPrefix(name, "ld-linux")
}

// readBinaries finds every ELF file of the image.
func readBinaries(root string) (map[string]binary, error) {
	found := map[string]binary{}
	err := filepath.WalkDir(filepath.Join(root, "usr"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		inside, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		b, ok, err := readBinary(path, inside)
		if ok {
			found[inside] = b
		}
		return err
	})
	return found, err
}

// readBinary reads the dynamic section of one file. It is not ok for a file that is no ELF file.
func readBinary(path, inside string) (binary, bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return binary{}, false, err
	}
	defer file.Close()
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := file.ReadAt(magic, 0); err != nil || !bytes.Equal(magic, []byte(elf.ELFMAG)) {
		return binary{}, false, nil
	}
	f, err := elf.NewFile(file)
	if err != nil {
		return binary{}, false, fmt.Errorf("%s: %w", inside, err)
	}
	b := binary{path: inside}
	if f.SectionByType(elf.SHT_DYNAMIC) == nil { // static, or an object file
		return b, true, nil
	}
	if b.needed, err = f.ImportedLibraries(); err != nil {
		return b, false, fmt.Errorf("%s: %w", inside, err)
	}
	if b.loader, err = readLoader(f); err != nil {
		return b, false, fmt.Errorf("%s: %w", inside, err)
	}
	b.runpath, err = readRunpath(f, filepath.Dir(inside))
	if err != nil {
		return b, false, fmt.Errorf("%s: %w", inside, err)
	}
	return b, true, nil
}

func readLoader(f *elf.File) (string, error) {
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_INTERP {
			text := make([]byte, segment.Filesz)
			if _, err := segment.ReadAt(text, 0); err != nil {
				return "", fmt.Errorf("loader: %w", err)
			}
			return string(bytes.TrimRight(text, "\x00")), nil
		}
	}
	return "", nil
}

func readRunpath(f *elf.File, origin string) ([]string, error) {
	var dirs []string
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		values, err := f.DynString(tag)
		if err != nil {
			return nil, err
		}
		for _, value := range values {
			for _, dir := range strings.Split(value, ":") {
				dir = strings.NewReplacer("$ORIGIN", "/"+origin, "${ORIGIN}", "/"+origin).Replace(dir)
				dirs = append(dirs, strings.TrimPrefix(filepath.Clean(dir), "/"))
			}
		}
	}
	return dirs, nil
}

// find returns the path, below the root, of the file that the loader would take for a needed library.
func (b binary) find(root, name string) (string, bool) {
	for _, dir := range slices.Concat(b.runpath, libraryDirs()) {
		path, err := resolveIn(root, filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if inside, err := filepath.Rel(root, path); err == nil {
			return inside, true
		}
	}
	return "", false
}

// missingLibraries lists each library that a binary needs and the image does not have.
func missingLibraries(root string) ([]string, error) {
	binaries, err := readBinaries(root)
	if err != nil {
		return nil, err
	}
	var faults []string
	for _, path := range slices.Sorted(maps.Keys(binaries)) {
		b := binaries[path]
		for _, name := range b.needed {
			if _, ok := b.find(root, name); !ok {
				faults = append(faults, fmt.Sprintf("%s needs the library %s", path, name))
			}
		}
		if b.loader != "" {
			if _, err := resolveIn(root, b.loader); err != nil {
				faults = append(faults, fmt.Sprintf("%s needs the loader %s", path, b.loader))
			}
		}
	}
	return faults, nil
}

// dropUnusedLibraries removes the libraries of the library folder that no program reaches.
func dropUnusedLibraries(root string) error {
	binaries, err := readBinaries(root)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	var reach func(path string)
	reach = func(path string) {
		if used[path] {
			return
		}
		used[path] = true
		b := binaries[path]
		for _, name := range b.needed {
			if next, ok := b.find(root, name); ok {
				reach(next)
			}
		}
	}
	for path := range binaries {
		if filepath.Dir(path) != libraryDir || loadedAtRunTime(filepath.Base(path)) {
			reach(path)
		}
	}
	for path := range binaries {
		if !used[path] {
			if err := os.Remove(filepath.Join(root, path)); err != nil {
				return err
			}
		}
	}
	return nil
}
