// Package suite makes a container image with the conformance suite: the program ptplab, certificates, and nothing
// else. It needs no daemon and no registry. The same program and certificates give the same image, to the byte.
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// DefaultTag is the name that the image gets when it is loaded.
const DefaultTag = "localhost/ptplab-suite:latest"

// Where things are in the image. The first two are where users of the operator's test image mount their own.
const (
	KubeconfigPath = "/tmp/config"
	OutputDir      = "/output"
	programPath    = "/usr/local/bin/ptplab"
	caPath         = "/etc/ssl/certs/ca-certificates.crt"
)

// Options say what goes into the image. The zero value is right for most.
type Options struct {
	Program string // a ptplab that is linked statically; empty: the running one
	CA      string // file of certificates, PEM; empty: the system's
	Tag     string // empty: DefaultTag
	Version string // label org.opencontainers.image.version; empty: none
}

func (o Options) withDefaults() (Options, error) {
	if o.Program == "" {
		program, err := os.Executable()
		if err != nil {
			return o, err
		}
		o.Program = program
	}
	if o.Tag == "" {
		o.Tag = DefaultTag
	}
	if o.CA != "" {
		return o, nil
	}
	for _, path := range []string{caPath, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"} { // Debian, Fedora, SUSE, Alpine
		if _, err := os.Stat(path); err == nil {
			o.CA = path
			return o, nil
		}
	}
	return o, errors.New("no certificates on this machine: install ca-certificates or name a file")
}

// Write writes the image to a file that `docker load` and `podman load` take, and returns its digest, "sha256:...".
func Write(ctx context.Context, path string, o Options) (digest string, err error) {
	digest, err = write(ctx, path, o)
	if err != nil {
		return "", fmt.Errorf("image of the suite: %w", err)
	}
	return digest, nil
}

func write(ctx context.Context, path string, o Options) (string, error) {
	o, err := o.withDefaults()
	if err != nil {
		return "", err
	}
	tag, err := name.NewTag(o.Tag)
	if err != nil {
		return "", err
	}
	image, err := build(o)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return digest.String(), writeWhole(path, func(w io.Writer) error { return tarball.Write(tag, image, w) })
}

// writeWhole makes a file under another name beside and renames it when it is whole.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	if err := errors.Join(write(file), file.Chmod(0o644)); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), path)
}

// build makes the image of one layer.
func build(o Options) (v1.Image, error) {
	arch, err := architecture(o.Program)
	if err != nil {
		return nil, err
	}
	content, err := layer(o)
	if err != nil {
		return nil, err
	}
	only, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return content.open(), nil })
	if err != nil {
		return nil, err
	}
	image, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer:   only,
		History: v1.History{CreatedBy: "ptplab image suite", Created: v1.Time{Time: time.Unix(0, 0).UTC()}},
	})
	if err != nil {
		return nil, err
	}
	old, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := old.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	config.Config = runConfig(o)
	return mutate.ConfigFile(image, config)
}

// runConfig is how a container starts: the suite against the cluster of the mounted kubeconfig, all reports to the mounted
// folder.
func runConfig(o Options) v1.Config {
	config := v1.Config{
		Entrypoint: []string{programPath},
		Cmd:        []string{"test", "--html", OutputDir + "/report.html", "--json", OutputDir + "/report.json"},
		WorkingDir: OutputDir,
		Env: []string{
			"PATH=/usr/local/bin", "HOME=/tmp", "KUBECONFIG=" + KubeconfigPath,
			"JUNIT_OUTPUT_DIR=" + OutputDir, "LOG_ARTIFACTS_DIR=" + OutputDir + "/pod-logs",
		},
		Labels: map[string]string{"org.opencontainers.image.title": "ptplab conformance suite"},
	}
	if o.Version != "" {
		config.Labels["org.opencontainers.image.version"] = o.Version
	}
	return config
}
