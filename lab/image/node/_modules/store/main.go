// Command store writes the state folder of containerd, as the daemon would leave it after unpacking images with its
// overlayfs snapshotter, without running containerd. It needs no privilege.
//
// A layer's files are not in the folder: the folder of its snapshot is a symbolic link to where the image has them, so
// that a copy of the state is small and programs of the node and of its containers are the same files in memory.
// It reads one plan, in JSON, from standard input.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/containerd/containerd/content"
	"github.com/containerd/containerd/content/local"
	"github.com/containerd/containerd/images"
	"github.com/containerd/containerd/metadata"
	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/containerd/snapshots"
	"github.com/containerd/containerd/snapshots/overlay"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"
)

// Plan is what the state folder shall hold.
type Plan struct {
	Root   string  `json:"root"` // made here; becomes /var/lib/containerd
	Spec   string  `json:"spec"` // file made here; becomes base_runtime_spec of containerd's configuration
	Images []Image `json:"images"`
}

// Image is an image that is unpacked.
type Image struct {
	Names    []string `json:"names"`
	Manifest []byte   `json:"manifest"` // OCI image manifest
	Config   []byte   `json:"config"`   // OCI image configuration
	Layers   []string `json:"layers"`   // where each layer's files are at run time, an absolute path, lowest first
	Pinned   bool     `json:"pinned"`   // never collected by the kubelet
}

// snapshotter is the one that kind's nodes use.
const snapshotter = "overlayfs"

func main() {
	var plan Plan
	if err := json.NewDecoder(os.Stdin).Decode(&plan); err != nil {
		fail(fmt.Errorf("plan: %w", err))
	}
	ctx := context.Background()
	if err := errors.Join(write(ctx, plan), writeSpec(ctx, plan.Spec)); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "store:", err)
	os.Exit(1)
}

// write makes the folder. The paths are those of containerd's plugins.
func write(ctx context.Context, plan Plan) error {
	contentDir := filepath.Join(plan.Root, "io.containerd.content.v1.content")
	snapshotDir := filepath.Join(plan.Root, "io.containerd.snapshotter.v1."+snapshotter)
	metaDir := filepath.Join(plan.Root, "io.containerd.metadata.v1.bolt")
	if err := os.MkdirAll(metaDir, 0o711); err != nil {
		return err
	}
	blobs, err := local.NewStore(contentDir)
	if err != nil {
		return fmt.Errorf("content store: %w", err)
	}
	layers, err := overlay.NewSnapshotter(snapshotDir)
	if err != nil {
		return fmt.Errorf("snapshotter: %w", err)
	}
	path := filepath.Join(metaDir, "meta.db")
	file, err := bolt.Open(path, 0o644, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	db := metadata.NewDB(file, blobs, map[string]snapshots.Snapshotter{snapshotter: layers})
	if err := db.Init(ctx); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s := store{db: db, root: snapshotDir, targets: map[string]string{}}
	err = s.addAll(ctx, plan.Images)
	if err == nil {
		err = s.link()
	}
	if err := errors.Join(err, layers.Close(), file.Close()); err != nil {
		return err
	}
	for _, db := range []string{path, filepath.Join(snapshotDir, "metadata.db")} {
		if err := freeze(db); err != nil {
			return fmt.Errorf("%s: %w", db, err)
		}
	}
	return os.RemoveAll(filepath.Join(contentDir, "ingest"))
}

// store adds images to the state.
type store struct {
	db      *metadata.DB
	root    string            // of the snapshotter
	targets map[string]string // where the files of each snapshot's folder are
}

func (s *store) addAll(ctx context.Context, list []Image) error {
	ctx = namespaces.WithNamespace(ctx, "k8s.io")
	if err := s.createNamespace(ctx); err != nil {
		return err
	}
	for _, image := range list {
		if len(image.Names) == 0 {
			return errors.New("an image has no name")
		}
		if err := s.add(ctx, image); err != nil {
			return fmt.Errorf("image %s: %w", image.Names[0], err)
		}
	}
	return nil
}

func (s *store) createNamespace(ctx context.Context) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		return metadata.NewNamespaceStore(tx).Create(ctx, "k8s.io", nil)
	})
}

