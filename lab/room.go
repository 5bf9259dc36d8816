package lab

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/topology"
)

// What a lab with a cluster takes of this machine when it has just been made, bytes, as measured with up to three workers
// and rounded up. Users of the cluster come on top.
const (
	clusterRoom = 3 << 29 // memory, without workers
	workerRoom  = 1 << 29 // memory, of each worker
	diskRoom    = 3 << 30 // of the disk, while the node image is loaded
)

// RoomError says that a lab does not fit on this machine.
type RoomError struct {
	What       string // "memory"
	Dir        string // on the file system that is too small
	Free, Need uint64 // bytes
	Fix        string
}

// Error says what is missing and what to do.
func (e *RoomError) Error() string {
	return fmt.Sprintf("the cluster needs %.1f GiB of %s in %s, where %.1f GiB are free; %s", gib(e.Need), e.What, e.Dir, gib(e.Free), e.Fix)
}

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }

// ClusterRoom is what a lab with a cluster of so many workers takes of this machine, bytes.
func ClusterRoom(workers int) (memory, disk uint64) {
	return uint64(clusterRoom + workerRoom*workers), diskRoom
}

// checkRoom sees that a lab with a cluster fits, before anything is made: without memory or disk, its kernel would die some
// time later.
func (l *Lab) checkRoom(plan *topology.Plan) error {
	if !hasCluster(plan) {
		return nil
	}
	memory, disk := ClusterRoom(len(plan.Workers))
	if err := room("memory", sim.MemoryDir(os.Getenv, isMemory), memory, "make room there, or set TMPDIR to a larger tmpfs"); err != nil {
		return err
	}
	return room("disk", Existing(l.home.Dir), disk, "make room there, or set PTPLAB_HOME to a directory on another disk")
}

func room(what, dir string, need uint64, fix string) error {
	free, err := image.FreeSpace(dir)
	if err != nil {
		return fmt.Errorf("room for the lab's %s: %w", what, err)
	}
	if free < need {
		return &RoomError{what, dir, free, need, fix}
	}
	return nil
}

// isMemory says whether a directory is on a file system in memory.
func isMemory(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && int64(st.Type) == unix.TMPFS_MAGIC
}

// Existing is dir, or the nearest directory above it that exists.
func Existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
