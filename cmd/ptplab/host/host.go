// Package host checks whether a machine can build and run labs. Each check is a sentence with the value seen, the
// value expected and what to do about the difference.
package host

import (
	"context"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/image"
)

// State is what a check has found.
type State string

// The states of a check.
const (
	OK   State = "ok"
	Warn State = "warn" // works, but not as well as it could
	Fail State = "fail" // a lab cannot be made
)

// Check is what one check has found.
type Check struct {
	Name  string `json:"name"` // "memory"
	State State  `json:"state"`
	Seen  string `json:"seen"`          // "812 MiB available"
	Want  string `json:"want"`          // "300 MiB for a lab"
	Fix   string `json:"fix,omitempty"` // what to do, unless the state is ok
}

// Host is the machine as the checks see it.
type Host struct {
	FS       fs.FS                                                  // its root directory
	Getenv   func(string) string                                    //
	Space    func(dir string) (Space, error)                        // of the file system that dir is on
	Writable func(dir string) error                                 // nil if files can be made in dir, or dir itself
	CPUs     int                                                    // that this process may use
	CacheDir string                                                 // of images
	HomeDir  string                                                 // of labs
	Missing  func(kinds ...image.Kind) []image.Tool                 // tools that image builds lack
	Cached   func(ctx context.Context) (map[image.Kind]bool, error) // which images are there
}

// Space is what a file system has.
type Space struct {
	FreeBytes uint64 // for this user
	NoExec    bool   // programs on it cannot run
	Memory    bool   // it is a tmpfs
}

// This is the machine that we are on.
func This(cacheDir, homeDir string, images ...image.Image) Host {
	return Host{
		FS: os.DirFS("/"), Getenv: os.Getenv, Space: spaceOf, Writable: writable, CPUs: runtime.NumCPU(),
		CacheDir: cacheDir, HomeDir: homeDir, Missing: image.Missing,
		Cached: func(ctx context.Context) (map[image.Kind]bool, error) {
			cached := map[image.Kind]bool{}
			for _, i := range images {
				_, cached[i.Kind()] = i.Path(ctx)
			}
			return cached, nil
		},
	}
}

// tmpfsMagic is TMPFS_MAGIC of statfs(2).
const tmpfsMagic = 0x01021994

func spaceOf(dir string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Space{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return Space{FreeBytes: s.Bavail * uint64(s.Bsize), NoExec: s.Flags&unix.ST_NOEXEC != 0, Memory: s.Type == tmpfsMagic}, nil
}

// writable looks whether dir, or the nearest directory above it that exists, can be written to. It changes nothing.
func writable(dir string) error {
	err := unix.Faccessat(unix.AT_FDCWD, lab.Existing(dir), unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	if err != nil {
		return &fs.PathError{Op: "write to", Path: lab.Existing(dir), Err: err}
	}
	return nil
}
