package node

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// WriteTar writes the tree below root as an archive that depends on nothing but names, contents, and permissions:
// everything is root's and of the epoch, in the order of the names. Files that are one file on disk are one in the archive.
func WriteTar(to io.Writer, root string) error {
	w := tar.NewWriter(to)
	seen := map[inode]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return addToTar(w, seen, path, name, entry)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// inode tells files apart that have several names.
type inode struct{ device, number uint64 }

func addToTar(w *tar.Writer, seen map[inode]string, path, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: name, ModTime: time.Unix(0, 0), Mode: int64(info.Mode().Perm()), Format: tar.FormatPAX}
	switch {
	case info.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, name+"/"
		if info.Mode()&fs.ModeSticky != 0 {
			header.Mode |= 0o1000
		}
		return w.WriteHeader(header)
	case info.Mode()&fs.ModeSymlink != 0:
		header.Typeflag, header.Mode = tar.TypeSymlink, 0o777
		if header.Linkname, err = os.Readlink(path); err != nil {
			return err
		}
		return w.WriteHeader(header)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: neither a file, a folder nor a link", name)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
		id := inode{uint64(st.Dev), st.Ino}
		if first, ok := seen[id]; ok {
			header.Typeflag, header.Linkname = tar.TypeLink, first
			return w.WriteHeader(header)
		}
		seen[id] = name
	}
	header.Typeflag, header.Size = tar.TypeReg, info.Size()
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	return copyInto(w, path)
}

func copyInto(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

// Measure is the layer that the tree below root is.
func Measure(name, root string) (Layer, error) {
	sum := sha256.New()
	count := &counter{}
	if err := WriteTar(io.MultiWriter(sum, count), root); err != nil {
		return Layer{}, fmt.Errorf("layer %s: %w", name, err)
	}
	return Layer{Name: name, DiffID: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Size: count.bytes}, nil
}

// counter counts what is written to it.
type counter struct{ bytes int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}
