package node

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Both modules must be whole, and every staging repository of Kubernetes must be of the release that k8s.io/kubernetes is.
func TestModules(t *testing.T) {
	v, err := ReadVersions()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := WriteModules(dir); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"programs/go.mod", "programs/go.sum", "programs/main.go", "programs/pause/main.go", "store/go.mod", "store/go.sum", "store/main.go"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "programs/go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	staging := "v0." + strings.TrimPrefix(v.Kubernetes, "v1.")
	replaced := regexp.MustCompile(`(?m)^\t(k8s\.io/\S+) => (\S+) (\S+)$`).FindAllStringSubmatch(string(text), -1)
	if len(replaced) < 25 {
		t.Errorf("%d repositories are replaced, want all", len(replaced))
	}
	for _, r := range replaced {
		if r[1] != r[2] || r[3] != staging {
			t.Errorf("%s is replaced by %s %s, want %s %s", r[1], r[2], r[3], r[1], staging)
		}
	}
	sums, err := os.ReadFile(filepath.Join(dir, "programs/go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"k8s.io/kubernetes " + v.Kubernetes + " h1:", "sigs.k8s.io/kind " + v.Kind + " h1:"} {
		if !strings.Contains(string(sums), want) {
			t.Errorf("go.sum has no line %s", want)
		}
	}
}

// The names that the node links must be those that the program knows.
func TestProgramsAreDispatched(t *testing.T) {
	files, err := Modules()
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(files, "programs/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, found := range regexp.MustCompile(`(?m)^\t\t"([a-z-]+)": `).FindAllStringSubmatch(string(text), -1) {
		known = append(known, found[1])
	}
	slices.Sort(known)
	if !slices.Equal(known, Programs()) {
		t.Errorf("main.go has %q, want %q", known, Programs())
	}
}

func TestLinkerFlags(t *testing.T) {
	flags, err := Versions{Kubernetes: "v1.34.4"}.LinkerFlags()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"k8s.io/component-base/version.gitVersion=v1.34.4", "k8s.io/client-go/pkg/version.gitMinor=34"} {
		if !strings.Contains(flags, want) {
			t.Errorf("flags %q, want %s among them", flags, want)
		}
	}
	if _, err := (Versions{Kubernetes: "v1"}).LinkerFlags(); err == nil {
		t.Error("version v1 is taken")
	}
}

const required = `registry.k8s.io/kube-apiserver:v1.34.4
registry.k8s.io/coredns/coredns:v1.12.1
registry.k8s.io/pause:3.10.1
registry.k8s.io/etcd:3.6.5-0
`

func components(t *testing.T, required string) ([]Image, error) {
	t.Helper()
	layer := func(name, digit string) Layer {
		return Layer{Name: name, DiffID: "sha256:" + strings.Repeat(digit, 64), Size: 10}
	}
	return Components(required, Versions{Kubernetes: "v1.34.4"}, layer(LayerTools, "a"), layer(LayerPrograms, "b"), layer(LayerPause, "c"))
}

