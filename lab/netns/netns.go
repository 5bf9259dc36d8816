// Package netns keeps named network namespaces as bind mounts in a directory that the caller chooses, so that two
// labs never see each other's and none of them appears in the system's own list.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Dir is a directory of named network namespaces. It need not exist before the first Create.
type Dir string

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// Path is the file on which the namespace is mounted; a program can enter it with nsenter --net=PATH.
func (d Dir) Path(name string) string { return filepath.Join(string(d), name) }

// Create makes the namespace, with its loopback interface up. A namespace that exists already is kept as it is.
func (d Dir) Create(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("create network namespace %q: name is not letters, digits, '_', '.' or '-'", name)
	}
	path := d.Path(name)
	if isNamespace(path) {
		return nil
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("create network namespace %s: %w", name, err)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o400)
	if err != nil {
		return fmt.Errorf("create network namespace %s: %w", name, err)
	}
	file.Close()
	if err := onThrowawayThread(func() error { return pinNew(path) }); err != nil {
		return fmt.Errorf("create network namespace %s: %w", name, errors.Join(err, os.Remove(path)))
	}
	return nil
}

// pinNew moves the calling thread to a new network namespace and mounts it on path.
func pinNew(path string) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	own := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
	if err := unix.Mount(own, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", own, path, err)
	}
	return nil
}

func loopbackUp() error {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	lo, err := handle.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("look up lo: %w", err)
	}
	if err := handle.LinkSetUp(lo); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// Open opens the namespace for setns, netlink handles and netdevsim links. The namespace lives at least as long as
// the file is open. The error is fs.ErrNotExist if there is none of that name.
func (d Dir) Open(name string) (*os.File, error) {
	path := d.Path(name)
	if !validName.MatchString(name) || !isNamespace(path) {
		return nil, fmt.Errorf("open network namespace %s: %w", path, fs.ErrNotExist)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return file, nil
}

// Delete unmounts and removes the name. The namespace itself goes when the last process, socket and open file in it
// does. A name that does not exist is no error.
func (d Dir) Delete(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("delete network namespace %q: not a valid name", name)
	}
	path := d.Path(name)
	for isNamespace(path) {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("delete network namespace: unmount %s: %w", path, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete network namespace %s: %w", name, err)
	}
	return nil
}

// DeleteAll deletes every namespace of the directory, what a killed Create left there, and the directory.
func (d Dir) DeleteAll() error {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete network namespaces: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		errs = append(errs, d.Delete(entry.Name()))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := os.Remove(string(d)); err != nil {
		return fmt.Errorf("delete network namespaces: %w", err)
	}
	return nil
}

// List returns the names of the namespaces of the directory, sorted. Files on which nothing is mounted are left out.
func (d Dir) List() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if validName.MatchString(entry.Name()) && isNamespace(d.Path(entry.Name())) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Inode is the namespace's inode number, the one that /proc/PID/ns/net shows in brackets and that identifies the
// namespace on this kernel.
func Inode(ns *os.File) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(ns.Fd()), &st); err != nil {
		return 0, fmt.Errorf("stat network namespace %s: %w", ns.Name(), err)
	}
	return st.Ino, nil
}

// isNamespace tells whether a namespace is mounted on path.
func isNamespace(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && int64(st.Type) == unix.NSFS_MAGIC
}
