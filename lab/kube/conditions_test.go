package kube

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/lab/kube/operator"
)

func TestTrouble(t *testing.T) {
	container := func(state corev1.ContainerState, ready bool) corev1.PodStatus {
		return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{Name: "c", State: state, Ready: ready}}}
	}
	ready := container(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, true)
	ready.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	unscheduled := corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes"}}}
	for name, test := range map[string]struct {
		status   corev1.PodStatus
		want     string
		hopeless bool
	}{
		"ready":         {ready, "", false},
		"empty":         {corev1.PodStatus{Phase: corev1.PodPending}, "pod p on w1 is Pending", false},
		"not scheduled": {unscheduled, "not scheduled: 0/1 nodes", false},
		"no image":      {container(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: "m"}}, false), "container c: ErrImageNeverPull m", true},
		"crash loop":    {container(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}, false), "container c: CrashLoopBackOff", false},
		"ended":         {container(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}, false), "exit status 3", false},
		"not ready":     {container(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, false), "runs and is not ready", false},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{NodeName: "w1"}, Status: test.status}
		text, hopeless := trouble(pod)
		if (text == "") != (test.want == "") || !strings.Contains(text, test.want) || hopeless != test.hopeless {
			t.Errorf("%s: %q, %t, want %q, %t", name, text, hopeless, test.want, test.hopeless)
		}
	}
	now := metav1.Now()
	if text, _ := trouble(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", DeletionTimestamp: &now}, Status: ready}); text != "pod p is being deleted" {
		t.Errorf("deleted: %q", text)
	}
}

func TestCrashed(t *testing.T) {
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	waits := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}
	runs := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for want, status := range map[string]corev1.ContainerStatus{
		"c": {Name: "c", RestartCount: 1, State: waits, LastTerminationState: ended},
		"":  {Name: "c", RestartCount: 1, State: runs, LastTerminationState: ended},
	} {
		if got := crashed(&corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{status}}}); got != want {
			t.Errorf("%+v: %q, want %q", status, got, want)
		}
	}
}

func TestRoles(t *testing.T) {
	node := func(name string, labels ...string) corev1.Node {
		n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
		for _, label := range labels {
			n.Labels[label] = ""
		}
		return n
	}
	control, worker := node("c", controlPlaneLabel), node("w1", workerLabel)
	if got := workersOf([]corev1.Node{control, worker}); len(got) != 1 || got[0].Name != "w1" {
		t.Errorf("%v", got)
	}
	if got := workersOf([]corev1.Node{control}); len(got) != 1 || got[0].Name != "c" {
		t.Errorf("a single node: %v", got)
	}
	if got := workersOf([]corev1.Node{control, control}); len(got) != 0 {
		t.Errorf("no worker: %v", got)
	}
	if got := rolesMissing(worker); len(got) != 1 || got[0] != masterLabel {
		t.Errorf("%v", got)
	}
}

func TestNotAsked(t *testing.T) {
	o := Options{SharedClock: true, EventPublisher: true}.withDefaults()
	set := func(change func(*corev1.PodSpec)) *appsv1.DaemonSet {
		pod := corev1.PodSpec{NodeSelector: o.Nodes, Containers: []corev1.Container{
			{Name: operator.DaemonContainer, Image: o.Image, Env: []corev1.EnvVar{{Name: operator.SharedClockVariable, Value: "1"}}},
			{Name: operator.PublisherContainer},
		}}
		change(&pod)
		return &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: pod}}}
	}
	for want, change := range map[string]func(*corev1.PodSpec){
		"":                                     func(*corev1.PodSpec) {},
		"it has no container linuxptp-daemon":  func(p *corev1.PodSpec) { p.Containers = nil },
		"its image is x":                       func(p *corev1.PodSpec) { p.Containers[0].Image = "x" },
		"labels a=b":                           func(p *corev1.PodSpec) { p.NodeSelector = map[string]string{"a": "b"} },
		"whether it publishes events is false": func(p *corev1.PodSpec) { p.Containers = p.Containers[:1] },
		"whether its nodes share a clock is false": func(p *corev1.PodSpec) { p.Containers[0].Env = nil },
	} {
		if got := notAsked(set(change), o); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestIsEstablished(t *testing.T) {
	definition := func(kind, status string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{
			map[string]any{"type": kind, "status": status, "message": "taken"}, "nonsense",
		}}}}
	}
	if done, _ := isEstablished(definition("Established", "True")); !done {
		t.Error("it is established")
	}
	if done, seen := isEstablished(definition("NamesAccepted", "False")); done || seen != "taken" {
		t.Errorf("%t, %q", done, seen)
	}
	if done, _ := isEstablished(&unstructured.Unstructured{Object: map[string]any{}}); done {
		t.Error("it is not established")
	}
}

func TestUntil(t *testing.T) {
	c := &client{}
	looks := 0
	look := func(done bool, err error) func(context.Context) (bool, string, error) {
		return func(context.Context) (bool, string, error) { looks++; return done && looks > 2, "sight", err }
	}
	w := wanted{subject: "rain", within: time.Minute, every: time.Millisecond, look: look(true, nil)}
	if err := c.until(t.Context(), w); err != nil || looks != 3 {
		t.Errorf("%v after %d looks", err, looks)
	}
	w.within, w.look = 20*time.Millisecond, look(false, nil)
	var waited *WaitError
	if err := c.until(t.Context(), w); !errors.As(err, &waited) || !strings.Contains(err.Error(), "for rain; last seen: sight") || waited.Cause != nil {
		t.Errorf("in vain: %v", err)
	}
	w.within, w.look = time.Minute, look(false, finalError{errors.New("drought")})
	start := time.Now()
	if err := c.until(t.Context(), w); err == nil || !strings.HasSuffix(err.Error(), "for rain: drought") || time.Since(start) > 10*time.Second {
		t.Errorf("hopeless: %v", err)
	}
	w.patient, looks = 30*time.Millisecond, 0
	if err := c.until(t.Context(), w); err == nil || looks < 2 {
		t.Errorf("hopeless, with patience: %v after %d looks", err, looks)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.look = look(false, nil)
	if err := c.until(ctx, w); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "sight") {
		t.Errorf("interrupted: %v", err)
	}
}
