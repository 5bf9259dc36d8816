package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/lab/image/node"
	"github.com/ptplab/ptplab/lab/run"
)

const (
	programsRecipe  = "1"        // raise it when the way of building changes what comes out
	programsNeed    = 4500 * mib // modules, Go's cache, the programs
	programsRoot    = "root"     // the payload
	programsSeconds = 565        // of one CPU, from nothing
)

// The programs below programsRoot.
const (
	kubernetesFile = "usr/bin/kubernetes" // every Kubernetes program in one, called by its name
	pauseFile      = "usr/bin/pause"
	storeFile      = "usr/bin/store" // writes containerd's state; used by the build only
	kindFiles      = "kind"          // the files of kind's base image
)

// Programs is what a node image needs beside Debian's packages, compiled from Go modules: Kubernetes, etcd, CoreDNS, the
// pod network, pause; and the files of kind's base image. Its path is that of a folder.
//
// The modules come through the Go module proxy that the user's Go is set up for, and are checked against go.sum.
func Programs(options Options) (Image, error) {
	options, err := options.withDefaults()
	if err != nil {
		return Image{}, err
	}
	versions, err := node.ReadVersions()
	if err != nil {
		return Image{}, err
	}
	sources, err := node.Modules()
	if err != nil {
		return Image{}, err
	}
	in := inputs{"recipe": programsRecipe, "arch": "amd64", "base files": strings.Join(node.BaseFiles(), " ")}
	if err := in.addFiles(sources, "."); err != nil {
		return Image{}, err
	}
	builder := programsBuilder{options: options, versions: versions}
	return Image{
		kind: KindPrograms, payload: programsRoot, options: options, need: programsNeed,
		choices: []choice{{name: versions.Kubernetes, inputs: in}},
		recipe:  builder.build,
		missing: Missing,
	}, nil
}

// programsBuilder is how the programs are built.
type programsBuilder struct {
	options  Options
	versions node.Versions
}

// build is the recipe.
func (b programsBuilder) build(ctx context.Context, w *work) (_ Manifest, err error) {
	source := filepath.Join(w.dir, "source")
	defer func() { err = errors.Join(err, removeAll(source)) }()
	if err := node.WriteModules(source); err != nil {
		return Manifest{}, err
	}
	flags, err := b.versions.LinkerFlags()
	if err != nil {
		return Manifest{}, err
	}
	root := filepath.Join(w.dir, programsRoot)
	packages := 0
	for _, p := range []struct{ module, pkg, file, flags string }{
		{"store", ".", storeFile, "-s -w"},
		{"programs", "./pause", pauseFile, "-s -w"},
		{"programs", ".", kubernetesFile, flags},
	} {
		module := goModule{dir: filepath.Join(source, p.module), jobs: b.options.Jobs, work: w}
		n, err := module.build(ctx, p.pkg, filepath.Join(root, p.file), p.flags)
		if err != nil {
			return Manifest{}, err
		}
		packages += n
	}
	kind := goModule{dir: filepath.Join(source, "programs"), work: w}
	if err := kind.copyFiles(ctx, "sigs.k8s.io/kind", "images/base/files", filepath.Join(root, kindFiles)); err != nil {
		return Manifest{}, err
	}
	version, err := checkKubernetes(ctx, filepath.Join(root, kubernetesFile), b.versions)
	if err != nil {
		return Manifest{}, err
	}
	compiler, err := kind.command(ctx, "version").Output()
	if err != nil {
		return Manifest{}, err
	}
	return Manifest{Name: b.versions.Kubernetes, Version: version, Compiler: strings.TrimSpace(string(compiler)), Objects: packages}, nil
}

// checkKubernetes asks the new program for its version, which shows that it runs.
func checkKubernetes(ctx context.Context, program string, v node.Versions) (string, error) {
	cmd := kubernetes(ctx, program, "kubelet", "--version")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("the new kubelet does not run: %w", err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "Kubernetes ")
	if version != v.Kubernetes {
		return "", fmt.Errorf("the new kubelet says that it is %q, want %s", version, v.Kubernetes)
	}
	return version, nil
}

// kubernetes runs the one program under the name of one that it is.
func kubernetes(ctx context.Context, program, name string, args ...string) *run.Cmd {
	// exec -a sets the name by which a program is called; a link would have to be made and removed.
	script := `exec -a "$0" "$@"`
	return run.Command(ctx, "bash", append([]string{"-c", script, name, program}, args...)...)
}

// goModule is a Go module on disk.
type goModule struct {
	dir  string
	jobs int
	work *work
}

// command is the go command in the module. Of the user's settings it keeps where modules come from and where caches are.
func (m goModule) command(ctx context.Context, args ...string) *run.Cmd {
	cmd := run.Command(ctx, "go", args...)
	cmd.Dir = m.dir
	cmd.Env = []string{
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GO111MODULE=on", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64",
		"GOAMD64=v1", "GOEXPERIMENT=", "GODEBUG=", "LC_ALL=C",
	}
	cmd.Inherit = m.work.locks
	return cmd
}

// build compiles a package of the module into a program, and returns how many packages that takes.
func (m goModule) build(ctx context.Context, pkg, to, flags string) (int, error) {
	name := filepath.Base(to)
	m.work.progress.step("fetch modules", "for %s", name)
	total, err := m.countPackages(ctx, pkg)
	if err != nil {
		return 0, fmt.Errorf("modules of %s: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return 0, err
	}
	note := ""
	if to := filepath.Base(kubernetesFile); name == to {
		note = fmt.Sprintf("about %d minutes unless Go's cache has it", 1+programsSeconds/60/max(m.jobs, 1))
	}
	m.work.progress.count("compile "+name, 0, total, note)
	cmd := m.command(ctx, "build", "-v", "-p", strconv.Itoa(max(m.jobs, 1)), "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", to, pkg)
	done := 0
	cmd.Line = func(line string) {
		if isPackage(line) {
			done++
			m.work.progress.count("compile "+name, done, total, line)
		}
	}
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("compile %s: %w", name, err)
	}
	return total, nil
}

// countPackages fetches the modules of a package and counts all packages that it needs.
func (m goModule) countPackages(ctx context.Context, pkg string) (int, error) {
	cmd := m.command(ctx, "list", "-deps", pkg)
	total := 0
	cmd.Line = func(line string) {
		if module, ok := strings.CutPrefix(line, "go: downloading "); ok {
			m.work.progress.step("fetch modules", "%s", module)
		} else if isPackage(line) {
			total++
		}
	}
	return total, cmd.Run()
}

// isPackage tells the path of a package from what else the go command prints.
func isPackage(line string) bool {
	return line != "" && !strings.HasPrefix(line, "#") && !strings.ContainsAny(line, " :\t")
}

// copyFiles copies the wanted files of kind's base image out of its module.
func (m goModule) copyFiles(ctx context.Context, module, from, to string) error {
	if err := m.command(ctx, "mod", "download", module).Run(); err != nil {
		return fmt.Errorf("module %s: %w", module, err)
	}
	out, err := m.command(ctx, "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("module %s: %w", module, err)
	}
	dir := strings.TrimSpace(string(out))
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("module %s: its folder is %q", module, dir)
	}
	for _, file := range node.BaseFiles() {
		target := filepath.Join(to, file)
		if err := copyFile(filepath.Join(dir, from, file), target); err != nil {
			return fmt.Errorf("module %s: %w", module, err)
		}
		mode := fs.FileMode(0o644)
		if node.Executable(file) {
			mode = 0o755
		}
		if err := os.Chmod(target, mode); err != nil {
			return err
		}
	}
	return nil
}
