package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/ptplab/ptplab/lab/topology"
)

// fakeLab is a lab that answers what it was told to.
type fakeLab struct {
	stopped bool
	broken  map[string]error // by operation, or by the first word of a command
	files   map[string][]CollectedFile
	objects *clusterObjects
	ran     []string // commands, with their node
}

func (f *fakeLab) Running() (bool, error) { return !f.stopped, f.broken["running"] }

func (f *fakeLab) Status(context.Context) (*Status, error) {
	return &Status{Name: "x"}, f.broken["status"]
}

func (f *fakeLab) Configs(context.Context) (*Configs, error) {
	return &Configs{YAML: []byte("kind: PtpConfig\n")}, f.broken["configs"]
}

func (f *fakeLab) Metrics(_ context.Context, node string) (string, error) {
	return "openshift_ptp_clock_state{node=\"" + node + "\"} 1\n", f.broken["metrics"]
}

func (f *fakeLab) Logs(_ context.Context, args LogsArgs, tell func(LogLine)) error {
	tell(LogLine{Node: args.Node, Text: "ptp4l[1.0]: selected"})
	return f.broken["logs"]
}

func (f *fakeLab) Exec(_ context.Context, args ExecArgs, stdout, stderr io.Writer) (int, error) {
	f.ran = append(f.ran, args.Node+": "+strings.Join(args.Command, " "))
	if err := f.broken[args.Command[0]]; err != nil {
		fmt.Fprint(stderr, err)
		return 7, nil
	}
	fmt.Fprintln(stdout, "said", args.Command)
	return 0, nil
}

func (f *fakeLab) Files(_ context.Context, node string, tell func(CollectedFile)) error {
	for _, file := range f.files[node] {
		tell(file)
	}
	return f.broken["files"]
}

func (f *fakeLab) clusterObjects(context.Context) (*clusterObjects, error) {
	return f.objects, f.broken["cluster"]
}

// aPlan is two workers with a cable.
func aPlan(nodes topology.NodeKind) *topology.Plan {
	return &topology.Plan{Name: "x", Nodes: nodes, Workers: []string{"w1", "w2"}, NICs: []topology.NIC{
		{Name: "ens1", Owner: "w1", Ports: []topology.Port{{Name: "ens1f0"}}}, {Name: "ens2", Owner: "w2", Ports: []topology.Port{{Name: "ens2f0"}}},
	}}
}

// collectedFrom collects from a fake lab and returns the names of the files, in their order, and what is in them.
func collectedFrom(t *testing.T, f *fakeLab, plan *topology.Plan, o CollectOptions) (names []string, text map[string]string, faults []*CollectError) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"console.log", "gateway.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("last words\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	faults, err := collectAll(t.Context(), f, Record{Name: "x", Plan: plan}, dir, &packed, o)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	text = map[string]string{}
	for in := tar.NewReader(unpacked); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return names, text, faults
		}
		if err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutPrefix(h.Name, "ptplab-x/")
		if !ok || h.Mode != 0o644 || h.Typeflag != tar.TypeReg || text[name] != "" || time.Since(h.ModTime) > time.Hour {
			t.Errorf("%s: mode %o, type %c, time %s", h.Name, h.Mode, h.Typeflag, h.ModTime)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		names, text[name] = append(names, name), string(content)
	}
}

