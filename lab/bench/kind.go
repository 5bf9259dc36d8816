package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/ptplab/ptplab/lab"
)

// kindBench is two lives of a lab whose workers are nodes of a cluster: the first makes the cluster, the second starts with
// the copy that the first has kept. The images are there before.
func kindBench() bench {
	const (
		first, second = "kind: up to all clocks locked", "kind: up again after down"
		ratio         = "kind: up again, of the first up"
		down          = "kind: down"
		memory        = "kind: memory of the whole lab"
		disk          = "kind: disk of the lab"
	)
	return bench{
		name: "kind",
		rows: []Row{
			{Name: first, Unit: "s", Target: 180},
			{Name: second, Unit: "s"},
			{Name: ratio, Unit: "x", Target: 0.5},
			{Name: down, Unit: "s", Target: 10},
			{Name: memory, Unit: "MB", Target: 6442},
			{Name: disk, Unit: "MB"},
		},
		once: func(ctx context.Context, e *environment) (f figures, err error) {
			l, err := e.newKindLab(ctx)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, l.remove(ctx)) }()
			f = figures{}
			if f[first], err = l.timed(ctx, "up", l.file, "--nodes", "kind", "--fresh"); err != nil {
				return nil, err
			}
			if f[memory], f[disk], err = l.takes(); err != nil {
				return nil, err
			}
			if f[down], err = l.timed(ctx, "down", kindName); err != nil {
				return nil, err
			}
			f[second], err = l.timed(ctx, "up", l.file, "--nodes", "kind")
			f[ratio] = f[second] / f[first]
			return f, err
		},
	}
}

// kindName is the topology of the lab.
const kindName = "dnbc"

// kindLab is a lab that ptplab itself makes: its binary is also what runs in the cluster's pods.
type kindLab struct {
	e            *environment
	binary, home string
	file         string // the topology
}

// newKindLab sees that the images are there.
func (e *environment) newKindLab(ctx context.Context) (*kindLab, error) {
	binary, err := e.binary(ctx)
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp(e.dir, "kind-")
	if err != nil {
		return nil, err
	}
	l := &kindLab{e: e, binary: binary, home: filepath.Join(home, "home"), file: filepath.Join(e.topologies, kindName+".yaml")}
	_, err = l.timed(ctx, "image", "build", "kernel", "rootfs-docker", "node")
	return l, err
}

// timed runs ptplab and returns how long it took, s.
func (l *kindLab) timed(ctx context.Context, args ...string) (float64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*upLimit, fmt.Errorf("it took longer than %s", 3*upLimit))
	defer cancel()
	cmd := exec.CommandContext(ctx, l.binary, args...)
	cmd.Env = append(os.Environ(), "PTPLAB_HOME="+l.home)
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("ptplab %s: %w\n%s", args[0], err, out)
	}
	return time.Since(begun).Seconds(), nil
}

// takes is what the lab takes of the host's memory and disk, MB.
func (l *kindLab) takes() (memory, disk float64, err error) {
	open, err := lab.Open(lab.Home{Dir: l.home}, kindName, "bench")
	if err != nil {
		return 0, 0, err
	}
	defer open.Close()
	kb, err := open.ResidentKB()
	if err != nil {
		return 0, 0, err
	}
	bytes, err := open.DiskBytes()
	return float64(kb) * 1024 / 1e6, float64(bytes) / 1e6, err
}

// remove takes the lab away, also after an interrupt.
func (l *kindLab) remove(ctx context.Context) error {
	_, err := l.timed(context.WithoutCancel(ctx), "down", "--all")
	return errors.Join(err, os.RemoveAll(filepath.Dir(l.home)))
}
