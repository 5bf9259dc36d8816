package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/lab/image/node"
	"github.com/ptplab/ptplab/lab/run"
)

const (
	nodeRecipe  = "2"         // raise it when the way of building changes what comes out
	nodeNeed    = 1800 * mib  // packages, tree, layer, archive
	nodeArchive = "image.tar" // the payload
)

// NodeImage is what Docker and kind know of a node image.
type NodeImage struct {
	Reference  string   `json:"reference"`  // "localhost/ptplab/node:v1.34.4-0123456789ab"
	ID         string   `json:"id"`         // "sha256:...", as docker images shows it
	Kubernetes string   `json:"kubernetes"` // "v1.34.4"
	Images     []string `json:"images"`     // what its containerd has, so that no registry is needed
	Agent      string   `json:"agent"`      // the one of Images whose files are mounted when a node starts: see node.LayerLabRoot
	Prometheus string   `json:"prometheus"` // the one of Images that is Prometheus, "localhost/ptplab/prometheus:2.53.3"
}

// Node is the image of kind's nodes, from Debian packages and Go modules alone: an archive that docker load takes. Its
// path is that of the file; ReadNode tells its name.
//
// Options.Preload adds images to those that the node's containerd has.
func Node(options Options) (Image, error) {
	options, err := options.withDefaults()
	if err != nil {
		return Image{}, err
	}
	programs, err := Programs(options)
	if err != nil {
		return Image{}, err
	}
	versions, err := node.ReadVersions()
	if err != nil {
		return Image{}, err
	}
	in, err := nodeInputs(options.Preload)
	if err != nil {
		return Image{}, err
	}
	in["programs"] = programs.Key()
	builder := nodeBuilder{options: options, versions: versions, programs: programs, key: in.key()}
	return Image{
		kind: KindNode, payload: nodeArchive, options: options, need: nodeNeed,
		choices: []choice{{name: versions.Kubernetes, inputs: in}},
		recipe:  builder.build,
		missing: builder.missing,
	}, nil
}

func nodeInputs(preload []string) (inputs, error) {
	known, err := node.Inputs()
	if err != nil {
		return nil, err
	}
	in := inputs(known)
	in["recipe"], in["arch"] = nodeRecipe, "amd64"
	for n, archive := range preload {
		sum, err := fileSum(archive)
		if err != nil {
			return nil, fmt.Errorf("preload: %w", err)
		}
		in[fmt.Sprintf("preload %d", n)] = sum
	}
	return in, nil
}

// ReadNode is what Docker and kind know of the node image at path, as returned by Build.
func ReadNode(path string) (NodeImage, error) {
	m, err := readManifest(filepath.Dir(path))
	if err != nil {
		return NodeImage{}, fmt.Errorf("node image: %w", err)
	}
	if m.Image == nil {
		return NodeImage{}, fmt.Errorf("node image: %s is a %s image", path, m.Kind)
	}
	return *m.Image, nil
}

// nodeBuilder is how the node image is built.
type nodeBuilder struct {
	options  Options
	versions node.Versions
	programs Image
	key      string
}

// missing is what the host lacks for the image and, if they are not in the cache, for its programs.
func (b nodeBuilder) missing(kinds ...Kind) []Tool {
	if _, ok := b.programs.Path(context.Background()); !ok {
		kinds = append(slices.Clone(kinds), KindPrograms)
	}
	return Missing(kinds...)
}