func TestCollectPlain(t *testing.T) {
	f := &fakeLab{files: map[string][]CollectedFile{
		"": {{Name: "kernel.log", Bytes: []byte("k")}}, "w1": {{Name: "run/ptp4l.0.config", Bytes: []byte("[global]")}},
	}}
	o := CollectOptions{Captures: []Capture{{topology.PortRef{Owner: "w1", Port: "ens1f0"}, 1500 * time.Millisecond}}, Filter: PTPFilter}
	names, text, faults := collectedFrom(t, f, aPlan(topology.NodesPlain), o)
	want := strings.Fields(`lab/record.json lab/plan.json lab/console.log lab/status.json lab/ptpconfigs.yaml lab/kernel.log
		nodes/w1/log.txt nodes/w1/metrics.txt nodes/w1/run/ptp4l.0.config nodes/w1/ip-link.txt nodes/w1/ethtool-ens1f0.txt
		nodes/w2/log.txt nodes/w2/metrics.txt nodes/w2/ip-link.txt nodes/w2/ethtool-ens2f0.txt
		pcap/w1-ens1f0.pcap`)
	if !slices.Equal(names, want) || len(faults) > 0 {
		t.Errorf("%s\nwant %s\nfaults %v", names, want, faults)
	}
	for name, part := range map[string]string{
		"lab/console.log": "last words", "lab/plan.json": `"ens1f0"`, "nodes/w1/run/ptp4l.0.config": "[global]", "nodes/w2/ip-link.txt": "ip -d -s link",
		"nodes/w1/log.txt": "selected", "pcap/w1-ens1f0.pcap": PTPFilter,
	} {
		if !strings.Contains(text[name], part) {
			t.Errorf("%s is %q, want %q", name, text[name], part)
		}
	}
	if last := f.ran[len(f.ran)-1]; !strings.HasPrefix(last, "w1: timeout --preserve-status --signal=INT 1.500 tcpdump -i ens1f0 ") {
		t.Errorf("%s", last)
	}
}

// TestCollectFaults wants all that can be collected of a lab in which nearly nothing answers, and a note of the rest.
func TestCollectFaults(t *testing.T) {
	broken := errors.New("broken\nin two lines")
	f := &fakeLab{
		broken: map[string]error{"status": broken, "configs": broken, "metrics": broken, "logs": broken, "ethtool": broken, "files": broken},
		files: map[string][]CollectedFile{"w1": {
			{Name: "run/a", Fault: "no such thing"}, {Name: "run/b", Bytes: []byte("end"), Cut: true}, {Name: "run/c", Bytes: []byte("half"), Fault: "torn"},
		}},
	}
	o := CollectOptions{Captures: []Capture{{topology.PortRef{Owner: "w1", Port: "ens9"}, time.Second}}}
	names, text, faults := collectedFrom(t, f, aPlan(topology.NodesPlain), o)
	for _, name := range []string{"lab/console.log", "nodes/w1/log.txt", "nodes/w1/ip-link.txt", "nodes/w1/run/b", "nodes/w1/run/c", "errors.txt"} {
		if !slices.Contains(names, name) {
			t.Errorf("there is no %s in %s", name, names)
		}
	}
	for _, name := range []string{"lab/status.json", "nodes/w1/run/a", "nodes/w1/ethtool-ens1f0.txt", "pcap/w1-ens9.pcap"} {
		if slices.Contains(names, name) {
			t.Errorf("there is a %s", name)
		}
	}
	if lines := strings.Count(text["errors.txt"], "\n"); lines != len(faults) || lines != 15 || names[len(names)-1] != "errors.txt" {
		t.Errorf("%d faults, want 15, and errors.txt:\n%s", len(faults), text["errors.txt"])
	}
	for _, line := range []string{"lab/status.json: broken in two lines\n", "nodes/w1/ethtool-ens1f0.txt: ethtool: exit status 7: broken", "nodes/w1/run/b: it is longer than", "there is no port w1/ens9"} {
		if !strings.Contains(text["errors.txt"], line) {
			t.Errorf("errors.txt does not have %q:\n%s", line, text["errors.txt"])
		}
	}
}

