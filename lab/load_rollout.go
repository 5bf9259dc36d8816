package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// The kinds of Workload.
const (
	Deployment = "deployment"
	DaemonSet  = "daemonset"
)

// Workload is what makes pods of an image and makes them anew.
type Workload struct{ Kind, Namespace, Name string }

// String is "daemonset linuxptp-daemon".
func (w Workload) String() string { return w.Kind + " " + w.Name }

// ParseWorkload reads "deployment/NAME" or "daemonset/NAME", with kubectl's short names too.
func ParseWorkload(text, namespace string) (Workload, error) {
	kind, name, ok := strings.Cut(text, "/")
	switch strings.ToLower(kind) {
	case "deployment", "deployments", "deploy":
		kind = Deployment
	case "daemonset", "daemonsets", "ds":
		kind = DaemonSet
	default:
		ok = false
	}
	if !ok || name == "" || strings.Contains(name, "/") {
		return Workload{}, fmt.Errorf("%q is not deployment/NAME or daemonset/NAME", text)
	}
	return Workload{kind, namespace, name}, nil
}

// How long a workload may take until its new pods run, by the clock of this machine, and how often it is looked at.
const (
	rolloutLimit = 3 * time.Minute
	rolloutEvery = 500 * time.Millisecond
)

// restartedAt is the annotation with which kubectl rollout restart makes pods anew.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// Rollout restarts workloads of a cluster.
type Rollout struct {
	Kube  kubernetes.Interface
	Limit time.Duration // for one workload; 0 for three minutes
	Every time.Duration // between two looks; 0 for half a second
}