// build is the recipe.
func (b nodeBuilder) build(ctx context.Context, w *work) (Manifest, error) {
	programs, err := b.programs.build(ctx, newReporter(w.progress.tell, KindPrograms))
	if err != nil {
		return Manifest{}, err
	}
	held, err := Use(programs)
	if err != nil {
		return Manifest{}, err
	}
	defer held.Close()
	w.progress.step("fetch packages", "from Debian suite %s", node.Suite)
	tree := nodeTree{root: filepath.Join(w.dir, "root"), programs: programs, versions: b.versions, work: w}
	packages, err := tree.unpack(ctx, b.options.Mirror)
	if err != nil {
		return Manifest{}, err
	}
	if err := tree.furnish(); err != nil {
		return Manifest{}, err
	}
	prometheus := packages[node.ExtraPackage]
	images, err := tree.preload(ctx, prometheus, b.options.Preload)
	if err != nil {
		return Manifest{}, err
	}
	w.progress.step("pack", "")
	described := NodeImage{
		Reference: "localhost/ptplab/node:" + b.versions.Kubernetes + "-" + short(b.key), Kubernetes: b.versions.Kubernetes, Images: images,
		Agent: node.AgentImage, Prometheus: node.PrometheusImage(prometheus),
	}
	archive, scratch := filepath.Join(w.dir, nodeArchive), filepath.Join(w.dir, "layer.tar")
	if described.ID, err = node.WriteArchive(archive, tree.root, scratch, described.Reference); err != nil {
		return Manifest{}, err
	}
	if err := removeAll(tree.root); err != nil {
		return Manifest{}, err
	}
	return Manifest{Name: b.versions.Kubernetes, Version: b.versions.Kubernetes, Packages: packages, Image: &described}, nil
}

// nodeTree is the node's file system in the making.
type nodeTree struct {
	root     string
	programs string // the folder that Programs made
	versions node.Versions
	work     *work
}

// unpack gets Debian's packages and removes what a node never reads.
func (t nodeTree) unpack(ctx context.Context, mirror string) (map[string]string, error) {
	scratch := filepath.Join(t.work.dir, "scratch")
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return nil, err
	}
	apt := archive{mirror: mirror, work: t.work}
	versions, err := apt.unpack(ctx, node.Suite, t.root, scratch, node.Packages(), extraEnvironment(node.ExtraPackage))
	if err == nil {
		versions[node.ExtraPackage], err = t.unpackExtra(ctx, scratch)
	}
	if err := errors.Join(err, removeAll(scratch)); err != nil {
		return nil, err
	}
	t.work.progress.step("trim", "")
	for _, pattern := range node.Removed() {
		paths, err := globIn(t.root, pattern)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if err := removeAll(path); err != nil {
				return nil, err
			}
		}
	}
	if err := trimDoc(filepath.Join(t.root, "usr/share/doc")); err != nil {
		return nil, err
	}
	return versions, dropDanglingLinks(t.root, "etc", "usr/bin", "usr/sbin", "usr/lib", "usr/share")
}

// unpackExtra makes the layer of Prometheus from the package that was downloaded to scratch, and returns its version.
func (t nodeTree) unpackExtra(ctx context.Context, scratch string) (version string, err error) {
	debs, err := globIn(scratch, node.ExtraPackage+"_*.deb")
	if err != nil {
		return "", err
	}
	if len(debs) != 1 {
		return "", fmt.Errorf("package %s: %d files came, want 1", node.ExtraPackage, len(debs))
	}
	_, version, ok := parseDebName(filepath.Base(debs[0]))
	if !ok {
		return "", fmt.Errorf("package %s: file name %s", node.ExtraPackage, filepath.Base(debs[0]))
	}
	unpacked := filepath.Join(scratch, "extra")
	if err := unpackDeb(ctx, t.work, debs[0], unpacked); err != nil {
		return "", err
	}
	program := filepath.Join(t.layer(node.LayerPrometheus), node.PrometheusProgram)
	return version, t.copyOver(filepath.Join(unpacked, node.PrometheusProgram), program, true)
}

// furnish makes what package scripts, kind's base image and kind's build would have made, and checks that it is whole.
func (t nodeTree) furnish() error {
	t.work.progress.step("furnish", "")
	for _, make := range []func() error{t.makeDirs, t.copyBase, t.writeTexts, t.makeUsers, t.makeCertificates, t.makeLinks, t.makeLayers} {
		if err := make(); err != nil {
			return fmt.Errorf("furnish: %w", err)
		}
	}
	return t.check()
}

func (t nodeTree) path(inside string) string { return filepath.Join(t.root, inside) }

func (t nodeTree) layer(name string) string { return t.path(filepath.Join(node.LayersDir, name)) }

