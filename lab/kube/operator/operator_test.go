package operator

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/ptplab/ptplab/lab/node"
)

func TestNew(t *testing.T) {
	for want, options := range map[string]Options{
		"name to hold the lease": {Image: "x"},
		"image of the daemon":    {Identity: "x"},
	} {
		if _, err := New(&rest.Config{Host: "localhost"}, options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", options, err, want)
		}
	}
	o, err := New(&rest.Config{Host: "localhost"}, Options{Image: "x", Identity: "y"})
	if err != nil {
		t.Fatal(err)
	}
	if o.options.Namespace != "openshift-ptp" || o.notReady() == "" {
		t.Errorf("%+v, not ready: %q", o.options, o.notReady())
	}
}

func TestSettings(t *testing.T) {
	object := func(spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "default", "uid": "u"}, "spec": spec}}
	}
	s, err := readSettings(object(map[string]any{
		"daemonNodeSelector": map[string]any{"a": "b"}, "ptpEventConfig": map[string]any{"enableEventPublisher": true, "transportHost": "x"},
	}))
	if err != nil || !s.Events.Enable || s.Events.APIVersion != "2.0" || s.owner().UID != "u" {
		t.Errorf("%+v, %v", s, err)
	}
	for labels, want := range map[string]bool{"b": true, "c": false} {
		if s.matches(map[string]string{"a": labels}) != want {
			t.Errorf("a=%s matches: %t", labels, !want)
		}
	}
	if s, err = readSettings(object(nil)); err != nil || s.Events.Enable || !s.matches(nil) {
		t.Errorf("empty: %+v, %v", s, err)
	}
	if _, err = readSettings(object(map[string]any{"daemonNodeSelector": "x"})); err == nil {
		t.Error("a selector that is none was read")
	}
}

func TestDaemonSet(t *testing.T) {
	o := &Operator{options: Options{Namespace: "n", Image: "i", SharedClock: true}}
	var s settings
	s.Selector = map[string]string{"a": ""}
	set := o.daemonSet(s, []string{"k1", "k2"})
	pod := set.Spec.Template.Spec
	if len(pod.Containers) != 1 || pod.Containers[0].Name != DaemonContainer || !SharesClock(pod.Containers[0]) || pod.Containers[0].Image != "i" {
		t.Errorf("%+v", pod.Containers)
	}
	if !pod.HostNetwork || !pod.HostPID || pod.PriorityClassName != "system-node-critical" || pod.ServiceAccountName != "linuxptp-daemon" || pod.NodeSelector["a"] != "" || len(pod.NodeSelector) != 1 {
		t.Errorf("%+v", pod)
	}
	for _, want := range []corev1.VolumeMount{
		{Name: "run", MountPath: "/var/run"}, {Name: "dev", MountPath: "/dev"}, {Name: "events", MountPath: "/cloud-native"},
		{Name: "k1-tlv-auth", MountPath: "/etc/ptp-secret-mount/k1", ReadOnly: true}, {Name: "k2-tlv-auth", MountPath: "/etc/ptp-secret-mount/k2", ReadOnly: true},
	} {
		if !slices.Contains(pod.Containers[0].VolumeMounts, want) {
			t.Errorf("no %+v in %+v", want, pod.Containers[0].VolumeMounts)
		}
	}
	checkVolumes(t, pod)
	o.options.SharedClock = false
	s.Events.Enable, s.Events.APIVersion = true, "2.0"
	pod = o.daemonSet(s, nil).Spec.Template.Spec
	if len(pod.Containers) != 2 || pod.Containers[1].Name != PublisherContainer || SharesClock(pod.Containers[0]) || !slices.Contains(pod.Containers[1].Args, "--api-version=2.0") {
		t.Errorf("with events: %+v", pod.Containers)
	}
	checkVolumes(t, pod)
}