// add unpacks an image and names it.
func (s *store) add(ctx context.Context, image Image) error {
	var manifest ocispec.Manifest
	if err := json.Unmarshal(image.Manifest, &manifest); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	var config ocispec.Image
	if err := json.Unmarshal(image.Config, &config); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(image.Layers) {
		return fmt.Errorf("%d layers, want %d", len(image.Layers), len(config.RootFS.DiffIDs))
	}
	for n := range image.Layers {
		if err := s.addLayer(ctx, config.RootFS.DiffIDs[:n+1], image.Layers[n]); err != nil {
			return fmt.Errorf("layer %d: %w", n, err)
		}
	}
	top := identity.ChainID(config.RootFS.DiffIDs).String()
	configLabels := map[string]string{"containerd.io/gc.ref.snapshot." + snapshotter: top}
	if err := s.addBlob(ctx, image.Config, manifest.Config, configLabels); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	target := ocispec.Descriptor{
		MediaType: manifest.MediaType, Digest: digest.FromBytes(image.Manifest), Size: int64(len(image.Manifest)),
	}
	manifestLabels := map[string]string{"containerd.io/gc.ref.content.config": manifest.Config.Digest.String()}
	if err := s.addBlob(ctx, image.Manifest, target, manifestLabels); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return s.name(ctx, image, target, manifest.Config.Digest)
}

// addLayer records the topmost of the layers as a snapshot, unless another image has it already.
func (s *store) addLayer(ctx context.Context, diffIDs []digest.Digest, target string) error {
	layers := s.db.Snapshotter(snapshotter)
	name := identity.ChainID(diffIDs).String()
	if _, err := layers.Stat(ctx, name); err == nil {
		return nil
	}
	parent := identity.ChainID(diffIDs[:len(diffIDs)-1]).String()
	mounts, err := layers.Prepare(ctx, "prepare-"+name, parent)
	if err != nil {
		return err
	}
	dir, err := s.newest()
	if err != nil {
		return err
	}
	if len(mounts) != 1 {
		return fmt.Errorf("snapshot %s has %d mounts, want 1", dir, len(mounts))
	}
	s.targets[dir] = target
	return layers.Commit(ctx, name, "prepare-"+name)
}

// link makes the folder of each snapshot a link. It comes last, for the snapshotter looks at a parent's folder.
func (s *store) link() error {
	for dir, target := range s.targets {
		if err := os.RemoveAll(filepath.Join(dir, "work")); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(dir, "fs")); err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(dir, "fs")); err != nil {
			return err
		}
	}
	return nil
}

// newest is the folder of the snapshot that was made last: they are numbered.
func (s *store) newest() (string, error) {
	dir := filepath.Join(s.root, "snapshots")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	last := 0
	for _, entry := range entries {
		n, err := strconv.Atoi(entry.Name())
		if err != nil {
			return "", fmt.Errorf("snapshot %q is not a number", entry.Name())
		}
		last = max(last, n)
	}
	return filepath.Join(dir, strconv.Itoa(last)), nil
}

func (s *store) addBlob(ctx context.Context, text []byte, want ocispec.Descriptor, labels map[string]string) error {
	if got := digest.FromBytes(text); got != want.Digest {
		return fmt.Errorf("digest %s, want %s", got, want.Digest)
	}
	blobs := s.db.ContentStore()
	return content.WriteBlob(ctx, blobs, want.Digest.String(), bytes.NewReader(text), want, content.WithLabels(labels))
}

// name records the image's names, and the digest of its configuration, by which the kubelet knows it.
func (s *store) name(ctx context.Context, image Image, target ocispec.Descriptor, id digest.Digest) error {
	labels := map[string]string{"io.cri-containerd.image": "managed"}
	if image.Pinned {
		labels["io.cri-containerd.pinned"] = "pinned"
	}
	for _, name := range append([]string{id.String()}, image.Names...) {
		if _, err := metadata.NewImageStore(s.db).Create(ctx, images.Image{Name: name, Target: target, Labels: labels}); err != nil {
			return fmt.Errorf("name %s: %w", name, err)
		}
	}
	return nil
}
