// Package node is what a Kubernetes node image for kind is made of when there is no registry: the Go modules with the
// programs, what is taken from Debian, the images of the components, and how all of it becomes one archive.
package node

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// The modules are kept with other names for go.mod and go.sum, because Go embeds no file of another module.
//
//go:embed all:_modules
var modules embed.FS

// Modules are the sources of the programs: a folder for each Go module.
func Modules() (fs.FS, error) { return fs.Sub(modules, "_modules") }

// WriteModules writes the modules to the folder dir, ready to build.
func WriteModules(dir string) error {
	files, err := Modules()
	if err != nil {
		return err
	}
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, strings.TrimSuffix(name, ".txt"))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
}

// Versions are those of the modules that the programs are built from.
type Versions struct {
	Kubernetes string // "v1.34.4"
	Kind       string // "v0.33.0"
}

// ReadVersions finds the versions in the go.mod file of the programs.
func ReadVersions() (Versions, error) {
	text, err := fs.ReadFile(modules, path.Join("_modules", "programs", "go.mod.txt"))
	if err != nil {
		return Versions{}, err
	}
	var v Versions
	for module, to := range map[string]*string{"k8s.io/kubernetes": &v.Kubernetes, "sigs.k8s.io/kind": &v.Kind} {
		line := regexp.MustCompile(`(?m)^\t` + regexp.QuoteMeta(module) + ` (v\S+)`)
		found := line.FindSubmatch(text)
		if found == nil {
			return Versions{}, fmt.Errorf("modules: go.mod does not require %s", module)
		}
		*to = string(found[1])
	}
	return v, nil
}

// LinkerFlags make the programs say their version, and nothing of when and where they were built.
func (v Versions) LinkerFlags() (string, error) {
	parts := strings.SplitN(strings.TrimPrefix(v.Kubernetes, "v"), ".", 3)
	if len(parts) != 3 {
		return "", fmt.Errorf("version %q is not like v1.34.4", v.Kubernetes)
	}
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, set := range []string{
			"gitVersion=" + v.Kubernetes, "gitMajor=" + parts[0], "gitMinor=" + parts[1], "gitTreeState=clean",
			"buildDate=1970-01-01T00:00:00Z",
		} {
			flags = append(flags, "-X", pkg+"."+set)
		}
	}
	return strings.Join(flags, " "), nil
}
