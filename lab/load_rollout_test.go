package lab

import (
	"context"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func podOf(images ...string) corev1.PodTemplateSpec {
	var pod corev1.PodTemplateSpec
	pod.Labels = map[string]string{"app": "x"}
	for _, image := range images {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "c", Image: image})
	}
	return pod
}

func aDeployment(namespace, name string, images ...string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 2},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}, Template: podOf(images...)},
	}
}

func aDaemonSet(namespace, name string, images ...string) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 2},
		Spec:       appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}, Template: podOf(images...)},
	}
}

func TestParseWorkload(t *testing.T) {
	for text, want := range map[string]Workload{
		"deployment/a": {Deployment, "n", "a"}, "deploy/a": {Deployment, "n", "a"}, "DaemonSet/a": {DaemonSet, "n", "a"}, "ds/a": {DaemonSet, "n", "a"},
		"a": {}, "pod/a": {}, "ds/": {}, "ds/a/b": {}, "": {},
	} {
		got, err := ParseWorkload(text, "n")
		if got != want || (err == nil) != (want.Name != "") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// TestUsers wants those that use an image, under whatever name they know it.
func TestUsers(t *testing.T) {
	r := Rollout{Kube: fake.NewClientset(
		aDeployment("b", "short", "daemon:dev"), aDaemonSet("a", "long", "other", "docker.io/library/daemon:dev"),
		aDeployment("a", "tag", "daemon"), aDaemonSet("a", "registry", "quay.io/library/daemon:dev"), aDaemonSet("a", "none", "not an image"),
	)}
	got, err := r.Users(t.Context(), []string{"docker.io/library/daemon:dev"})
	if err != nil || len(got) != 2 || got[0] != (Workload{DaemonSet, "a", "long"}) || got[1] != (Workload{Deployment, "b", "short"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRestart(t *testing.T) {
	always := aDaemonSet("n", "always", "a.b/c:d")
	always.Spec.Template.Spec.Containers[0].ImagePullPolicy = corev1.PullAlways
	byHand := aDaemonSet("n", "byhand", "a.b/c:d")
	byHand.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	kube := fake.NewClientset(aDeployment("n", "good", "a.b/c:d"), aDeployment("n", "other", "e"), always, byHand)
	r := Rollout{Kube: kube}
	for _, c := range []struct {
		workload       Workload
		warning, fault string
	}{
		{Workload{Deployment, "n", "good"}, "", ""},
		{Workload{Deployment, "n", "other"}, "runs none of these images, but e", ""},
		{Workload{DaemonSet, "n", "always"}, "imagePullPolicy Always", ""},
		{Workload{DaemonSet, "n", "byhand"}, "", "OnDelete"},
		{Workload{DaemonSet, "n", "good"}, "", "not found"},
	} {
		warning, err := r.Restart(t.Context(), c.workload, []string{"a.b/c:d"})
		if (warning == "") != (c.warning == "") || !strings.Contains(warning, c.warning) || (err == nil) != (c.fault == "") {
			t.Errorf("%s: %q, %v", c.workload, warning, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v, want %s", c.workload, err, c.fault)
		}
	}
	d, err := kube.AppsV1().Deployments("n").Get(t.Context(), "good", metav1.GetOptions{})
	if err != nil || d.Spec.Template.Annotations[restartedAt] == "" || len(d.Spec.Template.Spec.Containers) != 1 {
		t.Errorf("%+v, %v", d.Spec.Template, err)
	}
}

func TestRolledOut(t *testing.T) {
	d := aDeployment("n", "x", "i")
	d.Spec.Replicas = new(int32(2))
	for _, c := range []struct {
		status appsv1.DeploymentStatus
		done   bool
	}{
		{appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, true},
		{appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, false},
		{appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 2, AvailableReplicas: 2}, false},
		{appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 2}, false},
		{appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1}, false},
	} {
		if d.Status = c.status; deploymentState(d).done != c.done {
			t.Errorf("%+v: not %t", c.status, c.done)
		}
	}
	s := aDaemonSet("n", "x", "i")
	for _, c := range []struct {
		status appsv1.DaemonSetStatus
		done   bool
	}{
		{appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2}, true},
		{appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2}, false},
		{appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 1, NumberAvailable: 2}, false},
		{appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 1, NumberUnavailable: 1}, false},
	} {
		if s.Status = c.status; daemonSetState(s).done != c.done {
			t.Errorf("%+v: not %t", c.status, c.done)
		}
	}
}

// TestAwait waits for a deployment that is rolled out at the third look, for one whose image will not come, and in vain.
func TestAwait(t *testing.T) {
	looks := 0
	kube := fake.NewClientset(aDeployment("n", "x", "i"))
	kube.PrependReactor("get", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
		d := aDeployment("n", "x", "i")
		if looks++; looks > 2 {
			d.Status = appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
		}
		return true, d, nil
	})
	r := Rollout{Kube: kube, Every: time.Millisecond, Limit: 20 * time.Second}
	told := ""
	w := Workload{Deployment, "n", "x"}
	if err := r.Await(t.Context(), w, func(seen string) { told = seen }); err != nil || looks != 3 || !strings.Contains(told, "0 of 1 pods are new") {
		t.Errorf("%v after %d looks, %q", err, looks, told)
	}

	pod := func(stamp string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "x-1", Labels: map[string]string{"app": "x"}, Annotations: map[string]string{restartedAt: stamp}},
			Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "c", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull"}}}}},
		}
	}
	set := aDaemonSet("n", "x", "i")
	set.Spec.Template.Annotations = map[string]string{restartedAt: "now"}
	set.Status = appsv1.DaemonSetStatus{DesiredNumberScheduled: 1}
	w.Kind = DaemonSet
	r.Kube = fake.NewClientset(set, pod("now"))
	if err := r.Await(t.Context(), w, func(string) {}); err == nil || !strings.Contains(err.Error(), "does not roll out") || !strings.Contains(err.Error(), "ErrImageNeverPull") {
		t.Errorf("no image: %v", err)
	}
	r.Kube, r.Limit = fake.NewClientset(set, pod("before")), 20*time.Millisecond
	if err := r.Await(t.Context(), w, func(string) {}); err == nil || !strings.Contains(err.Error(), "not rolled out after 20ms; last seen: 0 of 1") {
		t.Errorf("in vain: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Limit = time.Minute
	if err := r.Await(ctx, w, func(string) {}); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("interrupted: %v", err)
	}
}
