package kind

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// TestConfig describes a cluster of which one worker has a name that YAML takes for a number.
func TestConfig(t *testing.T) {
	o := Options{Name: "dnbc", Workers: []string{"w1", "2"}, Image: "node:lab", Dir: "/disk/cluster", RootFS: "/pristine", Self: "/disk/self"}
	c := o.config()
	if c.Name != "dnbc" || len(c.Nodes) != 3 || c.Networking.APIServerPort != APIServerPort {
		t.Fatalf("%+v", c)
	}
	for i, want := range []struct {
		role       v1alpha4.NodeRole
		kind, name string
	}{
		{v1alpha4.ControlPlaneRole, "InitConfiguration", "control-plane"},
		{v1alpha4.WorkerRole, "JoinConfiguration", "w1"},
		{v1alpha4.WorkerRole, "JoinConfiguration", "2"},
	} {
		node := c.Nodes[i]
		var patch struct {
			Kind             string
			NodeRegistration struct{ Name any } `yaml:"nodeRegistration"`
		}
		if len(node.KubeadmConfigPatches) != 1 {
			t.Fatalf("node %d: %q", i, node.KubeadmConfigPatches)
		}
		if err := yaml.Unmarshal([]byte(node.KubeadmConfigPatches[0]), &patch); err != nil {
			t.Fatal(err)
		}
		if node.Role != want.role || node.Image != "node:lab" || patch.Kind != want.kind || patch.NodeRegistration.Name != want.name {
			t.Errorf("node %d: %+v, %+v", i, node, patch)
		}
		for _, m := range node.ExtraMounts {
			if !m.Readonly {
				t.Errorf("node %d may write %s", i, m.HostPath)
			}
		}
	}
	for _, patch := range c.KubeadmConfigPatches {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(patch), &object); err != nil || object["kind"] == nil {
			t.Errorf("%v:\n%s", err, patch)
		}
	}
}

// TestSetup differs where clusters do.
func TestSetup(t *testing.T) {
	seen := map[string]string{}
	for name, o := range map[string]Options{
		"two":        {Name: "a", Workers: []string{"w1", "w2"}},
		"turned":     {Name: "a", Workers: []string{"w2", "w1"}},
		"one":        {Name: "a", Workers: []string{"w1"}},
		"other name": {Name: "b", Workers: []string{"w1"}},
	} {
		text, err := Setup(o)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := Setup(o); again != text {
			t.Errorf("%s: not the same twice", name)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("%s is as %s", name, other)
		}
		seen[text] = name
	}
}

func TestNodeOf(t *testing.T) {
	o := Options{Name: "a", Workers: []string{"x", "y", "z"}}
	for container, want := range map[string]string{
		"a-control-plane": "control-plane", "a-worker": "x", "a-worker2": "y", "a-worker3": "z",
		"a-worker1": "", "a-worker4": "", "a-control-plane2": "", "b-worker": "", "a-external-load-balancer": "", "": "",
	} {
		got, err := o.nodeOf(container)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", container, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "cluster a") {
			t.Errorf("%q: %v", container, err)
		}
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{"Preparing nodes 📦 📦 ": "Preparing nodes   ", "Installing CNI 🔌": "Installing CNI ", "x": "x"} {
		if got := plain(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
