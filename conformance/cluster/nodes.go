package cluster

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nodes names the nodes that run the PTP daemon and are part of the system, in the order of their names.
func (s *System) nodes(ctx context.Context) ([]string, error) {
	pods, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: daemonSelector})
	if err != nil {
		return nil, s.explain(err, "list the pods of linuxptp-daemon")
	}
	selected, err := s.selectedNodes(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, pod := range pods.Items {
		node := pod.Spec.NodeName
		if pod.Status.Phase == corev1.PodRunning && (selected == nil || slices.Contains(selected, node)) {
			names = append(names, node)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return nil, &NotReadyError{Text: s.noDaemon(len(pods.Items))}
	}
	return names, nil
}

func (s *System) noDaemon(pods int) string {
	switch {
	case s.options.NodesSelector != "":
		return fmt.Sprintf("no pod of linuxptp-daemon runs on a node with the labels %s; look at --nodes-selector", s.options.NodesSelector)
	case pods > 0:
		return fmt.Sprintf("none of the %d pods of linuxptp-daemon in namespace %s runs; look at: kubectl -n %s describe pods -l %s", pods, s.namespace, s.namespace, daemonSelector)
	}
	return fmt.Sprintf("there is no pod of linuxptp-daemon in namespace %s; see that the PTP operator is installed there and that the daemonNodeSelector of PtpOperatorConfig %s matches a node", s.namespace, operatorConfigName)
}

// selectedNodes are those of the user's selector; nil for all.
func (s *System) selectedNodes(ctx context.Context) ([]string, error) {
	if s.options.NodesSelector == "" {
		return nil, nil
	}
	list, err := s.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: s.options.NodesSelector})
	if err != nil {
		return nil, s.explain(err, "list the nodes with labels %s", s.options.NodesSelector)
	}
	names := []string{}
	for _, node := range list.Items {
		names = append(names, node.Name)
	}
	return names, nil
}

// daemonPod is the pod of a node that runs, or else the newest.
func (s *System) daemonPod(ctx context.Context, node string) (*corev1.Pod, error) {
	list, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: daemonSelector, FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return nil, s.explain(err, "find the PTP daemon of node %s", node)
	}
	var best *corev1.Pod
	for i := range list.Items {
		pod := &list.Items[i]
		if best == nil || rank(pod) > rank(best) {
			best = pod
		}
	}
	if best == nil {
		return nil, fmt.Errorf("there is no pod of linuxptp-daemon on node %s", node)
	}
	return best, nil
}

// rank prefers pods that run to those that start to those that are being deleted.
func rank(pod *corev1.Pod) int {
	switch {
	case pod.DeletionTimestamp != nil:
		return 0
	case pod.Status.Phase != corev1.PodRunning:
		return 1
	}
	return 2
}
