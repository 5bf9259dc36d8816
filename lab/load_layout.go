package lab

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Files and annotations of an OCI image layout, https://github.com/opencontainers/image-spec/blob/main/image-layout.md, and
// the annotation by which containerd names what it imports.
const (
	indexFile      = "index.json"
	layoutFile     = "oci-layout"
	refAnnotation  = "org.opencontainers.image.ref.name"
	nameAnnotation = "io.containerd.image.name"
)

// ociLayout is what is sent of an OCI layout: the images for the lab's architecture, under their full names. An index of
// several architectures, of which docker save leaves all but one out of the file, would not be imported.
type ociLayout struct {
	index v1.IndexManifest
	blobs []string // paths, each once
	size  int64    // of them all, bytes
}

// maxDepth bounds how deep indexes may be in indexes.
const maxDepth = 4

// readLayout reads an OCI layout.
func (a *ImageArchive) readLayout(arch string) error {
	a.oci = &ociLayout{index: v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}}
	top, err := a.index(indexFile)
	if err != nil {
		return err
	}
	for _, d := range top.Manifests {
		if isAttestation(d) {
			continue
		}
		if err := a.readNamed(d, arch); err != nil {
			return err
		}
	}
	return nil
}

// readNamed reads an entry of index.json.
func (a *ImageArchive) readNamed(d v1.Descriptor, arch string) error {
	full, err := nameOf(d)
	if err != nil {
		return a.wrong("%v", err)
	}
	if full == "" {
		return a.wrong("image %s in it has no full name, only %q; pack it as NAME:TAG, such as with: skopeo copy oci-archive:IN oci-archive:OUT:localhost/NAME:TAG",
			d.Digest, d.Annotations[refAnnotation])
	}
	found, err := a.forArch(d, full, arch, 0)
	if err != nil {
		return err
	}
	if found == nil {
		return a.wrong("there is no linux/%s in %s, which is what the nodes of the lab are; build it with --platform linux/%s", arch, full, arch)
	}
	named := *found
	named.Annotations = map[string]string{nameAnnotation: full}
	a.oci.index.Manifests = append(a.oci.index.Manifests, named)
	return a.readImage(named, full, arch)
}

// nameOf is the full name of an image, "" if the layout has none for it.
func nameOf(d v1.Descriptor) (string, error) {
	if full := d.Annotations[nameAnnotation]; full != "" {
		return fullName(full)
	}
	ref := d.Annotations[refAnnotation]
	if _, err := name.NewTag(ref, name.StrictValidation); err != nil {
		return "", nil // a tag alone, or nothing
	}
	return fullName(ref)
}

// isAttestation says whether an entry of an index is about an image and none itself.
func isAttestation(d v1.Descriptor) bool {
	return d.Platform != nil && d.Platform.OS == "unknown"
}

// forArch is the image of an architecture that a descriptor stands for, nil if there is none.
func (a *ImageArchive) forArch(d v1.Descriptor, full, arch string, depth int) (*v1.Descriptor, error) {
	switch {
	case d.MediaType.IsImage():
		return &d, nil
	case !d.MediaType.IsIndex():
		return nil, a.wrong("%s is a %s and no image", full, d.MediaType)
	case depth == maxDepth:
		return nil, a.wrong("the indexes of %s are nested too deep", full)
	}
	index, err := a.index(blobPath(d.Digest))
	if err != nil {
		return nil, err
	}
	for _, m := range index.Manifests {
		if isAttestation(m) || m.Platform != nil && (m.Platform.OS != "linux" || m.Platform.Architecture != arch) {
			continue
		}
		if found, err := a.forArch(m, full, arch, depth+1); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

func (a *ImageArchive) index(file string) (*v1.IndexManifest, error) {
	text, err := a.document(file)
	if err != nil {
		return nil, err
	}
	index, err := v1.ParseIndexManifest(text)
	if err != nil {
		return nil, a.wrong("its %s is no index of an OCI layout: %v", file, err)
	}
	return index, nil
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// readImage reads the manifest of an image, and sees that its parts are there.
func (a *ImageArchive) readImage(d v1.Descriptor, full, arch string) error {
	text, err := a.document(blobPath(d.Digest))
	if err != nil {
		return err
	}
	m, err := v1.ParseManifest(text)
	if err != nil {
		return a.wrong("the manifest of %s is no JSON: %v", full, err)
	}
	for _, part := range append([]v1.Descriptor{d, m.Config}, m.Layers...) {
		file := blobPath(part.Digest)
		e, ok := a.entries[file]
		if !ok || e.size != part.Size {
			return a.wrong("it is not whole: %s of %s is missing or not of %d bytes", file, full, part.Size)
		}
		if !slices.Contains(a.oci.blobs, file) {
			a.oci.blobs = append(a.oci.blobs, file)
			a.oci.size += e.size
		}
	}
	platform, err := a.platform(blobPath(m.Config.Digest), full, arch)
	if err != nil {
		return err
	}
	id := m.Config.Digest.String()
	if i := slices.IndexFunc(a.Images, func(i ArchivedImage) bool { return i.ID == id }); i >= 0 {
		a.Images[i].Names = append(a.Images[i].Names, full)
		return nil
	}
	a.Images = append(a.Images, ArchivedImage{Names: []string{full}, ID: id, Platform: platform})
	return nil
}

// streamLayout packs what is sent of an OCI layout.
func (a *ImageArchive) streamLayout() io.ReadCloser {
	out, in := io.Pipe()
	go func() { in.CloseWithError(a.writeLayout(in)) }() // ends when the reader is closed, too
	return out
}

func (a *ImageArchive) writeLayout(to io.Writer) error {
	w := tar.NewWriter(to)
	index, err := json.Marshal(a.oci.index)
	if err != nil {
		return err
	}
	err = errors.Join(
		writeTar(w, layoutFile, []byte(`{"imageLayoutVersion":"1.0.0"}`)),
		writeTar(w, indexFile, index),
	)
	if err != nil {
		return err
	}
	for _, file := range a.oci.blobs {
		e := a.entries[file]
		if err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: e.size}); err != nil {
			return err
		}
		if _, err := io.Copy(w, io.NewSectionReader(a.file, e.offset, e.size)); err != nil {
			return fmt.Errorf("read %s: %w", a.label, err)
		}
	}
	return w.Close()
}

func writeTar(w *tar.Writer, name string, text []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}
