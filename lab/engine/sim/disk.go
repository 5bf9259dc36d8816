package sim

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Where a guest that has a disk finds it.
const (
	DiskDir = "/disk"     // its file system
	Tape    = "/dev/ubdb" // the file of Spec.Tape, as a block device that is read from its beginning
	RootDir = "/pristine" // the root file system without what the guest has changed
)

// diskDevice is the disk itself.
const diskDevice = "/dev/ubda"

// Disk is the file that is the disk of a machine's guest. It has holes where nothing was written.
func (m Machine) Disk() string { return filepath.Join(m.Dir, "disk") }

// makeDisk makes an empty disk, unless there is one already.
func (m Machine) makeDisk(mb int) error {
	f, err := os.OpenFile(m.Disk(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = f.Truncate(int64(mb) << 20)
	}
	return err
}

// diskArguments are the kernel's options for the disk and the tape.
func (m Machine) diskArguments(s Spec) []string {
	args := []string{"ubd0=" + m.Disk(), "PTPLAB_DISK=on"}
	if s.Tape != "" {
		args = append(args, "ubd1r="+s.Tape)
	}
	return args
}

// mountDisk mounts the disk, and makes a file system on one that has none. Neither a journal nor write barriers are of
// use: the disk ends with the kernel, or is copied while nothing is written.
func mountDisk() error {
	if err := os.MkdirAll(DiskDir, 0o755); err != nil {
		return err
	}
	blank, err := isBlank(diskDevice)
	if err != nil {
		return fmt.Errorf("look at the lab's disk: %w", err)
	}
	if blank {
		out, err := exec.Command("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", "-E", "lazy_itable_init=1", diskDevice).CombinedOutput()
		if err != nil {
			return fmt.Errorf("make a file system on the lab's disk: %w: %s", err, strings.TrimSpace(string(out)))
		}
	}
	if err := unix.Mount(diskDevice, DiskDir, "ext4", unix.MS_NOATIME, "barrier=0"); err != nil {
		return fmt.Errorf("mount the lab's disk: %w", err)
	}
	return nil
}

// isBlank says whether a device has no file system of the ext family: their mark is at byte 56 of the second KiB.
func isBlank(device string) (bool, error) {
	f, err := os.Open(device)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var mark [2]byte
	if _, err := f.ReadAt(mark[:], 1024+56); err != nil {
		return false, err
	}
	return mark != [2]byte{0x53, 0xef}, nil
}