// Users are the workloads of all namespaces with a container of one of the images, sorted. The images have full names.
func (r Rollout) Users(ctx context.Context, images []string) ([]Workload, error) {
	var all []Workload
	add := func(kind string, m metav1.ObjectMeta, pod corev1.PodSpec) {
		if len(usedBy(pod, images)) > 0 {
			all = append(all, Workload{kind, m.Namespace, m.Name})
		}
	}
	deployments, err := r.Kube.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the deployments: %w", err)
	}
	for _, d := range deployments.Items {
		add(Deployment, d.ObjectMeta, d.Spec.Template.Spec)
	}
	sets, err := r.Kube.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the daemon sets: %w", err)
	}
	for _, s := range sets.Items {
		add(DaemonSet, s.ObjectMeta, s.Spec.Template.Spec)
	}
	slices.SortFunc(all, func(a, b Workload) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

// usedBy are the containers of a pod that run one of the images.
func usedBy(pod corev1.PodSpec, images []string) []corev1.Container {
	return slices.DeleteFunc(slices.Concat(pod.InitContainers, pod.Containers), func(c corev1.Container) bool {
		full, err := fullName(c.Image)
		return err != nil || !slices.Contains(images, full)
	})
}

// workloadState is what decides whether a workload has been rolled out.
type workloadState struct {
	done     bool
	seen     string // what is missing, in a few words
	pod      corev1.PodSpec
	stamp    string // restartedAt of its newest pods
	selector *metav1.LabelSelector
	byHand   bool // its pods are made anew only when somebody deletes them
}

func (r Rollout) state(ctx context.Context, w Workload) (*workloadState, error) {
	if w.Kind == Deployment {
		d, err := r.Kube.AppsV1().Deployments(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return deploymentState(d), nil
	}
	s, err := r.Kube.AppsV1().DaemonSets(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return daemonSetState(s), nil
}

func deploymentState(d *appsv1.Deployment) *workloadState {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	s := d.Status
	return &workloadState{
		pod: d.Spec.Template.Spec, stamp: d.Spec.Template.Annotations[restartedAt], selector: d.Spec.Selector,
		done: s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == want && s.Replicas == want && s.AvailableReplicas == want,
		seen: fmt.Sprintf("%d of %d pods are new, %d are available", s.UpdatedReplicas, want, s.AvailableReplicas),
	}
}

func daemonSetState(d *appsv1.DaemonSet) *workloadState {
	s := d.Status
	want := s.DesiredNumberScheduled
	return &workloadState{
		pod: d.Spec.Template.Spec, stamp: d.Spec.Template.Annotations[restartedAt], selector: d.Spec.Selector,
		byHand: d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
		done:   s.ObservedGeneration >= d.Generation && s.UpdatedNumberScheduled == want && s.NumberAvailable == want && s.NumberUnavailable == 0,
		seen:   fmt.Sprintf("%d of %d pods are new, %d are available", s.UpdatedNumberScheduled, want, s.NumberAvailable),
	}
}

// Exists checks that there is such a workload, and that it can be restarted.
func (r Rollout) Exists(ctx context.Context, w Workload) error {
	state, err := r.state(ctx, w)
	if err == nil && state.byHand {
		err = errors.New("its update strategy is OnDelete; delete its pods yourself")
	}
	if err != nil {
		return fmt.Errorf("restart %s of namespace %s: %w", w, w.Namespace, err)
	}
	return nil
}

// Restart makes the pods of a workload anew, as kubectl rollout restart does. The warning is empty unless they will not run
// one of the images: they run others, or the node is told to fetch them.
func (r Rollout) Restart(ctx context.Context, w Workload, images []string) (warning string, err error) {
	if err := r.Exists(ctx, w); err != nil {
		return "", err
	}
	state, err := r.state(ctx, w)
	if err != nil {
		return "", fmt.Errorf("restart %s: %w", w, err)
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{restartedAt: time.Now().UTC().Format(time.RFC3339Nano)},
	}}}})
	if err != nil {
		return "", err
	}
	if w.Kind == Deployment {
		_, err = r.Kube.AppsV1().Deployments(w.Namespace).Patch(ctx, w.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	} else {
		_, err = r.Kube.AppsV1().DaemonSets(w.Namespace).Patch(ctx, w.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	}
	if err != nil {
		return "", fmt.Errorf("restart %s: %w", w, err)
	}
	return misses(w, state.pod, images), nil
}

// misses says why a workload's pods will not run one of the images, "" if they will.
func misses(w Workload, pod corev1.PodSpec, images []string) string {
	uses := usedBy(pod, images)
	if len(uses) == 0 {
		var have []string
		for _, c := range pod.Containers {
			have = append(have, c.Image)
		}
		return fmt.Sprintf("%s runs none of these images, but %s", w, strings.Join(slices.Compact(have), ", "))
	}
	for _, c := range uses {
		if c.ImagePullPolicy == corev1.PullAlways {
			return fmt.Sprintf("%s has imagePullPolicy Always for %s: the nodes fetch it from its registry and do not take what was loaded", w, c.Image)
		}
	}
	return ""
}

// Await waits until the pods of a workload are those of its newest template and are available. What the pods wait for is part
// of the error, and where it will never come, the wait ends early.
func (r Rollout) Await(ctx context.Context, w Workload, tell func(seen string)) error {
	limit, every := r.Limit, r.Every
	if limit == 0 {
		limit = rolloutLimit
	}
	if every == 0 {
		every = rolloutEvery
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s is not rolled out after %s", w, limit))
	defer cancel()
	seen := "nothing"
	for {
		state, err := r.state(ctx, w)
		switch {
		case err == nil && state.done:
			return nil
		case err == nil:
			trouble, hopeless := r.podTrouble(ctx, w, state)
			seen = state.seen + trouble
			if hopeless {
				return fmt.Errorf("%s does not roll out: %s", w, seen)
			}
			tell(seen)
		case ctx.Err() == nil:
			seen = err.Error()
		}
		if cause := sleep(ctx, every); cause != nil {
			return fmt.Errorf("%w; last seen: %s", cause, seen)
		}
	}
}

// podTrouble says what the newest pods of a workload wait for, and whether that will never come.
func (r Rollout) podTrouble(ctx context.Context, w Workload, state *workloadState) (text string, hopeless bool) {
	pods, err := r.Kube.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(state.selector)})
	if err != nil {
		return "; its pods: " + err.Error(), false
	}
	for _, pod := range pods.Items {
		if pod.Annotations[restartedAt] != state.stamp { // an old one, which goes
			continue
		}
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			waiting := s.State.Waiting
			if pod.DeletionTimestamp != nil || waiting == nil || slices.Contains([]string{"", "ContainerCreating", "PodInitializing"}, waiting.Reason) {
				continue
			}
			text += strings.TrimRight(fmt.Sprintf("; container %s of pod %s: %s %s", s.Name, pod.Name, waiting.Reason, waiting.Message), " ")
			hopeless = hopeless || waiting.Reason == "ErrImageNeverPull" || waiting.Reason == "InvalidImageName"
		}
	}
	return text, hopeless
}