func (t nodeTree) makeDirs() error {
	for _, dir := range node.Dirs() {
		if err := os.MkdirAll(t.path(dir), 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{"tmp", "var/tmp"} {
		if err := os.Chmod(t.path(dir), 0o777|os.ModeSticky); err != nil {
			return err
		}
	}
	return nil
}

// copyBase copies the files of kind's base image.
func (t nodeTree) copyBase() error {
	for _, file := range node.BaseFiles() {
		if err := t.copyOver(filepath.Join(t.programs, kindFiles, file), t.path(file), node.Executable(file)); err != nil {
			return err
		}
	}
	return nil
}

// copyOver copies a file, readable by all, in the place of what was there.
func (t nodeTree) copyOver(from, to string, executable bool) error {
	if err := t.clear(to); err != nil {
		return err
	}
	if err := copyFile(from, to); err != nil {
		return err
	}
	if executable {
		return os.Chmod(to, 0o755)
	}
	return os.Chmod(to, 0o644)
}

// clear makes the folder of a file, and removes the file.
func (t nodeTree) clear(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return removeAll(path)
}

func (t nodeTree) writeTexts() error {
	texts, err := node.Texts(t.versions)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if err := t.write(name, texts[name]); err != nil {
			return err
		}
	}
	return nil
}

func (t nodeTree) write(name, text string) error {
	if err := t.clear(t.path(name)); err != nil {
		return err
	}
	return os.WriteFile(t.path(name), []byte(text), 0o644)
}

// makeUsers writes Debian's users and groups, and those that services of the image want.
func (t nodeTree) makeUsers() error {
	for _, kind := range []string{"passwd", "group"} {
		text, err := os.ReadFile(t.path("usr/share/base-passwd/" + kind + ".master"))
		if err != nil {
			return err
		}
		if err := t.write("etc/"+kind, string(text)+node.Users()[kind]); err != nil {
			return err
		}
	}
	return nil
}

// makeCertificates makes the one file of certificate authorities that programs read.
func (t nodeTree) makeCertificates() error {
	all, err := joinCertificates(t.root)
	if err != nil {
		return err
	}
	return t.write(certificatesFile, all)
}

func (t nodeTree) makeLinks() error {
	links := node.Links()
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if err := t.link(t.path(name), links[name]); err != nil {
			return err
		}
	}
	return nil
}

func (t nodeTree) link(path, target string) error {
	if err := t.clear(path); err != nil {
		return err
	}
	return os.Symlink(target, path)
}

// makeLayers makes the folders that are the layers of the components' images.
func (t nodeTree) makeLayers() error {
	programs := filepath.Join(t.layer(node.LayerPrograms), "usr/local/bin")
	if err := t.copyOver(filepath.Join(t.programs, kubernetesFile), filepath.Join(programs, "kubernetes"), true); err != nil {
		return err
	}
	for _, program := range node.Programs() {
		if err := t.link(filepath.Join(programs, program), "kubernetes"); err != nil {
			return err
		}
	}
	if err := t.copyOver(filepath.Join(t.programs, pauseFile), filepath.Join(t.layer(node.LayerPause), "pause"), true); err != nil {
		return err
	}
	return t.makeTools()
}

// makeTools makes the layer with what the components call. Its files are the node's own by another name, so that they
// take no space, and no memory twice.
func (t nodeTree) makeTools() error {
	tools := t.layer(node.LayerTools)
	for _, dir := range node.ToolDirs() {
		if err := os.MkdirAll(filepath.Join(tools, dir), 0o755); err != nil {
			return err
		}
	}
	files, err := t.toolFiles()
	if err != nil {
		return err
	}
	for _, file := range files {
		to := filepath.Join(tools, file)
		if err := t.clear(to); err != nil {
			return err
		}
		if err := os.Link(t.path(file), to); err != nil {
			return err
		}
	}
	links := node.ToolLinks()
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if err := t.link(filepath.Join(tools, name), links[name]); err != nil {
			return err
		}
	}
	return nil
}

