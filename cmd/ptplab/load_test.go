package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/ptplab/ptplab/lab"
)

// fakeLoader notes what it is given.
type fakeLoader struct {
	loaded []string
	nodes  []string
	err    error
}

func (f *fakeLoader) LoadImages(_ context.Context, archive *lab.ImageArchive, nodes []string, tell func(lab.LoadEvent)) (*lab.LoadResult, error) {
	tell(lab.LoadEvent{Received: archive.Size()})
	tell(lab.LoadEvent{Node: "w1", Want: 2})
	f.loaded, f.nodes = append(f.loaded, archive.Images[0].Names...), nodes
	return &lab.LoadResult{Nodes: []lab.LoadedNode{{Node: "w1"}, {Node: "w2"}}}, f.err
}

// archiveFile is a file that docker save could have written.
func archiveFile(t *testing.T, tag, arch string) string {
	t.Helper()
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(path, ref, image); err != nil {
		t.Fatal(err)
	}
	return path
}

// daemonSet is one that has been rolled out.
func daemonSet(namespace, name, image string) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "c", Image: image}},
		}}},
	}
}

func TestLoad(t *testing.T) {
	const image, user, other = "localhost/daemon:dev", "daemonset user runs anew", "daemonset other runs anew"
	for label, c := range map[string]struct {
		flags          loadFlags
		failing        error
		stdout, stderr []string // are part of it
		absent         []string // are not part of what is printed
		fault          string
	}{
		"automatic":  {loadFlags{nodes: []string{"w1"}}, nil, []string{"localhost/daemon:dev is on w1, w2, after ", user}, nil, []string{"other"}, ""},
		"named":      {loadFlags{rollouts: []string{"ds/other"}, namespace: "n"}, nil, []string{other}, []string{"other runs none of these images, but x"}, []string{user}, ""},
		"none":       {loadFlags{leave: true}, nil, []string{"is on"}, nil, []string{"runs anew"}, ""},
		"no such":    {loadFlags{rollouts: []string{"ds/other"}, namespace: "m"}, nil, nil, nil, []string{"is on"}, "restart daemonset other of namespace m"},
		"not loaded": {loadFlags{}, errors.New("disk full"), nil, nil, []string{"is on", "runs anew"}, "disk full"},
	} {
		t.Run(label, func(t *testing.T) {
			kube := fake.NewClientset(daemonSet("m", "user", image), daemonSet("n", "other", "x"))
			var stdout, stderr bytes.Buffer
			a := &app{stdout: &stdout, stderr: &stderr}
			a.begin()
			to := &fakeLoader{err: c.failing}
			archives, err := openArchives(t.Context(), []string{archiveFile(t, image, runtime.GOARCH)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer archives[0].Close()
			workloads, err := c.flags.workloads()
			if err != nil {
				t.Fatal(err)
			}
			err = a.loadAll(t.Context(), to, lab.Rollout{Kube: kube, Every: time.Millisecond}, c.flags, archives, workloads)
			if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%v, want %q", err, c.fault)
			}
			if strings.Join(to.nodes, " ") != strings.Join(c.flags.nodes, " ") {
				t.Errorf("loaded on %s", to.nodes)
			}
			if label == "no such" && len(to.loaded) > 0 {
				t.Error("it was sent although there is nothing to restart")
			}
			wantParts(t, stdout.String(), c.stdout)
			wantParts(t, stderr.String(), c.stderr)
			for _, part := range c.absent {
				if strings.Contains(stdout.String(), part) {
					t.Errorf("%q has %q", stdout.String(), part)
				}
			}
		})
	}
}

func wantParts(t *testing.T, text string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not have %q", text, part)
		}
	}
}

// TestLoadUnused says so where nothing uses an image.
func TestLoadUnused(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stdout: &bytes.Buffer{}, stderr: &stderr}
	a.begin()
	archives, err := openArchives(t.Context(), []string{archiveFile(t, "a.b/c:d", runtime.GOARCH)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer archives[0].Close()
	if err := a.loadAll(t.Context(), &fakeLoader{}, lab.Rollout{Kube: fake.NewClientset()}, loadFlags{}, archives, nil); err != nil {
		t.Error(err)
	}
	wantParts(t, stderr.String(), []string{"no deployment and no daemon set uses a.b/c:d"})
}

func TestLoadUsage(t *testing.T) {
	foreign := archiveFile(t, "a.b/c:d", "sparc")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("text\n", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	good := archiveFile(t, "a.b/c:d", runtime.GOARCH)
	for args, want := range map[string]string{
		"load":                              "something is missing",
		"load nowhere.tar":                  "nowhere.tar: no such file or directory",
		"load " + foreign:                   "is for linux/sparc, and the nodes of the lab are linux/",
		"load " + text:                      "it is not an image archive",
		"load -":                            "stdin: it is empty",
		"load - " + good:                    "as the last archive",
		"load " + good + " --rollout pod/x": `"pod/x" is not deployment/NAME or daemonset/NAME`,
		"load " + good + " --no-rollout --rollout x/": "--rollout and --no-rollout",
		"load " + good: "there is no lab",
	} {
		code, stdout, stderr := ptplab(t, strings.Fields(args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit status %d, %q, want %q", args, code, stderr, want)
		}
	}
}

func TestCompleteClusterNodes(t *testing.T) {
	for text, want := range map[string]string{"kind": "control-plane\nw1\n:4\n", "plain": ":4\n"} {
		home := t.TempDir()
		t.Setenv("PTPLAB_HOME", home)
		file := filepath.Join(t.TempDir(), "k.yaml")
		topology := "apiVersion: ptplab/v1alpha1\nkind: Topology\nname: k\nworkers: {w1: {nics: {ens1: {}}}}\ncluster: {nodes: " + text + "}\n"
		if err := os.WriteFile(file, []byte(topology), 0o600); err != nil {
			t.Fatal(err)
		}
		record(t, home, "k", file)
		if code, stdout, _ := ptplab(t, "__complete", "load", "x.tar", "--node", ""); code != exitOK || stdout != want {
			t.Errorf("%s: exit status %d, %q, want %q", text, code, stdout, want)
		}
	}
}
