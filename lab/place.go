package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/netns"
)

// place is where one owner's things are inside the lab's kernel: a network namespace, and a mount namespace in
// which /run is the owner's own, the secrets are mounted and /sys shows the owner's interfaces.
type place struct {
	owner string
	base  string // directory of all places
}

func (p place) nets() netns.Dir         { return netns.Dir(filepath.Join(p.base, "net")) }
func (p place) mountFile() string       { return filepath.Join(p.base, "mnt", p.owner) }
func (p place) processFile() string     { return filepath.Join(p.base, "pid", p.owner) } // of a container's place
func (p place) runDir() string          { return filepath.Join(p.base, "run", p.owner) }
func (p place) workDir() string         { return filepath.Join(p.base, "work", p.owner) }
func (p place) open() (*os.File, error) { return p.nets().Open(p.owner) }

// exists says whether both namespaces are there.
func (p place) exists() (bool, error) {
	ns, err := p.open()
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ns.Close()
	return isPinned(p.mountFile()), nil
}

func isPinned(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && int64(st.Type) == unix.NSFS_MAGIC
}

// create makes what is missing of the two namespaces.
func (p place) create() error {
	if err := p.nets().Create(p.owner); err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(p.runDir()), p.workDir(), filepath.Dir(p.mountFile()), p.secretDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(p.runDir(), 0o755); err != nil { // as /run is for everybody
		return err
	}
	if isPinned(p.mountFile()) {
		return nil
	}
	ns, err := p.open()
	if err != nil {
		return err
	}
	defer ns.Close()
	return p.pinMounts(ns)
}

// pinMounts makes the mount namespace on a thread of its own and mounts it on a file from here, where it will be seen.
func (p place) pinMounts(ns *os.File) error {
	if err := os.WriteFile(p.mountFile(), nil, 0o400); err != nil {
		return err
	}
	thread, pinned, failed := make(chan int), make(chan struct{}), make(chan error, 1)
	go func() {
		failed <- netns.Do(ns, func() error {
			if err := p.enterMounts(); err != nil {
				return err
			}
			thread <- unix.Gettid()
			<-pinned
			return nil
		})
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("mounts of %s: %w", p.owner, err)
	case tid := <-thread:
		err := unix.Mount(fmt.Sprintf("/proc/self/task/%d/ns/mnt", tid), p.mountFile(), "", unix.MS_BIND, "")
		close(pinned)
		if err != nil {
			return fmt.Errorf("pin the mounts of %s: %w", p.owner, err)
		}
		return <-failed
	}
}

// enterMounts gives the calling thread a mount namespace of its own with the owner's /run and /sys.
func (p place) enterMounts() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare mounts: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount(p.runDir(), "/run", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s to /run: %w", p.runDir(), err)
	}
	if err := p.mountSecrets(); err != nil {
		return err
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	return keepQuiet()
}

// keepQuiet gives interfaces that come into the calling thread's network namespace no IPv6 address of their own. Each
// would announce it to all ports of its VLAN: on a switch of a hundred workers, that takes longer than PTP does to lock.
func keepQuiet() error {
	const none = "1" // addr_gen_mode, networking/ip-sysctl of the kernel's documentation
	err := os.WriteFile("/proc/sys/net/ipv6/conf/default/addr_gen_mode", []byte(none), 0)
	if errors.Is(err, os.ErrNotExist) { // a kernel without IPv6
		return nil
	}
	return err
}

// remove takes the namespaces and directories away. What runs in them must have ended.
func (p place) remove() error {
	for _, file := range []string{p.mountFile(), p.processFile()} {
		for isPinned(file) {
			if err := unix.Unmount(file, unix.MNT_DETACH); err != nil {
				return fmt.Errorf("unpin the namespaces of %s: %w", p.owner, err)
			}
		}
		if err := os.RemoveAll(file); err != nil {
			return err
		}
	}
	return errors.Join(p.nets().Delete(p.owner), os.RemoveAll(p.runDir()), os.RemoveAll(p.workDir()))
}

// command is argv in the namespaces. nsenter becomes argv, so the process is argv's own; only in a container, which has
// process numbers of its own, it is nsenter's child.
func (p place) command(argv []string) *exec.Cmd {
	args := []string{"--net=" + p.nets().Path(p.owner), "--mount=" + p.mountFile()}
	if isPinned(p.processFile()) {
		args = append(args, "--pid="+p.processFile())
	}
	return exec.Command("nsenter", append(append(args, "--"), argv...)...)
}

// removePlaces takes all places away, whoever's they are.
func (w *World) removePlaces() error {
	names, err := w.place("").nets().List()
	if err != nil {
		return err
	}
	var faults []error
	for _, owner := range names {
		faults = append(faults, w.place(owner).remove())
	}
	return errors.Join(append(faults, w.place("").nets().DeleteAll(), os.RemoveAll(w.place("").secretDir()))...)
}
