package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/ptplab/ptplab/conformance/wait"
)

// source lists objects and watches them.
type source struct {
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
	which metav1.ListOptions // selectors
}

// objects are what a source has, by namespace/name.
type objects map[string]runtime.Object

// await follows the objects of a source until a condition holds. The condition says what it sees; its error ends the wait.
// A deadline that passes is a *wait.Error. It watches; it does not poll.
func (s *System) await(ctx context.Context, subject string, deadline time.Duration, from source, condition func(objects) (bool, string, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, errDeadline)
	defer cancel()
	begun, seen := time.Now(), "nothing"
	for {
		done, err := s.follow(ctx, from, &seen, condition)
		if passing(err) {
			seen, err = err.Error(), nil
		}
		switch {
		case errors.Is(context.Cause(ctx), errDeadline) && !done:
			return &wait.Error{Subject: subject, Waited: time.Since(begun), Seen: seen}
		case ctx.Err() != nil && !done:
			return &wait.Error{Subject: subject, Waited: time.Since(begun), Seen: seen, Cause: ctx.Err()}
		case done || err != nil:
			return s.explain(err, "wait for %s", subject)
		}
		// The watch has ended, as they do: list and watch again, not more than once a second.
		if err := (wallClock{}).Sleep(ctx, time.Second); err != nil {
			continue
		}
	}
}

// passing says whether an error is one after which it is worth to ask again: the API server is being started anew, or is busy.
func passing(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	return unreachable(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}

var errDeadline = errors.New("deadline passed")

// follow lists once and then watches until the condition holds or the watch ends.
func (s *System) follow(ctx context.Context, from source, seen *string, condition func(objects) (bool, string, error)) (bool, error) {
	list, err := from.list(ctx, from.which)
	if err != nil {
		return false, err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return false, err
	}
	all := objects{}
	for _, item := range items {
		all[keyOf(item)] = item
	}
	done := false
	if done, *seen, err = condition(all); done || err != nil {
		return done, err
	}
	version, err := meta.NewAccessor().ResourceVersion(list)
	if err != nil {
		return false, err
	}
	options := from.which
	options.ResourceVersion = version
	events, err := from.watch(ctx, options)
	if err != nil {
		return false, err
	}
	defer events.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case event, open := <-events.ResultChan():
			if !open {
				return false, nil
			}
			if over, err := all.take(event); over || err != nil {
				return false, err
			}
			if done, *seen, err = condition(all); done || err != nil {
				return done, err
			}
		}
	}
}

// take applies an event of a watch. It says whether the watch is over.
func (o objects) take(event watch.Event) (over bool, err error) {
	switch event.Type {
	case watch.Error:
		return true, apierrors.FromObject(event.Object)
	case watch.Deleted:
		delete(o, keyOf(event.Object))
	case watch.Added, watch.Modified:
		o[keyOf(event.Object)] = event.Object
	}
	return false, nil
}

func keyOf(object runtime.Object) string {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return ""
	}
	return accessor.GetNamespace() + "/" + accessor.GetName()
}

// podsOf are the pods of a namespace that selectors choose.
func (s *System) podsOf(namespace, labels, fields string) source {
	pods := s.kube.CoreV1().Pods(namespace)
	return source{
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return pods.List(ctx, o) },
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return pods.Watch(ctx, o)
		},
		which: metav1.ListOptions{LabelSelector: labels, FieldSelector: fields},
	}
}

// awaitPod waits until a pod runs and is ready, and returns it. One that has ended, or cannot start, is an error.
func (s *System) awaitPod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	var pod *corev1.Pod
	subject := fmt.Sprintf("pod %s in namespace %s to run", name, namespace)
	err := s.await(ctx, subject, podWithin, s.podsOf(namespace, "", "metadata.name="+name), func(all objects) (bool, string, error) {
		found, ok := all[namespace+"/"+name].(*corev1.Pod)
		if !ok {
			return false, "it does not exist", nil
		}
		pod = found
		if found.Status.Phase == corev1.PodFailed || found.Status.Phase == corev1.PodSucceeded {
			return false, "", fmt.Errorf("it has ended: %s", whyNot(found))
		}
		return isReady(found), whyNot(found), nil
	})
	return pod, err
}

// podWithin is how long a pod may take to start: its image may have to be fetched.
const podWithin = 2 * time.Minute

func isReady(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// whyNot says what state a pod is in: "Pending, container x: ImagePullBackOff".
func whyNot(pod *corev1.Pod) string {
	text := string(pod.Status.Phase)
	if pod.DeletionTimestamp != nil {
		text += ", being deleted"
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			text += ", not scheduled: " + c.Message
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "":
			text += fmt.Sprintf(", container %s: %s %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message)
		case c.State.Terminated != nil:
			text += fmt.Sprintf(", container %s ended with exit status %d %s", c.Name, c.State.Terminated.ExitCode, c.State.Terminated.Message)
		}
	}
	return text
}

// gone waits until pods, by UID, no longer exist.
func (s *System) gone(ctx context.Context, subject, namespace, labels string, pods []corev1.Pod) error {
	return s.await(ctx, subject, goneWithin, s.podsOf(namespace, labels, ""), func(all objects) (bool, string, error) {
		for _, old := range pods {
			if now, ok := all[namespace+"/"+old.Name].(*corev1.Pod); ok && now.UID == old.UID {
				return false, fmt.Sprintf("%s is %s", now.Name, whyNot(now)), nil
			}
		}
		return true, "", nil
	})
}

// goneWithin is how long a deleted pod, or namespace, may take to be gone.
const goneWithin = 3 * time.Minute