func TestCollectStopped(t *testing.T) {
	names, _, faults := collectedFrom(t, &fakeLab{stopped: true}, aPlan(topology.NodesKind), CollectOptions{})
	want := []string{"lab/record.json", "lab/plan.json", "lab/console.log", "lab/gateway.log", "errors.txt"}
	if !slices.Equal(names, want) || len(faults) != 1 || !strings.Contains(faults[0].Error(), "does not run") {
		t.Errorf("%s, %v", names, faults)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := collectAll(ctx, &fakeLab{}, Record{Plan: aPlan(topology.NodesPlain)}, t.TempDir(), io.Discard, CollectOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// fakeCluster has pods, a PtpConfig and a secret.
func fakeCluster() *clusterObjects {
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}
	pods := []runtime.Object{
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-ptp", Name: "daemon-b", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "me"}}}, Status: corev1.PodStatus{
			ContainerStatuses: []corev1.ContainerStatus{{Name: "c1", RestartCount: 2}, {Name: "c2", State: waiting}}, InitContainerStatuses: []corev1.ContainerStatus{{Name: "i"}},
		}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-ptp", Name: "daemon-a"}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "mine"}, Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "c"}}}},
	}
	others := []runtime.Object{
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w1"}},
		&corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "e1"}, Message: "happened"},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-ptp", Name: "tops"}, Data: map[string][]byte{"k": []byte("hush")}},
		&unstructured.Unstructured{Object: map[string]any{"apiVersion": "ptp.openshift.io/v1", "kind": "PtpConfig", "metadata": map[string]any{"name": "oc", "namespace": "openshift-ptp"}}},
	}
	kube := fake.NewClientset(pods...)
	kube.Resources = []*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "secrets", Verbs: metav1.Verbs{"list"}}}},
		{GroupVersion: "ptp.openshift.io/v1", APIResources: []metav1.APIResource{
			{Name: "ptpconfigs", Verbs: metav1.Verbs{"list"}}, {Name: "ptpconfigs/status", Verbs: metav1.Verbs{"get"}}, {Name: "hardwareconfigs", Verbs: metav1.Verbs{"list"}},
		}},
	}
	lists := map[schema.GroupVersionResource]string{
		{Group: ptpGroup, Version: "v1", Resource: "ptpconfigs"}: "PtpConfigList", {Group: ptpGroup, Version: "v1", Resource: "hardwareconfigs"}: "HardwareConfigList",
	}
	return &clusterObjects{kube, dynamicfake.NewSimpleDynamicClientWithCustomListKinds(scheme.Scheme, lists, append(pods, others...)...)}
}

func TestCollectCluster(t *testing.T) {
	f := &fakeLab{objects: fakeCluster(), files: map[string][]CollectedFile{"control-plane": {{Name: "journal.log"}}, "w1": {{Name: "metrics.txt"}}}}
	names, text, faults := collectedFrom(t, f, aPlan(topology.NodesKind), CollectOptions{})
	want := strings.Fields(`lab/record.json lab/plan.json lab/console.log lab/gateway.log lab/status.json nodes/control-plane/journal.log
		cluster/nodes/w1.yaml cluster/events.yaml cluster/ptp.openshift.io/ptpconfigs/openshift-ptp/oc.yaml
		cluster/pods/default/mine.yaml cluster/pods/openshift-ptp/daemon-a.yaml cluster/pods/openshift-ptp/daemon-b.yaml
		cluster/logs/openshift-ptp/daemon-b/i.log cluster/logs/openshift-ptp/daemon-b/c1.log cluster/logs/openshift-ptp/daemon-b/c1.previous.log
		nodes/w1/metrics.txt nodes/w1/ip-link.txt nodes/w1/ethtool-ens1f0.txt nodes/w2/ip-link.txt nodes/w2/ethtool-ens2f0.txt`)
	if !slices.Equal(names, want) || len(faults) > 0 {
		t.Errorf("%s\nwant %s\nfaults %v", names, want, faults)
	}
	for name, content := range text {
		if strings.Contains(content, "hush") || strings.Contains(content, "aHVzaA") || strings.Contains(content, "managedFields") {
			t.Errorf("%s has what it must not have: %s", name, content)
		}
	}
	if pod := text["cluster/pods/openshift-ptp/daemon-b.yaml"]; !strings.Contains(pod, "restartCount: 2") {
		t.Errorf("%s", pod)
	}
	f.broken = map[string]error{"cluster": errors.New("no way")}
	if names, _, faults = collectedFrom(t, f, aPlan(topology.NodesKind), CollectOptions{}); len(faults) != 1 || !slices.Contains(names, "nodes/w2/ip-link.txt") {
		t.Errorf("without an API server: %s, %v", names, faults)
	}
}

func TestParseCapture(t *testing.T) {
	for text, want := range map[string]Capture{
		"w1/ens1f0:10s": {topology.PortRef{Owner: "w1", Port: "ens1f0"}, 10 * time.Second},
		"w1/ens1f0":     {}, "w1:1s": {}, "w1/a/b:1s": {}, "w1/a:0s": {}, "w1/a:-1s": {}, "w1/a:x": {}, "/a:1s": {}, "": {},
	} {
		if got, err := ParseCapture(text); got != want || (err == nil) != (want.Duration > 0) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
