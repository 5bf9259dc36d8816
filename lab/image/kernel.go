package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/lab/run"
)

const (
	kernelRecipe = "1"        // raise it when the way of building changes what comes out
	kernelNeed   = 3000 * mib // unpacked source, object files, kernel
)

// kernelBuilder is how the lab kernel is built.
type kernelBuilder struct {
	options Options
	series  []string // to try, newest first
}

// Kernel is the lab kernel: a Debian kernel source with our patches, built for User Mode Linux. Its path is that of the
// executable. The entry also holds its configuration, in the file config.
//
// The newest series is wanted, and an older one is taken only if no package suite offers the source of a newer one. So the
// key of an older series contains the inputs of the newer ones: when those change, the search starts again.
func Kernel(options Options) (Image, error) {
	options, err := options.withDefaults()
	if err != nil {
		return Image{}, err
	}
	series, err := kernelSeries(options.Files)
	if err != nil {
		return Image{}, fmt.Errorf("kernel series: %w", err)
	}
	if options.Series != "" {
		if !slices.Contains(series, options.Series) {
			return Image{}, fmt.Errorf("kernel series %q: there are patches for %s", options.Series, strings.Join(series, ", "))
		}
		series = []string{options.Series}
	}
	choices, err := kernelChoices(options.Files, series)
	if err != nil {
		return Image{}, fmt.Errorf("kernel sources: %w", err)
	}
	builder := kernelBuilder{options: options, series: series}
	return Image{
		kind: KindKernel, payload: "linux", options: options, choices: choices, need: kernelNeed, recipe: builder.build,
		missing: Missing,
	}, nil
}

// kernelSeries lists the folders of series, newest version first.
func kernelSeries(files fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(files, "series")
	if err != nil {
		return nil, err
	}
	var series []string
	for _, entry := range entries {
		if entry.IsDir() {
			if _, _, ok := parseVersion(entry.Name()); !ok {
				return nil, fmt.Errorf("folder series/%s is not named like a kernel version, such as 6.12", entry.Name())
			}
			series = append(series, entry.Name())
		}
	}
	if len(series) == 0 {
		return nil, errors.New("the folder series is empty")
	}
	slices.SortFunc(series, func(a, b string) int { return compareVersions(b, a) })
	return series, nil
}

func parseVersion(text string) (major, minor int, ok bool) {
	a, b, found := strings.Cut(text, ".")
	major, errA := strconv.Atoi(a)
	minor, errB := strconv.Atoi(b)
	return major, minor, found && errA == nil && errB == nil
}

func compareVersions(a, b string) int {
	aMajor, aMinor, _ := parseVersion(a)
	bMajor, bMinor, _ := parseVersion(b)
	if aMajor != bMajor {
		return aMajor - bMajor
	}
	return aMinor - bMinor
}

// kernelChoices makes one choice of each series.
func kernelChoices(files fs.FS, series []string) ([]choice, error) {
	sum := inputs{"recipe": kernelRecipe, "arch": "um/x86_64"}
	for _, dir := range []string{"config", "src"} {
		if err := sum.addFiles(files, dir); err != nil {
			return nil, err
		}
	}
	var choices []choice
	for _, s := range series {
		sum[path.Join("series", s)] = "tried"
		if err := sum.addFiles(files, path.Join("series", s)); err != nil {
			return nil, err
		}
		own := inputs{}
		for name, value := range sum {
			own[name] = value
		}
		choices = append(choices, choice{name: s, inputs: own})
	}
	return choices, nil
}

// build is the recipe.
func (k kernelBuilder) build(ctx context.Context, w *work) (Manifest, error) {
	if strings.ContainsAny(k.options.CacheDir, " :\t\n") {
		return Manifest{}, fmt.Errorf("a kernel cannot be built in %q because of the space or colon in it; name another folder with PTPLAB_CACHE", k.options.CacheDir)
	}
	source, err := k.findSource(ctx, w)
	if err != nil {
		return Manifest{}, err
	}
	tree, err := k.openTree(ctx, w, source)
	if err != nil {
		return Manifest{}, err
	}
	defer tree.close()
	if err := tree.change(ctx, w, k.options.Files, source.series); err != nil {
		return Manifest{}, err
	}
	if err := tree.configure(ctx, w, k.options.Files, source.series); err != nil {
		return Manifest{}, err
	}
	objects, err := tree.compile(ctx, w, k.options.Jobs)
	if err != nil {
		return Manifest{}, err
	}
	version, err := tree.install(ctx, w)
	if err != nil {
		return Manifest{}, err
	}
	compiler, err := compilerVersion(ctx)
	if err != nil {
		return Manifest{}, err
	}
	return Manifest{
		Name: source.series, Version: version, Why: source.why, Source: &source.SourcePackage,
		Compiler: compiler, Objects: objects,
	}, nil
}

// install puts the stripped kernel and its configuration into the entry, and asks the kernel for its version, which
// shows that it runs.
func (t *tree) install(ctx context.Context, w *work) (version string, err error) {
	w.progress.step("check", "")
	kernel := filepath.Join(w.dir, "linux")
	if err := run.Command(ctx, "strip", "-o", kernel, filepath.Join(t.obj, "linux")).Run(); err != nil {
		return "", err
	}
	if err := os.Chmod(kernel, 0o700); err != nil {
		return "", err
	}
	if err := copyFile(filepath.Join(t.obj, ".config"), filepath.Join(w.dir, "config")); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := run.Command(ctx, kernel, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("the new kernel does not run: %w", err)
	}
	version = strings.TrimSpace(string(out))
	if version == "" {
		return "", errors.New("the new kernel does not say its version")
	}
	return version, nil
}

func compilerVersion(ctx context.Context) (string, error) {
	out, err := run.Command(ctx, "gcc", "--version").Output()
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}
