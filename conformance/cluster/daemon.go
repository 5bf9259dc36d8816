package cluster

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RestartDaemon deletes the daemon's pod and returns when it is gone.
func (s *System) RestartDaemon(ctx context.Context, node string) error {
	pod, err := s.daemonPod(ctx, node)
	if err != nil {
		return err
	}
	return s.deletePods(ctx, "the PTP daemon of node "+node, daemonSelector, []corev1.Pod{*pod})
}

// deletePods deletes pods of the operator's namespace and waits until they are gone.
func (s *System) deletePods(ctx context.Context, what, selector string, pods []corev1.Pod) error {
	for _, pod := range pods {
		options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}
		err := s.kube.CoreV1().Pods(s.namespace).Delete(ctx, pod.Name, options)
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) { // it is gone, or another has its name
			return s.explain(err, "delete pod %s", pod.Name)
		}
	}
	return s.gone(ctx, what+" to end", s.namespace, selector, pods)
}

// Ready asks the daemon itself.
func (s *System) Ready(ctx context.Context, node string) (ready bool, why string, err error) {
	pod, err := s.daemonPod(ctx, node)
	if err != nil {
		return false, "", err
	}
	if !isRunning(pod) {
		return false, fmt.Sprintf("pod %s is %s", pod.Name, whyNot(pod)), nil
	}
	status, body, err := s.ask(ctx, pod.Namespace, pod.Name, readyPort, "/ready")
	if err != nil {
		return false, "", err
	}
	return status == http.StatusOK, strings.TrimSpace(string(body)), nil
}

func isRunning(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning
}
