package sim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Guest is what the kernel's command line says to the ptplab that is its init.
type Guest struct {
	Lab  string // the lab's name
	Mode Mode   // how time passes
	root string // the root file system's directory on the host
}

// InGuest says whether this process is init of a lab's kernel.
func InGuest() bool {
	if os.Getpid() != 1 {
		return false
	}
	// /proc is the host's at this point, or not there: the kernel hands unknown options to init instead.
	_, ok := os.LookupEnv("PTPLAB_LAB")
	return ok
}

// Enter makes this process the init of a lab: it mounts the file systems, leaves the host's tree, sets the name, and joins
// the network outside if there is one.
func Enter() (*Guest, error) {
	g := &Guest{Lab: os.Getenv("PTPLAB_LAB"), root: os.Getenv("PTPLAB_ROOT")}
	mode, err := ParseMode(os.Getenv("PTPLAB_TIME"))
	if err != nil {
		return nil, err
	}
	g.Mode = mode
	network, disk := os.Getenv("PTPLAB_NETWORK") != "", os.Getenv("PTPLAB_DISK") != ""
	if err := g.mountRoot(disk); err != nil {
		return nil, err
	}
	if err := enterEnvironment(g.Lab); err != nil {
		return nil, err
	}
	if disk {
		if err := mountDisk(); err != nil {
			return nil, err
		}
	}
	if network {
		if err := joinOutside(); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// mount is one file system of the guest.
type mount struct{ source, target, kind, options string }

// mountRoot puts a writable layer in memory over the root file system, which stays as it is on the host, and
// makes that the root. The host's tree is not visible afterwards; of the root file system, a guest that shows it to its
// containers keeps a sight without the layer.
func (g *Guest) mountRoot(pristine bool) error {
	const stage, root = "/mnt", "/mnt/root"
	if err := mountAll(mount{"tmpfs", stage, "tmpfs", "mode=0755"}); err != nil {
		return err
	}
	for _, d := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(stage, d), 0o755); err != nil {
			return err
		}
	}
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", escapeLayer(g.root), stage, stage)
	if err := mountAll(
		mount{"overlay", root, "overlay", layers},
		mount{"proc", root + "/proc", "proc", ""},
		mount{"sysfs", root + "/sys", "sysfs", ""},
		mount{"debugfs", root + "/sys/kernel/debug", "debugfs", ""},
		mount{"devtmpfs", root + "/dev", "devtmpfs", "mode=0755"},
		mount{"devpts", root + "/dev/pts", "devpts", "ptmxmode=0666,mode=0620"},
		mount{"tmpfs", root + "/dev/shm", "tmpfs", ""},
		mount{"tmpfs", root + "/run", "tmpfs", "mode=0755"},
		mount{"tmpfs", root + "/tmp", "tmpfs", "mode=1777"},
	); err != nil {
		return err
	}
	if pristine {
		if err := os.Mkdir(root+RootDir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(g.root, root+RootDir, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s to %s: %w", g.root, RootDir, err)
		}
	}
	return switchRoot(root)
}

// escapeLayer protects what separates overlay's options.
func escapeLayer(path string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`).Replace(path)
}

func mountAll(mounts ...mount) error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err)
		}
		if err := unix.Mount(m.source, m.target, m.kind, 0, m.options); err != nil {
			return fmt.Errorf("mount %s on %s (%s): %w", m.kind, m.target, m.options, err)
		}
	}
	return nil
}

// switchRoot leaves the host's tree: pivot_root(2) with the same directory twice stacks the old root on the
// new one, from where it is unmounted.
func switchRoot(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		// The kernel's first root file system cannot be pivoted; it is covered instead.
		if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s to /: %w", root, err)
		}
		return errors.Join(unix.Chroot("."), os.Chdir("/"))
	}
	return errors.Join(unix.Unmount(".", unix.MNT_DETACH), os.Chdir("/"))
}

// maxFiles is how many files each program of the guest may have open.
const maxFiles = 1 << 16

// enterEnvironment sets what programs look at besides files.
func enterEnvironment(lab string) error {
	os.Clearenv()
	for k, v := range map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME": "/root", "TERM": "linux", "LANG": "C.UTF-8",
	} {
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	if err := unix.Sethostname([]byte(lab)); err != nil {
		return fmt.Errorf("host name %s: %w", lab, err)
	}
	// ptp4l holds eleven descriptors for each port: a switch of a hundred does not fit into the kernel's 1024.
	files := unix.Rlimit{Cur: maxFiles, Max: maxFiles}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	// Mounts of one worker must not spread to the others.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	return nil
}

// Halt ends the kernel.
func Halt() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) }
