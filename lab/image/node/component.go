package node

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The layers of the components' images, folders below LayersDir in the node image. All components but pause share both of
// theirs, so the node keeps one program and one set of tools for all.
const (
	LayersDir     = "usr/lib/ptplab/layers"
	LayerTools    = "tools"      // shell, iptables, ip: what kube-proxy and podnet call
	LayerPrograms = "kubernetes" // the programs
	LayerPause    = "pause"

	LayerPrometheus = "prometheus"
)

// The layers of AgentImage. Their folders are empty in the node image: who starts a node mounts there, read-only, the root
// file system that pods shall see and a folder with usr/local/bin/ptplab. An overlay takes a mount at the folder itself and
// none below it, and refuses two folders of one file system one of which is inside the other.
const (
	LayerLabRoot = "lab-root"
	LayerPtplab  = "ptplab"
)

// LayerPath is where the files of a layer are on a node, an absolute path.
func LayerPath(layer string) string { return path.Join("/", LayersDir, layer) }

// AgentImage is the name of the image whose files come when the lab runs: the lab's own root file system, and ptplab.
const AgentImage = "localhost/ptplab/agent:lab"

// searchPath is PATH in the images made here.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// SandboxImage is what kind's containerd configuration names.
const SandboxImage = "registry.k8s.io/pause:3.10"

// PodnetImage is the name of the pod network's image, which no registry has.
func PodnetImage(v Versions) string { return "localhost/ptplab/podnet:" + v.Kubernetes }

// Programs are the names by which the one program is called on the node.
func Programs() []string {
	return []string{
		"coredns", "crictl", "etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubeadm", "kubectl",
		"kubelet", "podnet",
	}
}

// Layer is a folder of the node image that is also a layer of images.
type Layer struct {
	Name   string
	DiffID string // "sha256:...": of the layer as a tar archive
	Size   int64  // bytes of that archive
}

// Image is an image that is already unpacked on the node.
type Image struct {
	Names  []string
	Layers []Layer
	Config v1.Config
	Pinned bool // the kubelet never removes it
}

// Components are the images of a cluster's components. Required is what kubeadm asks for, one name on each line.
func Components(required string, v Versions, tools, programs, pause Layer) ([]Image, error) {
	sandbox := Image{
		Names: []string{SandboxImage}, Layers: []Layer{pause}, Pinned: true,
		Config: v1.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"},
	}
	var list []Image
	for _, name := range append(strings.Fields(required), PodnetImage(v)) {
		program, _, ok := strings.Cut(path.Base(name), ":")
		switch {
		case !ok:
			return nil, fmt.Errorf("image %q has no tag", name)
		case program == "pause":
			if !slices.Contains(sandbox.Names, name) {
				sandbox.Names = append(sandbox.Names, name)
			}
		case slices.Contains(Programs(), program):
			list = append(list, Image{Names: []string{name}, Layers: []Layer{tools, programs}, Config: componentConfig(program)})
		default:
			return nil, fmt.Errorf("image %s: there is no program %s", name, program)
		}
	}
	return append(list, sandbox), nil
}

func componentConfig(program string) v1.Config {
	return v1.Config{
		Env:        []string{searchPath},
		Entrypoint: []string{"/usr/local/bin/" + program},
		WorkingDir: "/",
	}
}

// Agent is AgentImage, which starts nothing by itself.
func Agent() Image {
	return Image{
		Names: []string{AgentImage}, Layers: []Layer{mounted(LayerLabRoot), mounted(LayerPtplab)}, Pinned: true,
		Config: v1.Config{Env: []string{searchPath}, WorkingDir: "/"},
	}
}

// mounted is a layer whose files nobody knows yet. Its digest is that of its name, so that no other image shares it:
// containerd looks at digests only when it unpacks an image.
func mounted(name string) Layer {
	sum := sha256.Sum256([]byte("mounted " + name))
	return Layer{Name: name, DiffID: "sha256:" + hex.EncodeToString(sum[:])}
}

// PrometheusImage is the name of the image of a version of Debian's package prometheus, such as "2.53.3+ds1-2".
func PrometheusImage(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok { // an epoch, which a tag cannot hold; nor a plus
		version = rest
	}
	version, _, _ = strings.Cut(version, "-")
	version, _, _ = strings.Cut(version, "+")
	return "localhost/ptplab/prometheus:" + version
}

// PrometheusLab is another name of the same image, whatever its version.
const PrometheusLab = "localhost/ptplab/prometheus:lab"

// PrometheusProgram is the program in the layer LayerPrometheus, and in Debian's package.
const PrometheusProgram = "usr/bin/prometheus"

// Prometheus is the image of Debian's Prometheus. Of the tools it needs the C library, and whoever looks into it a shell.
func Prometheus(version string, tools, program Layer) Image {
	return Image{
		Names: []string{PrometheusImage(version), PrometheusLab}, Layers: []Layer{tools, program}, Pinned: true,
		Config: v1.Config{Env: []string{searchPath}, Entrypoint: []string{"/" + PrometheusProgram}, WorkingDir: "/"},
	}
}

// StatePlan is the input of the program store: what containerd's state folder shall hold.
type StatePlan struct {
	Root   string       `json:"root"` // where to make the folder
	Spec   string       `json:"spec"` // where to make the base of container specifications
	Images []StateImage `json:"images"`
}

// StateImage is one image of the state.
type StateImage struct {
	Names    []string `json:"names"`
	Manifest []byte   `json:"manifest"`
	Config   []byte   `json:"config"`
	Layers   []string `json:"layers"` // where each layer's files are on the node
	Pinned   bool     `json:"pinned"`
}

// State is the image as containerd shall know it.
func (i Image) State() (StateImage, error) {
	state := StateImage{Names: i.Names, Pinned: i.Pinned}
	file := v1.ConfigFile{Architecture: "amd64", OS: "linux", Config: i.Config, RootFS: v1.RootFS{Type: "layers"}}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for _, layer := range i.Layers {
		hash, err := v1.NewHash(layer.DiffID)
		if err != nil {
			return state, fmt.Errorf("layer %s: %w", layer.Name, err)
		}
		file.RootFS.DiffIDs = append(file.RootFS.DiffIDs, hash)
		manifest.Layers = append(manifest.Layers, v1.Descriptor{MediaType: types.OCIUncompressedLayer, Size: layer.Size, Digest: hash})
		state.Layers = append(state.Layers, LayerPath(layer.Name))
	}
	config, err := json.Marshal(file)
	if err != nil {
		return state, err
	}
	sum := sha256.Sum256(config)
	manifest.Config = v1.Descriptor{
		MediaType: types.OCIConfigJSON, Size: int64(len(config)), Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])},
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return state, err
	}
	state.Config, state.Manifest = config, text
	return state, nil
}
