package node

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// UnpackArchive unpacks each image of an archive made by docker save into a folder of its own below layers, as one layer,
// named with prefix and a number. Every file becomes root's.
func UnpackArchive(archive, layers, prefix string) ([]Image, error) {
	open := func() (io.ReadCloser, error) { return os.Open(archive) }
	manifest, err := tarball.LoadManifest(open)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	var list []Image
	for n, described := range manifest {
		if len(described.RepoTags) == 0 {
			return nil, fmt.Errorf("%s: image %d has no name", archive, n)
		}
		image, err := unpackImage(archive, layers, fmt.Sprintf("%s-%d", prefix, n), described.RepoTags)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", archive, described.RepoTags[0], err)
		}
		list = append(list, image)
	}
	return list, nil
}

func unpackImage(archive, layers, layer string, tags []string) (Image, error) {
	tag, err := name.NewTag(tags[0])
	if err != nil {
		return Image{}, err
	}
	packed, err := tarball.ImageFromPath(archive, &tag)
	if err != nil {
		return Image{}, err
	}
	config, err := packed.ConfigFile()
	if err != nil {
		return Image{}, err
	}
	if config.Architecture != "amd64" {
		return Image{}, fmt.Errorf("it is for %s, the lab runs on amd64 only", config.Architecture)
	}
	dir := path.Join(layers, layer)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Image{}, err
	}
	files := mutate.Extract(packed)
	err = unpackTar(files, dir)
	if err := errors.Join(err, files.Close()); err != nil {
		return Image{}, err
	}
	measured, err := Measure(layer, dir)
	if err != nil {
		return Image{}, err
	}
	image := Image{Layers: []Layer{measured}, Config: config.Config}
	for _, text := range tags {
		tag, err := name.NewTag(text)
		if err != nil {
			return Image{}, err
		}
		full := tag.Name() // with its registry, as the kubelet asks for it; containerd has a shorter name of Docker's
		if rest, ok := strings.CutPrefix(full, name.DefaultRegistry+"/"); ok {
			full = "docker.io/" + rest
		}
		image.Names = append(image.Names, full)
	}
	return image, nil
}

// unpackTar makes what the archive holds below dir and nothing outside, whatever links it has. Device files are left out.
func unpackTar(from io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	r := tar.NewReader(from)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if name == "" {
			continue
		}
		if err := unpackEntry(root, name, header, r); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func unpackEntry(root *os.Root, name string, header *tar.Header, content io.Reader) error {
	mode := fs.FileMode(header.Mode).Perm()
	if parent := path.Dir(name); parent != "." {
		if err := root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	switch header.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(name, 0o755); err != nil {
			return err
		}
		return root.Chmod(name, mode|0o700)
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	case tar.TypeLink:
		return root.Link(strings.TrimPrefix(path.Clean("/"+header.Linkname), "/"), name)
	case tar.TypeReg:
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Chmod(mode|0o400), file.Close())
	}
	return nil
}
