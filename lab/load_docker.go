package lab

import (
	"encoding/json"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// readDocker reads a docker-archive, which is sent as it is.
func (a *ImageArchive) readDocker(arch string) error {
	text, err := a.document("manifest.json")
	if err != nil {
		return err
	}
	var manifest tarball.Manifest
	if err := json.NewDecoder(text).Decode(&manifest); err != nil {
		return a.wrong("its manifest.json is not as docker save writes it: %v", err)
	}
	for _, m := range manifest {
		image := ArchivedImage{ID: digestIn(m.Config)}
		for _, tag := range m.RepoTags {
			full, err := fullName(tag)
			if err != nil {
				return a.wrong("%v", err)
			}
			image.Names = append(image.Names, full)
		}
		if len(image.Names) == 0 {
			return a.wrong("an image in it has no name (%s); save it by its name and not by its id", image.ID)
		}
		if image.Platform, err = a.platform(m.Config, image.Names[0], arch); err != nil {
			return err
		}
		for _, layer := range m.Layers {
			if _, ok := a.entries[path.Clean(layer)]; !ok {
				return a.wrong("it is not whole: layer %s of %s is not in it", layer, image.Names[0])
			}
		}
		a.Images = append(a.Images, image)
	}
	return nil
}

// digestIn is the digest in the file name of a configuration, as docker save, podman save and others write it:
// "0123.json", "blobs/sha256/0123", "sha256:0123".
func digestIn(file string) string {
	base := strings.TrimSuffix(path.Base(file), ".json")
	return "sha256:" + strings.TrimPrefix(base, "sha256:")
}

// fullName is a reference as the container runtime has it: with registry and tag, "docker.io/library/foo:latest".
func fullName(reference string) (string, error) {
	ref, err := name.ParseReference(reference, name.WithDefaultRegistry("docker.io"))
	if err != nil {
		return "", err
	}
	full := ref.Name()
	if rest, ok := strings.CutPrefix(full, name.DefaultRegistry+"/"); ok {
		full = "docker.io/" + rest
	}
	if rest, ok := strings.CutPrefix(full, "docker.io/"); ok && !strings.Contains(rest, "/") {
		full = "docker.io/library/" + rest
	}
	return full, nil
}
