package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// NodeConfig is how Docker starts the node: kind's entry point, then systemd, which ends on SIGRTMIN+3.
func NodeConfig() v1.Config {
	return v1.Config{
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=docker",
			"HTTP_PROXY=", "HTTPS_PROXY=", "NO_PROXY=",
		},
		Entrypoint: []string{"/usr/local/bin/entrypoint", "/sbin/init"},
		StopSignal: "SIGRTMIN+3",
	}
}

// WriteArchive packs the tree below root into an archive that docker load takes, named reference, and returns the image's
// id. The layer is not compressed: loading it is faster, and so is making it. Scratch is a file that is used on the way.
func WriteArchive(to, root, scratch, reference string) (id string, err error) {
	layer, err := newFileLayer(scratch, root)
	if err != nil {
		return "", fmt.Errorf("layer: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(scratch)) }()
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return "", fmt.Errorf("image: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("image: %w", err)
	}
	file = file.DeepCopy()
	file.Architecture, file.OS, file.Config, file.History = "amd64", "linux", NodeConfig(), nil
	if image, err = mutate.ConfigFile(image, file); err != nil {
		return "", fmt.Errorf("image: %w", err)
	}
	tag, err := name.NewTag(reference)
	if err != nil {
		return "", fmt.Errorf("image: %w", err)
	}
	if err := tarball.WriteToFile(to, tag, image); err != nil {
		return "", fmt.Errorf("archive: %w", err)
	}
	hash, err := image.ConfigName()
	return hash.String(), err
}

// fileLayer is an uncompressed layer in a file.
type fileLayer struct {
	path string
	hash v1.Hash
	size int64
}

// newFileLayer packs the tree below root.
func newFileLayer(path, root string) (fileLayer, error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fileLayer{}, err
	}
	sum := sha256.New()
	count := &counter{}
	err = WriteTar(io.MultiWriter(out, sum, count), root)
	if err := errors.Join(err, out.Close()); err != nil {
		return fileLayer{}, err
	}
	return fileLayer{path: path, size: count.bytes, hash: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}}, nil
}

func (l fileLayer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l fileLayer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l fileLayer) Size() (int64, error)                 { return l.size, nil }
func (l fileLayer) MediaType() (types.MediaType, error)  { return types.DockerUncompressedLayer, nil }
func (l fileLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l fileLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }
