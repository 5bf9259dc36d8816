package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ptplab/ptplab/lab/image"
)

// environment is what all benches need.
type environment struct {
	*options
	dir  string    // of all that this run makes, its own
	talk io.Writer // progress
}

// newEnvironment sees that the images are there, which is not to be measured.
func newEnvironment(ctx context.Context, o *options) (*environment, error) {
	kernel, err := image.Kernel(image.Options{})
	if err != nil {
		return nil, err
	}
	rootfs, err := image.RootFS(image.Options{})
	if err != nil {
		return nil, err
	}
	e := &environment{options: o, talk: os.Stderr}
	last := ""
	tell := func(ev image.Event) {
		if step := fmt.Sprintf("%s image: %s", ev.Image, ev.Step); step != last {
			e.say("%s", step)
			last = step
		}
	}
	if _, err := image.Ensure(ctx, tell, kernel, rootfs); err != nil {
		return nil, err
	}
	e.dir, err = os.MkdirTemp("", "ptplab-bench-")
	return e, err
}

func (e *environment) close() { os.RemoveAll(e.dir) }

// say tells how far it is.
func (e *environment) say(format string, args ...any) {
	fmt.Fprintf(e.talk, format+"\n", args...)
}

// detail tells what only some want to know.
func (e *environment) detail(format string, args ...any) {
	if e.verbose {
		e.say("  "+format, args...)
	}
}

// binary is the ptplab to measure: $PTPLAB, or one that is built now.
func (e *environment) binary(ctx context.Context) (string, error) {
	if path := os.Getenv("PTPLAB"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(e.dir, "ptplab")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "github.com/ptplab/ptplab/cmd/ptplab")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build ptplab: %w\n%s", err, out), os.RemoveAll(path))
	}
	return path, nil
}