// toolFiles lists the programs of the layer with all libraries that they load, and the links on the way to them.
func (t nodeTree) toolFiles() ([]string, error) {
	binaries, err := readBinaries(t.root)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	var add func(path string) error
	add = func(path string) error {
		if found[path] {
			return nil
		}
		found[path] = true
		target, err := resolveIn(t.root, path)
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(t.root, target)
		if err != nil {
			return err
		}
		found[inside] = true
		b := binaries[inside]
		for _, dir := range libraryDirs() {
			for _, name := range b.needed {
				if path := filepath.Join(dir, name); exists(t.path(path)) {
					if err := add(path); err != nil {
						return err
					}
				}
			}
		}
		if b.loader != "" {
			return add(filepath.Join("usr", b.loader))
		}
		return nil
	}
	plugins, err := globIn(t.root, node.ToolPlugins+"/*")
	if err != nil {
		return nil, err
	}
	for _, path := range plugins {
		plugin, err := filepath.Rel(t.root, path)
		if err != nil {
			return nil, err
		}
		if err := add(plugin); err != nil {
			return nil, err
		}
	}
	for _, program := range node.ToolPrograms() {
		path := filepath.Join("usr/sbin", program)
		if !exists(t.path(path)) {
			path = filepath.Join("usr/bin", program)
		}
		if err := add(path); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// exists reports whether there is anything at path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// check finds programs and libraries that are not there, without running anything.
func (t nodeTree) check() error {
	t.work.progress.step("check", "")
	var faults []string
	for _, name := range node.RequiredPrograms() {
		if !hasProgram(t.root, name) {
			faults = append(faults, "no program "+name)
		}
	}
	for _, path := range []string{"sbin/init", "usr/bin/kubelet", "usr/bin/kubeadm", "opt/cni/bin/ptp", "usr/local/bin/containerd"} {
		if _, err := resolveIn(t.root, path); err != nil {
			faults = append(faults, "no "+path)
		}
	}
	libraries, err := missingLibraries(t.root)
	if err != nil {
		return err
	}
	// systemd's own libraries find each other because the program that loads them says where.
	libraries = slices.DeleteFunc(libraries, func(fault string) bool { return strings.HasPrefix(fault, libraryDir+"/systemd/") })
	if faults = append(faults, libraries...); len(faults) > 0 {
		return &RootError{Faults: faults}
	}
	return nil
}

// preload writes containerd's state with the images of the components, and of archives. It returns their names.
func (t nodeTree) preload(ctx context.Context, prometheus string, archives []string) ([]string, error) {
	t.work.progress.step("preload images", "")
	images, err := t.components(ctx, prometheus)
	if err != nil {
		return nil, err
	}
	for n, archive := range archives {
		more, err := node.UnpackArchive(archive, t.path(node.LayersDir), fmt.Sprintf("preload-%d", n))
		if err != nil {
			return nil, fmt.Errorf("preload: %w", err)
		}
		images = append(images, more...)
	}
	plan := node.StatePlan{Root: t.path("var/lib/containerd"), Spec: t.path("etc/containerd/cri-base.json")}
	var names []string
	for _, image := range images {
		state, err := image.State()
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", image.Names[0], err)
		}
		plan.Images = append(plan.Images, state)
		names = append(names, image.Names...)
	}
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	cmd := run.Command(ctx, filepath.Join(t.programs, storeFile))
	cmd.Stdin = bytes.NewReader(text)
	return names, cmd.Run()
}

// components are the images that kubeadm asks for, the pod network and pause, and those of the lab: its own and the given
// version of Prometheus.
func (t nodeTree) components(ctx context.Context, prometheus string) ([]node.Image, error) {
	program := filepath.Join(t.programs, kubernetesFile)
	required, err := kubernetes(ctx, program, "kubeadm", "config", "images", "list", "--kubernetes-version", t.versions.Kubernetes).Output()
	if err != nil {
		return nil, fmt.Errorf("images that kubeadm wants: %w", err)
	}
	layers := map[string]node.Layer{}
	for _, name := range []string{node.LayerTools, node.LayerPrograms, node.LayerPause, node.LayerPrometheus} {
		if layers[name], err = node.Measure(name, t.layer(name)); err != nil {
			return nil, err
		}
	}
	list, err := node.Components(string(required), t.versions, layers[node.LayerTools], layers[node.LayerPrograms], layers[node.LayerPause])
	if err != nil {
		return nil, err
	}
	return append(list, node.Agent(), node.Prometheus(prometheus, layers[node.LayerTools], layers[node.LayerPrometheus])), nil
}