func TestComponents(t *testing.T) {
	list, err := components(t, required)
	if err != nil {
		t.Fatal(err)
	}
	entry := map[string]string{}
	for _, image := range list {
		for _, name := range image.Names {
			entry[name] = image.Config.Entrypoint[0]
		}
	}
	for name, want := range map[string]string{
		"registry.k8s.io/kube-apiserver:v1.34.4":  "/usr/local/bin/kube-apiserver",
		"registry.k8s.io/coredns/coredns:v1.12.1": "/usr/local/bin/coredns", // its Deployment has no command
		"registry.k8s.io/etcd:3.6.5-0":            "/usr/local/bin/etcd",
		"localhost/ptplab/podnet:v1.34.4":         "/usr/local/bin/podnet",
		"registry.k8s.io/pause:3.10.1":            "/pause",
		SandboxImage:                              "/pause",
	} {
		if entry[name] != want {
			t.Errorf("%s starts %q, want %q", name, entry[name], want)
		}
	}
	if last := list[len(list)-1]; !last.Pinned || len(last.Layers) != 1 {
		t.Errorf("the sandbox image is %+v, want it pinned and of one layer", last)
	}
	for _, bad := range []string{"registry.k8s.io/kube-apiserver", "registry.k8s.io/kube-dns:v1"} {
		if _, err := components(t, bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// The folders of the agent's layers are in the node image, and no other image's layer can be taken for one of them.
func TestAgent(t *testing.T) {
	agent := Agent()
	state, err := agent.State()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{LayerPath(LayerLabRoot), LayerPath(LayerPtplab)}; !slices.Equal(state.Layers, want) {
		t.Errorf("layers at %q, want %q", state.Layers, want)
	}
	for _, dir := range state.Layers {
		if !slices.Contains(Dirs(), strings.TrimPrefix(dir, "/")) {
			t.Errorf("the node has no folder %s", dir)
		}
	}
	empty, err := Measure("empty", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	digests := []string{empty.DiffID, agent.Layers[0].DiffID, agent.Layers[1].DiffID}
	slices.Sort(digests)
	if len(slices.Compact(digests)) != 3 {
		t.Errorf("digests %q, want three", digests)
	}
	if !state.Pinned || len(agent.Config.Entrypoint) > 0 || !slices.Equal(state.Names, []string{"localhost/ptplab/agent:lab"}) {
		t.Errorf("image %+v", agent)
	}
}

func TestPrometheus(t *testing.T) {
	for version, want := range map[string]string{
		"2.53.3+ds1-2": "localhost/ptplab/prometheus:2.53.3", "3.1.0-1": "localhost/ptplab/prometheus:3.1.0", "1:3.1-2": "localhost/ptplab/prometheus:3.1",
	} {
		if got := PrometheusImage(version); got != want {
			t.Errorf("version %s makes the image %s, want %s", version, got, want)
		}
	}
	image := Prometheus("3.1", Layer{Name: LayerTools}, Layer{Name: LayerPrometheus})
	if len(image.Layers) != 2 || image.Layers[1].Name != LayerPrometheus || image.Config.Entrypoint[0] != "/usr/bin/prometheus" || !slices.Contains(image.Names, PrometheusLab) {
		t.Errorf("image %+v", image)
	}
}

func TestState(t *testing.T) {
	list, err := components(t, required)
	if err != nil {
		t.Fatal(err)
	}
	state, err := list[0].State()
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct {
			MediaType, Digest string
			Size              int
		}
	}
	if err := json.Unmarshal(state.Manifest, &manifest); err != nil {
		t.Fatal(err)
	}
	var config struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(state.Config, &config); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Layers) != 2 || manifest.Layers[1].Digest != config.RootFS.DiffIDs[1] || manifest.Layers[0].Size != 10 {
		t.Errorf("manifest %s, configuration %s", state.Manifest, state.Config)
	}
	want := []string{"/usr/lib/ptplab/layers/tools", "/usr/lib/ptplab/layers/kubernetes"}
	if !slices.Equal(state.Layers, want) {
		t.Errorf("layers at %q, want %q", state.Layers, want)
	}
	list[0].Layers[0].DiffID = "sha256:short"
	if _, err := list[0].State(); err == nil {
		t.Error("a layer with half a hash is taken")
	}
}

// What kind's node image build writes, kind reads; and containerd's sandbox image must be one that the node has.
func TestTexts(t *testing.T) {
	texts, err := Texts(Versions{Kubernetes: "v1.34.4"})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts["kind/version"]; got != "v1.34.4" {
		t.Errorf("kind/version is %q", got)
	}
	if config := texts["etc/containerd/config.toml"]; !strings.Contains(config, `sandbox_image = "`+SandboxImage+`"`) {
		t.Errorf("containerd's configuration does not have %s:\n%s", SandboxImage, config)
	}
	cni := texts["kind/manifests/default-cni.yaml"]
	for _, want := range []string{"image: localhost/ptplab/podnet:v1.34.4\n", "{{ .PodSubnet }}", "would you kindly template this file", "would you kindly patch this file"} {
		if !strings.Contains(cni, want) {
			t.Errorf("the manifest of the pod network has no %q", want)
		}
	}
	if got := texts["var/lib/dpkg/alternatives/iptables"]; !strings.Contains(got, "/usr/sbin/iptables-nft\n20\n/usr/sbin/iptables-nft-restore\n/usr/sbin/iptables-nft-save\n") {
		t.Errorf("alternatives of iptables:\n%s", got)
	}
}

func TestLinks(t *testing.T) {
	links := Links()
	for name, want := range map[string]string{
		"usr/bin/kubelet":           "/usr/lib/ptplab/layers/kubernetes/usr/local/bin/kubernetes",
		"usr/sbin/iptables":         "/etc/alternatives/iptables",
		"etc/alternatives/iptables": "/usr/sbin/iptables-nft",
	} {
		if links[name] != want {
			t.Errorf("%s is a link to %q, want %q", name, links[name], want)
		}
	}
	if _, ok := links["usr/bin/etcd"]; ok {
		t.Error("the node has etcd outside its container")
	}
	if got := ToolLinks()["usr/sbin/ip6tables-save"]; got != "ip6tables-nft-save" {
		t.Errorf("ip6tables-save is a link to %q", got)
	}
}

// A file that Removed takes must not be one that is wanted.
func TestRemovedIsNotWanted(t *testing.T) {
	for _, pattern := range Removed() {
		for _, program := range slices.Concat(RequiredPrograms(), ToolPrograms()) {
			for _, dir := range []string{"usr/bin", "usr/sbin"} {
				if ok, err := path.Match(pattern, dir+"/"+program); err != nil || ok {
					t.Errorf("%s removes %s/%s (%v)", pattern, dir, program, err)
				}
			}
		}
	}
}

// The key of the image must change with everything that comes into it.
func TestInputs(t *testing.T) {
	in, err := Inputs()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"suite", "packages", "removed", "kind", "file kind/version", "file kind/manifests/default-cni.yaml", "link usr/bin/kubelet", "tools", "users", "agent", "prometheus", "extra package"} {
		if in[name] == "" {
			t.Errorf("%q is not among the inputs", name)
		}
	}
}
