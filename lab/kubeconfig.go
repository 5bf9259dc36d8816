package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// KubeContext is the name of the lab's context, cluster and user in a kubeconfig.
func (l *Lab) KubeContext() string { return "ptplab-" + l.Name }

// MergeKubeconfig adds the context of the file at path, as Kubeconfig wrote it, to the user's own kubeconfig, whose path it
// returns. The current context stays. Where the user has an entry of this name that is not of this lab, it is an error and
// nothing changes. Down takes the entries away.
func (l *Lab) MergeKubeconfig(path string) (string, error) {
	own, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return "", fmt.Errorf("kubeconfig of lab %s: %w", l.Name, err)
	}
	into, err := filepath.Abs(clientcmd.NewDefaultPathOptions().GetDefaultFilename()) // down may run elsewhere
	if err != nil {
		return "", fmt.Errorf("your kubeconfig: %w", err)
	}
	if sameFile(into, path) {
		return "", fmt.Errorf("KUBECONFIG names the lab's own kubeconfig, %s; unset it to add the context to yours", path)
	}
	theirs, err := loadOrEmpty(into)
	if err != nil {
		return "", err
	}
	name := l.KubeContext()
	if l.Merged != into && has(theirs, name) {
		return "", fmt.Errorf("%s has an entry %s already, which is not of this lab; take it away with: kubectl config delete-context %s, delete-cluster and delete-user", into, name, name)
	}
	if l.Merged != into { // down knows of one
		if err := l.unmergeKubeconfig(); err != nil {
			return "", err
		}
	}
	theirs.Clusters[name], theirs.AuthInfos[name], theirs.Contexts[name] = own.Clusters[name], own.AuthInfos[name], own.Contexts[name]
	l.Merged = into
	if err := l.save(); err != nil { // first, so that down knows of it
		return "", err
	}
	return into, writeKubeconfig(theirs, into)
}

// unmergeKubeconfig takes the lab's entries out of the user's kubeconfig, if they were added.
func (l *Lab) unmergeKubeconfig() error {
	if l.Merged == "" {
		return nil
	}
	config, err := clientcmd.LoadFromFile(l.Merged)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("take lab %s out of %s: %w", l.Name, l.Merged, err)
	}
	name := l.KubeContext()
	if !has(config, name) {
		return nil
	}
	delete(config.Clusters, name)
	delete(config.AuthInfos, name)
	delete(config.Contexts, name)
	if config.CurrentContext == name {
		config.CurrentContext = ""
	}
	return writeKubeconfig(config, l.Merged)
}

// writeKubeconfig replaces the user's kubeconfig at once, so that one that was whole never becomes half of one. Where a
// link leads to it, the link stays, and so do its owner and mode.
func writeKubeconfig(config *api.Config, path string) error {
	text, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	err = replaceFile(path, text)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EBUSY) { // its directory is not to be written, or it is a mount
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// replaceFile puts a file with a text in the place of the one at path, if there is one, with its owner and mode.
func replaceFile(path string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".ptplab-*") // for its owner alone
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if old, statErr := os.Stat(path); statErr == nil {
		owner := old.Sys().(*syscall.Stat_t)
		err = errors.Join(err, unix.Access(path, unix.W_OK), f.Chown(int(owner.Uid), int(owner.Gid)), f.Chmod(old.Mode().Perm()))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// sameFile says whether two paths lead to one file.
func sameFile(a, b string) bool {
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}

func has(c *api.Config, name string) bool {
	return c.Clusters[name] != nil || c.AuthInfos[name] != nil || c.Contexts[name] != nil
}

// loadOrEmpty reads a kubeconfig; one that is not there is empty.
func loadOrEmpty(path string) (*api.Config, error) {
	config, err := clientcmd.LoadFromFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return api.NewConfig(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return config, nil
}
