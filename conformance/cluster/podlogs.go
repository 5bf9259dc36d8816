package cluster

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ptplab/ptplab/conformance/podlogs"
)

// PodLogs has the logs of all containers of the operator and of the daemons. It may be used beside the other methods of the system.
func (s *System) PodLogs() podlogs.Source { return podlogs.Streaming(s.streams, s.openLog) }

// streams lists what the containers print, and what those printed that have been started anew.
func (s *System) streams(ctx context.Context) ([]podlogs.Stream, error) {
	var all []podlogs.Stream
	for _, selector := range []string{operatorSelector, daemonSelector} {
		pods, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return nil, s.explain(err, "list the pods with label %s", selector)
		}
		for _, pod := range pods.Items {
			for _, c := range pod.Status.ContainerStatuses {
				all = append(all, streamsOf(pod.Name, c)...)
			}
		}
	}
	return all, nil
}

// streamsOf are those of one container, of which Kubernetes keeps the last two.
func streamsOf(pod string, c corev1.ContainerStatus) []podlogs.Stream {
	var all []podlogs.Stream
	restarts := int(c.RestartCount)
	if restarts > 0 {
		all = append(all, podlogs.Stream{Pod: pod, Container: c.Name, Restart: restarts - 1, Ended: true})
	}
	if c.State.Running != nil || c.State.Terminated != nil { // one that has not begun has no log
		all = append(all, podlogs.Stream{Pod: pod, Container: c.Name, Restart: restarts, Ended: c.State.Terminated != nil})
	}
	return all
}

// openLog opens a container's log, or that of the one before it.
func (s *System) openLog(ctx context.Context, stream podlogs.Stream, since time.Time, follow bool) (io.ReadCloser, error) {
	pods := s.kube.CoreV1().Pods(s.namespace)
	pod, err := pods.Get(ctx, stream.Pod, metav1.GetOptions{})
	if err != nil {
		return nil, s.explain(err, "get pod %s", stream.Pod)
	}
	i := slices.IndexFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == stream.Container })
	if i < 0 {
		return nil, fmt.Errorf("pod %s has no container %s", stream.Pod, stream.Container)
	}
	newer := int(pod.Status.ContainerStatuses[i].RestartCount) - stream.Restart
	if newer < 0 || newer > 1 {
		return nil, fmt.Errorf("the log is gone: the container has been started %d times since", newer)
	}
	options := &corev1.PodLogOptions{Container: stream.Container, Timestamps: true, Previous: newer == 1, Follow: follow && newer == 0}
	if !since.IsZero() {
		options.SinceTime = &metav1.Time{Time: since.Truncate(time.Second)} // the API's own resolution
	}
	log, err := pods.GetLogs(stream.Pod, options).Stream(ctx)
	return log, s.explain(err, "log of container %s of pod %s", stream.Container, stream.Pod)
}
