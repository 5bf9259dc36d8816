package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/node"
)

// secretDir is where the secrets are, a directory each. All workers see it at node.SecretMount and cannot write there.
func (p place) secretDir() string { return filepath.Join(p.base, "secrets") }

// mountSecrets shows the secrets in the calling thread's mount namespace.
func (p place) mountSecrets() error {
	if err := os.MkdirAll(node.SecretMount, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(p.secretDir(), node.SecretMount, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", p.secretDir(), node.SecretMount, err)
	}
	if err := unix.Mount("", node.SecretMount, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", node.SecretMount, err)
	}
	return nil
}

// putSecret creates a secret or replaces the one of its name, and starts the programs anew that read it.
func (w *World) putSecret(ctx context.Context, _ *agent.Request, args Secret) (any, error) {
	if err := node.CheckSecret(args.Name, slices.Sorted(maps.Keys(args.Data))); err != nil {
		return nil, agent.Errorf(refused, "%v", err)
	}
	return nil, w.configure(ctx, func(c configs) (configs, error) {
		return c, writeSecret(filepath.Join(w.place("").secretDir(), args.Name), args.Data)
	})
}

// deleteSecret deletes a secret, if it is there.
func (w *World) deleteSecret(ctx context.Context, _ *agent.Request, args NameArgs) (any, error) {
	if err := node.CheckSecret(args.Name, nil); err != nil {
		return nil, agent.Errorf("usage", "%v", err)
	}
	return nil, w.configure(ctx, func(c configs) (configs, error) {
		return c, os.RemoveAll(filepath.Join(w.place("").secretDir(), args.Name))
	})
}

// writeSecret makes a directory of a secret, with the files of its keys and nothing else.
func writeSecret(dir string, data map[string][]byte) error {
	err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700))
	for _, key := range slices.Sorted(maps.Keys(data)) {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, key), data[key], 0o600))
	}
	return err
}

// dropSecrets deletes all secrets. Their directory stays, because workers have it mounted.
func (w *World) dropSecrets() error {
	secrets, err := w.secrets()
	for _, path := range secrets {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// secrets are the directories of the secrets that there are.
func (w *World) secrets() ([]string, error) {
	return filepath.Glob(filepath.Join(w.place("").secretDir(), "*"))
}

// checkSecrets checks that the secrets are there to which objects refer. The error is of a kind.
func (w *World) checkSecrets(objects []config, kind string) error {
	for _, o := range objects {
		if err := o.CheckSecrets(w.place("").secretDir()); err != nil {
			return agent.Errorf(kind, "PtpConfig %s: %v", o.Metadata.Name, err)
		}
	}
	return nil
}
