package image

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// inputs is everything that decides what a recipe makes: a name, such as a file's path, and a value or a content hash.
type inputs map[string]string

// key hashes names and values. Lengths are hashed too, so that no two different sets read the same.
func (in inputs) key() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(in)) {
		fmt.Fprintf(h, "%d %s %d %s\n", len(name), name, len(in[name]), in[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// addFiles adds each file below dir with the hash of its content. A folder that is not there adds nothing.
func (in inputs) addFiles(files fs.FS, dir string) error {
	if _, err := fs.Stat(files, dir); err != nil {
		return nil
	}
	return fs.WalkDir(files, dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		in[path] = hex.EncodeToString(sum[:])
		return nil
	})
}
