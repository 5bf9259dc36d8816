package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/kind"
)

// A lab with a cluster keeps a copy of its disk in the image cache, from the time when the cluster was ready and had the PTP
// stack but no port yet. The next lab with the same nodes starts with that copy: to its nodes, it is a power failure.

// snapshotAge is how old a copy may be that is used. The certificates in it last a year.
const snapshotAge = 90 * 24 * time.Hour

// snapshotImage is the copy of the disk that a lab can start with.
func (l *Lab) snapshotImage(o UpOptions, files imageFiles) (image.Image, error) {
	setup, err := kind.Setup(kind.Options{Name: o.Plan.Name, Workers: o.Plan.Workers})
	if err != nil {
		return image.Image{}, err
	}
	return image.Cluster(o.Images, o.Plan.Name, map[string]string{
		"rootfs": filepath.Base(filepath.Dir(files.rootfs)),
		"node":   filepath.Base(filepath.Dir(files.node)),
		"setup":  setup,
		"stack":  string(l.Stack),
	}, l.copyDisk)
}

// restore lets the lab start with the copy of a disk, if there is one that can be used. It says whether it does.
func (l *Lab) restore(ctx context.Context, o UpOptions, files imageFiles) (bool, error) {
	snapshot, err := l.snapshotImage(o, files)
	if err != nil {
		return false, err
	}
	path, ok := snapshot.Path(ctx)
	if !ok || o.Fresh {
		return false, nil
	}
	if made, err := image.Built(path); err != nil || time.Since(made) > snapshotAge {
		return false, err
	}
	held, err := image.Use(path)
	if err != nil {
		return false, err
	}
	defer held.Close()
	return true, image.CopySparse(ctx, path, l.engine.(*simEngine).machine.Disk())
}

// keepSnapshot puts a copy of the running lab's disk into the image cache, in the place of older ones of its name.
func (l *Lab) keepSnapshot(ctx context.Context, o UpOptions, files imageFiles) error {
	snapshot, err := l.snapshotImage(o, files)
	if err != nil {
		return err
	}
	if err := l.dropOld(ctx, snapshot); err != nil {
		return err
	}
	path, err := snapshot.Build(ctx, nil)
	if err != nil {
		return err
	}
	_, err = image.Prune(ctx, cacheOf(path), func(e image.Entry) bool {
		return e.Kind != image.KindCluster || e.Manifest.Name != o.Plan.Name || e.Dir == filepath.Dir(path)
	})
	return err
}

// dropOld takes away a copy from before this lab, which Build would take for the new one: it was too old, or not wanted.
func (l *Lab) dropOld(ctx context.Context, snapshot image.Image) error {
	old, ok := snapshot.Path(ctx)
	if !ok {
		return nil
	}
	if made, err := image.Built(old); err != nil || made.After(l.Created) {
		return err
	}
	_, err := image.Prune(ctx, cacheOf(old), func(e image.Entry) bool { return e.Dir != filepath.Dir(old) })
	return err
}

// cacheOf is the image cache that holds the image at path.
func cacheOf(path string) string { return filepath.Dir(filepath.Dir(filepath.Dir(path))) }

// copyLimit is how long a copy of the disk may take: well less than freezeLimit, after which it is written to again.
const copyLimit = freezeLimit - 10*time.Second

// copyDisk copies the lab's disk while nothing is written to it.
func (l *Lab) copyDisk(ctx context.Context, to string) error {
	if err := l.call(ctx, opFreeze, nil, nil, nil); err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, copyLimit, fmt.Errorf("it takes longer than %s, for which the disk may stand still", copyLimit))
	defer cancel()
	err := image.CopySparse(limited, l.engine.(*simEngine).machine.Disk(), to)
	if err == nil {
		err = context.Cause(limited) // the last part may have come too late
	}
	return errors.Join(err, l.call(context.WithoutCancel(ctx), opThaw, nil, nil, nil))
}
