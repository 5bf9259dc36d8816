package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/lab/run"
)

// usualObjects is about how many files a whole build compiles, until a build has counted them.
const usualObjects = 1240

// make prepares kbuild for User Mode Linux. Whatever the user's own make or shell has set is kept out.
func (t *tree) make(ctx context.Context, args ...string) *run.Cmd {
	cmd := t.command(ctx, "make", append([]string{"-C", t.src, "ARCH=um", "O=" + t.obj}, args...)...)
	cmd.Env = append(cmd.Env,
		"MAKEFLAGS=", "MAKELEVEL=", "KCFLAGS=", "CROSS_COMPILE=", "LOCALVERSION=", "KBUILD_OUTPUT=",
		"KBUILD_BUILD_VERSION=1", "KBUILD_BUILD_USER=ptplab", "KBUILD_BUILD_HOST=ptplab",
		"KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970",
	)
	return cmd
}

// configure writes .config: nothing but the fragments on top of an empty configuration. It then checks that kbuild
// took all of it.
func (t *tree) configure(ctx context.Context, w *work, files fs.FS, series string) error {
	w.progress.step("configure", "")
	requests, err := readFragments(files, series)
	if err != nil {
		return err
	}
	config := filepath.Join(t.obj, ".config")
	if err := t.make(ctx, "allnoconfig").Run(); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	base, err := os.ReadFile(config)
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	if err := os.WriteFile(config, mergeConfig(base, requests), 0o600); err != nil {
		return err
	}
	if err := t.make(ctx, "olddefconfig").Run(); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	final, err := os.ReadFile(config)
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return checkConfig(final, requests)
}

// compile builds the kernel and returns how many files were compiled by the whole of it. All output goes to make.log.
func (t *tree) compile(ctx context.Context, w *work, jobs int) (objects int, err error) {
	whole := !t.hasObjects()
	total := 0
	if whole {
		total = t.lastObjects()
	}
	log, err := os.Create(filepath.Join(t.dir, "make.log"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	watch := compileWatch{progress: w.progress, total: total, log: log}
	cmd := t.make(ctx, "-j"+strconv.Itoa(jobs), "linux")
	cmd.Line = watch.line
	if err := os.WriteFile(t.uncleanMark(), nil, 0o600); err != nil {
		return 0, err
	}
	w.progress.count("compile", 0, total, "")
	if err := cmd.Run(); err != nil {
		return 0, t.compileError(ctx, err, watch.errors)
	}
	if whole {
		if err := t.writeObjects(watch.done); err != nil {
			return 0, err
		}
	}
	return t.lastObjects(), os.Remove(t.uncleanMark())
}

// compileError keeps the object files if make ended by itself, and picks the compiler's errors out of its output.
func (t *tree) compileError(ctx context.Context, err error, lines []string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("compile: %w", ctx.Err())
	}
	if isFull(err) {
		return err
	}
	if rmErr := os.Remove(t.uncleanMark()); rmErr != nil {
		return errors.Join(err, rmErr)
	}
	logFile := filepath.Join(t.dir, "make.log")
	if len(lines) == 0 {
		return fmt.Errorf("compile: %w (all of the output: %s)", err, logFile)
	}
	return &CompileError{Lines: lines, Log: logFile, Err: err}
}

// CompileError is a kernel source that does not compile.
type CompileError struct {
	Lines []string // the first errors of the compiler and the linker
	Log   string   // path of make's whole output
	Err   error
}

// Error shows the first errors and where the rest is.
func (e *CompileError) Error() string {
	return fmt.Sprintf("the kernel does not compile:\n    %s\n(all of the output: %s)", strings.Join(e.Lines, "\n    "), e.Log)
}

// Unwrap returns make's error.
func (e *CompileError) Unwrap() error { return e.Err }

// compileWatch reads make's output.
type compileWatch struct {
	progress reporter
	log      io.Writer
	done     int      // files compiled
	total    int      // expected; 0: not known
	errors   []string // the first of the compiler's errors
}

// maxCompileErrors is how many lines of errors are kept; the rest is in the log.
const maxCompileErrors = 8

func (c *compileWatch) line(line string) {
	fmt.Fprintln(c.log, line)
	if object, ok := strings.CutPrefix(line, "  CC "); ok {
		c.done++
		c.progress.count("compile", c.done, c.total, strings.TrimSpace(object))
		return
	}
	if isCompileError(line) && len(c.errors) < maxCompileErrors {
		c.errors = append(c.errors, strings.TrimSpace(line))
	}
}

// isCompileError knows the errors of gcc, ld, kconfig and make's missing rules.
func isCompileError(line string) bool {
	for _, sign := range []string{" error: ", "undefined reference to", "*** No rule to make", "multiple definition of", "ld returned"} {
		if strings.Contains(line, sign) {
			return true
		}
	}
	return false
}

// hasObjects reports whether an earlier build got to its end here.
func (t *tree) hasObjects() bool {
	_, err := os.Stat(filepath.Join(t.obj, "linux"))
	return err == nil
}

// lastObjects is how many files the last whole build compiled.
func (t *tree) lastObjects() int {
	text, err := os.ReadFile(filepath.Join(t.dir, "objects"))
	if err != nil {
		return usualObjects
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || n <= 0 {
		return usualObjects
	}
	return n
}

func (t *tree) writeObjects(n int) error {
	return os.WriteFile(filepath.Join(t.dir, "objects"), []byte(strconv.Itoa(n)+"\n"), 0o600)
}
