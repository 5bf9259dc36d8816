package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

// The operations around a copy of the lab's disk.
const (
	opFreeze = "freeze" // nothing; ; nothing
	opThaw   = "thaw"   // nothing; ; nothing
)

// freezeLimit is how long the disk stays frozen if nobody thaws it, as when the caller has been killed.
const freezeLimit = time.Minute

// FIFREEZE and FITHAW of linux/fs.h: the file system is whole on its device, and writers wait, until it is thawed.
const (
	ioctlFreeze = 0xc0045877
	ioctlThaw   = 0xc0045878
)

// frozen is the disk while it is frozen.
type frozen struct {
	mu   sync.Mutex
	thaw *time.Timer // nil while it is not
}

// freeze gives the blocks of deleted files back to the host and freezes the disk.
func (w *World) freeze(ctx context.Context) (any, error) {
	w.frozen.mu.Lock()
	defer w.frozen.mu.Unlock()
	if w.hasCluster() == nil {
		return nil, agent.Errorf("usage", "lab %s has no disk", w.Lab)
	}
	if w.frozen.thaw != nil {
		return nil, agent.Errorf("usage", "the disk of lab %s is being copied already", w.Lab)
	}
	if out, err := exec.CommandContext(ctx, "fstrim", sim.DiskDir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("trim the disk: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if err := onDisk(ioctlFreeze); err != nil {
		return nil, fmt.Errorf("freeze the disk: %w", err)
	}
	w.frozen.thaw = time.AfterFunc(freezeLimit, func() {
		if _, err := w.unfreeze(context.Background()); err != nil {
			w.Log.Error("the disk does not thaw", "error", err)
		}
	})
	return nil, nil
}

// unfreeze lets writers go on. A disk that is not frozen is fine.
func (w *World) unfreeze(context.Context) (any, error) {
	w.frozen.mu.Lock()
	defer w.frozen.mu.Unlock()
	if w.frozen.thaw == nil {
		return nil, nil
	}
	if err := onDisk(ioctlThaw); err != nil {
		return nil, fmt.Errorf("thaw the disk: %w", err)
	}
	w.frozen.thaw.Stop()
	w.frozen.thaw = nil
	return nil, nil
}

func onDisk(request uint) error {
	dir, err := os.Open(sim.DiskDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.IoctlSetInt(int(dir.Fd()), request, 0)
}
