package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ptplab/ptplab/lab/kube/operator"
)

// podsState says in a few words what the pods with a label wait for. The error is a finalError if one of them waits for
// what will not come.
func (c *client) podsState(ctx context.Context, labels string) (string, error) {
	list, err := c.kube.CoreV1().Pods(c.options.Namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		return "", fmt.Errorf("list the pods with label %s: %w", labels, err)
	}
	var texts []string
	hopeless := false
	for i := range list.Items {
		pod := &list.Items[i]
		text, never := trouble(pod)
		if text == "" {
			continue
		}
		if crashed := crashed(pod); crashed != "" {
			text += c.lastLine(ctx, pod.Name, crashed)
		}
		texts = append(texts, text)
		hopeless = hopeless || never
	}
	switch {
	case len(list.Items) == 0:
		return "no pods", nil
	case len(texts) == 0:
		return "all pods run", nil
	case hopeless:
		return "", finalError{fmt.Errorf("%s", strings.Join(texts, "; "))}
	}
	return strings.Join(texts, "; "), nil
}

// never are the reasons for which a container of the stack waits in vain: nobody will bring its image, and nothing
// else changes its name.
func never() []string { return []string{"ErrImageNeverPull", "InvalidImageName"} }

// trouble says what a pod waits for, "" if it is ready, and whether that will never come.
func trouble(pod *corev1.Pod) (text string, hopeless bool) {
	if pod.DeletionTimestamp != nil {
		return fmt.Sprintf("pod %s is being deleted", pod.Name), false
	}
	var parts []string
	ready := false
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			parts = append(parts, "not scheduled: "+condition.Message)
		}
		ready = ready || condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "":
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("container %s: %s %s", s.Name, s.State.Waiting.Reason, s.State.Waiting.Message)))
			hopeless = hopeless || slices.Contains(never(), s.State.Waiting.Reason)
		case s.State.Terminated != nil:
			parts = append(parts, fmt.Sprintf("container %s ended with exit status %d", s.Name, s.State.Terminated.ExitCode))
		case !s.Ready:
			parts = append(parts, fmt.Sprintf("container %s runs and is not ready", s.Name))
		}
	}
	if ready && len(parts) == 0 {
		return "", false
	}
	text = "pod " + pod.Name
	if pod.Spec.NodeName != "" {
		text += " on " + pod.Spec.NodeName
	}
	text += " is " + string(pod.Status.Phase)
	if len(parts) > 0 {
		text += ", " + strings.Join(parts, ", ")
	}
	return text, hopeless
}

// crashed names a container of a pod that has ended and is to be started again, "" if there is none.
func crashed(pod *corev1.Pod) string {
	for _, s := range pod.Status.ContainerStatuses {
		if s.RestartCount > 0 && s.State.Running == nil && s.LastTerminationState.Terminated != nil {
			return s.Name
		}
	}
	return ""
}

// logBytes is how much of the end of a log is read for its last line.
const logBytes = 4096

// lastLine is what a container printed last before it ended.
func (c *client) lastLine(ctx context.Context, pod, container string) string {
	line, err := c.logEnd(ctx, pod, container, true)
	switch {
	case err != nil:
		return fmt.Sprintf(" (its log cannot be read: %s)", err)
	case line == "":
		return " (it printed nothing)"
	}
	return fmt.Sprintf(" (it printed last: %s)", line)
}

// operatorSays is what the operator printed last, or what its pods wait for.
func (c *client) operatorSays(ctx context.Context) string {
	list, err := c.kube.CoreV1().Pods(c.options.Namespace).List(ctx, metav1.ListOptions{LabelSelector: operatorPods})
	if err != nil {
		return "the pods of the operator: " + err.Error()
	}
	for i := range list.Items {
		if text, _ := trouble(&list.Items[i]); text != "" {
			return "of the operator, " + text
		}
		if line, err := c.logEnd(ctx, list.Items[i].Name, operator.Name, false); err == nil && line != "" {
			return "the operator printed last: " + line
		}
	}
	return fmt.Sprintf("the operator has %d pods and has printed nothing", len(list.Items))
}

// logEnd is the last line of a container's log, or of the one before it.
func (c *client) logEnd(ctx context.Context, pod, container string, previous bool) (string, error) {
	tail, limit := int64(1), int64(logBytes)
	text, err := c.kube.CoreV1().Pods(c.options.Namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container: container, Previous: previous, TailLines: &tail, LimitBytes: &limit,
	}).DoRaw(ctx)
	return strings.TrimSpace(string(text)), err
}