// checkVolumes wants each volume mounted and each mount to have its volume.
func checkVolumes(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	volumes, mounted := map[string]bool{}, map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range pod.Containers {
		for _, m := range c.VolumeMounts {
			mounted[m.Name] = true
			if !volumes[m.Name] {
				t.Errorf("container %s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
	}
	if len(volumes) != len(mounted) {
		t.Errorf("volumes %v, mounted %v", volumes, mounted)
	}
}

// config is an object with one profile, for nodes of a name.
func config(name, profile, on string, priority int, settings map[string]string) node.PtpConfig {
	return node.PtpConfig{
		APIVersion: node.APIVersion, Kind: node.Kind, Metadata: node.Metadata{Name: name},
		Spec: node.Spec{
			Profile:   []node.Profile{{Name: profile, PtpSettings: settings}},
			Recommend: []node.Recommend{{Profile: profile, Priority: &priority, Match: []node.Match{{NodeName: on}}}},
		},
	}
}

func TestJudge(t *testing.T) {
	nodes := []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "w1"}}, {ObjectMeta: metav1.ObjectMeta{Name: "w2"}}}
	ha := func(names string) map[string]string { return map[string]string{"haProfiles": names} }
	for name, test := range map[string]struct {
		objects []node.PtpConfig
		matches map[string]int
		missing map[string]string // object, in what is said; none for valid
	}{
		"two on one node": {[]node.PtpConfig{config("a", "x_y", "w1", 4, nil), config("b", "z", "w1", 4, nil)}, map[string]int{"a": 1, "b": 1}, nil},
		"lower wins":      {[]node.PtpConfig{config("a", "x", "w1", 4, nil), config("b", "z", "w1", 3, nil)}, map[string]int{"b": 1}, nil},
		"references":      {[]node.PtpConfig{config("a", "x", "w1", 4, nil), config("b", "z", "w1", 4, ha("a_x, x"))}, map[string]int{"a": 1, "b": 1}, nil},
		"no such profile": {[]node.PtpConfig{config("b", "z", "nobody", 4, ha("gone"))}, nil, map[string]string{"b": "profile z names gone, which does not exist"}},
		"not there":       {[]node.PtpConfig{config("a", "x", "w2", 4, nil), config("b", "z", "w1", 4, ha("x"))}, map[string]int{"a": 1, "b": 1}, map[string]string{"b": "node w1 does not run"}},
		"controlled": {[]node.PtpConfig{config("b", "z", "w1", 4, map[string]string{"controllingProfile": "boss"})}, map[string]int{"b": 1},
			map[string]string{"b": "names boss"}},
	} {
		matches, missing := judge(test.objects, nodes)
		for _, o := range test.objects {
			object := o.Metadata.Name
			if len(matches[object]) != test.matches[object] {
				t.Errorf("%s: %s matches %v, want %d", name, object, matches[object], test.matches[object])
			}
			said := strings.Join(missing[object], "; ")
			if (said == "") != (test.missing[object] == "") || !strings.Contains(said, test.missing[object]) {
				t.Errorf("%s: of %s is said %q, want %q", name, object, said, test.missing[object])
			}
		}
	}
	matches, _ := judge([]node.PtpConfig{config("a", "x_y", "w1", 4, nil)}, nodes)
	if got := matches["a"]; len(got) != 1 || got[0] != (match{"w1", "x_y"}) {
		t.Errorf("%v", got)
	}
}

func TestNewStatus(t *testing.T) {
	first := newStatus(status{}, 1, []match{{"w1", "x"}}, nil)
	if len(first.Conditions) != 1 || first.Conditions[0].Status != metav1.ConditionTrue {
		t.Errorf("%+v", first)
	}
	first.Conditions = append(first.Conditions, metav1.Condition{Type: "Other"})
	long := metav1.NewTime(time.Unix(1, 0))
	first.Conditions[0].LastTransitionTime = long
	same := newStatus(first, 1, []match{{"w1", "x"}}, nil)
	if len(same.Conditions) != 2 || same.Conditions[0].LastTransitionTime != long {
		t.Errorf("nothing has changed: %+v", same)
	}
	worse := newStatus(first, 2, nil, []string{"a", "b"})
	c := worse.Conditions[0]
	if c.Status != metav1.ConditionFalse || c.Message != "a; b" || c.LastTransitionTime == long || c.ObservedGeneration != 2 {
		t.Errorf("%+v", worse)
	}
}

func TestSame(t *testing.T) {
	meta := func(version, uid string, generation int64, labels map[string]string) *metav1.ObjectMeta {
		return &metav1.ObjectMeta{ResourceVersion: version, UID: "u" + "", Generation: generation, Labels: labels, Name: uid}
	}
	a, b := meta("1", "x", 1, map[string]string{"l": ""}), meta("2", "x", 1, map[string]string{"l": ""})
	if sameVersion(a, b) || !sameGeneration(a, b) || !sameLabels(a, b) {
		t.Error("only the version differs")
	}
	if sameGeneration(a, meta("1", "x", 2, nil)) || sameLabels(a, meta("1", "x", 1, nil)) {
		t.Error("generation and labels differ")
	}
	one, other := &corev1.Pod{}, &corev1.Pod{Spec: corev1.PodSpec{NodeName: "w1"}}
	if samePlace(one, other) || !samePlace(one, one) {
		t.Error("the place differs")
	}
}
