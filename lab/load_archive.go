package lab

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ImageArchive is a file with container images, as docker save, podman save, skopeo, ko or ptplab image suite writes it: a
// docker-archive, or an OCI image layout in a tar file.
type ImageArchive struct {
	Images []ArchivedImage

	label   string // what the user calls it
	file    *os.File
	size    int64 // bytes
	entries map[string]entry
	oci     *ociLayout // nil for a docker-archive
}

// ArchivedImage is an image with its names.
type ArchivedImage struct {
	Names    []string // as a pod says them, with registry and tag: "localhost/ptplab-suite:latest"
	ID       string   // digest of its configuration, "sha256:..."
	Platform string   // "linux/amd64"
}

// ArchiveError says why a file cannot be loaded.
type ArchiveError struct{ Archive, Reason string }

// Error is one sentence.
func (e *ArchiveError) Error() string { return e.Archive + ": " + e.Reason }

// entry is where a regular file is in an archive; size below 0 is a link.
type entry struct{ offset, size int64 }

// maxDescription is the largest JSON document that an archive may have, bytes. Larger ones are not what they say.
const maxDescription = 16 << 20

// OpenImageArchive opens an archive, "-" for stdin, and sees that all of it is there and that it is for an architecture,
// as in GOARCH. What is not in a plain file is first written to a temporary one. What cannot be loaded is an *ArchiveError.
func OpenImageArchive(ctx context.Context, name string, stdin io.Reader, arch string) (*ImageArchive, error) {
	a := &ImageArchive{label: name}
	if name == "-" {
		a.label = "stdin"
	}
	err := a.open(ctx, name, stdin)
	if err == nil {
		err = a.read(arch)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Close closes the file.
func (a *ImageArchive) Close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

// Size is about how many bytes will be sent.
func (a *ImageArchive) Size() int64 {
	if a.oci != nil {
		return a.oci.size
	}
	return a.size
}

func (a *ImageArchive) wrong(format string, args ...any) error {
	return &ArchiveError{a.label, fmt.Sprintf(format, args...)}
}

// open opens the file, or copies it to one that can be sought in: without compression, and without a name.
func (a *ImageArchive) open(ctx context.Context, name string, stdin io.Reader) error {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return a.wrong("%v", errors.Unwrap(err))
		}
		info, err := file.Stat()
		switch {
		case err != nil:
			return errors.Join(err, file.Close())
		case info.IsDir():
			return errors.Join(a.wrong("it is a directory; pack an OCI layout with: tar -C %s -cf image.tar .", name), file.Close())
		}
		a.file, a.size, from = file, info.Size(), file
		if info.Mode().IsRegular() && !isGzip(file) {
			return nil
		}
		defer file.Close()
	}
	a.file = nil
	return a.spool(ctx, from)
}

func isGzip(file *os.File) bool {
	magic := make([]byte, 2)
	n, _ := file.ReadAt(magic, 0)
	return string(magic[:n]) == "\x1f\x8b"
}

// spool copies the archive to a temporary file.
func (a *ImageArchive) spool(ctx context.Context, from io.Reader) error {
	temp, err := os.CreateTemp("", "ptplab-load-*.tar")
	if err != nil {
		return err
	}
	a.file = temp
	if err := os.Remove(temp.Name()); err != nil {
		return err
	}
	in := bufio.NewReader(readerWithin{ctx, from})
	var text io.Reader = in
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return a.wrong("it is not an image archive: %v", err)
		}
		text = unpacked
	}
	if a.size, err = io.Copy(temp, text); err != nil {
		return fmt.Errorf("read %s: %w", a.label, err)
	}
	return nil
}

// readerWithin reads until a context ends.
type readerWithin struct {
	ctx  context.Context
	from io.Reader
}

func (r readerWithin) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(p)
}

// read finds the images.
func (a *ImageArchive) read(arch string) error {
	if err := a.list(); err != nil {
		return err
	}
	_, isDocker := a.entries["manifest.json"]
	_, isOCI := a.entries[indexFile]
	var err error
	switch {
	case isOCI: // newer docker save writes both, and this says more
		err = a.readLayout(arch)
	case isDocker:
		err = a.readDocker(arch)
	default:
		return a.wrong("it is not an image archive: it has neither manifest.json, as docker save writes it, nor index.json, as an OCI layout has it")
	}
	if err == nil && len(a.Images) == 0 {
		err = a.wrong("there is no image in it")
	}
	return err
}

// list notes where the files of the archive are.
func (a *ImageArchive) list() error {
	a.entries = map[string]entry{}
	files := io.NewSectionReader(a.file, 0, a.size)
	in := tar.NewReader(files)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) && (len(a.entries) > 0 || a.size > 0) {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return a.wrong("it is empty")
		}
		if err != nil {
			return a.wrong("it is not an image archive, or only the beginning of one: %v", err)
		}
		offset, err := files.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
			if offset+h.Size > a.size {
				return a.wrong("it is only the beginning of an archive: %s ends after %d of %d bytes", name, a.size-offset, h.Size)
			}
			a.entries[name] = entry{offset, h.Size}
		case tar.TypeLink, tar.TypeSymlink:
			a.entries[name] = entry{size: -1}
		}
	}
}

// document is a small file of the archive.
func (a *ImageArchive) document(name string) (io.Reader, error) {
	e, ok := a.entries[path.Clean(name)]
	switch {
	case !ok || e.size < 0:
		return nil, a.wrong("it is not whole: there is no %s in it", name)
	case e.size > maxDescription:
		return nil, a.wrong("%s is larger than %d MiB", name, maxDescription>>20)
	}
	text := make([]byte, e.size)
	if _, err := a.file.ReadAt(text, e.offset); err != nil {
		return nil, fmt.Errorf("read %s: %w", a.label, err)
	}
	return bytes.NewReader(text), nil
}

// platform checks the configuration of an image and says what it is for.
func (a *ImageArchive) platform(config, image, arch string) (string, error) {
	text, err := a.document(config)
	if err != nil {
		return "", err
	}
	c, err := v1.ParseConfigFile(text)
	if err != nil {
		return "", a.wrong("the configuration of %s is no JSON: %v", image, err)
	}
	have, want := c.OS+"/"+c.Architecture, "linux/"+arch
	if have != want {
		return "", a.wrong("%s is for %s, and the nodes of the lab are %s; build it with --platform %s", image, strings.Trim(have, "/"), want, want)
	}
	return have, nil
}

// stream is what is sent.
func (a *ImageArchive) stream() io.ReadCloser {
	if a.oci != nil {
		return a.streamLayout()
	}
	return io.NopCloser(io.NewSectionReader(a.file, 0, a.size))
}
