package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

func (c *client) nodes(ctx context.Context) ([]corev1.Node, error) {
	list, err := c.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	return list.Items, nil
}

// workersOf are the nodes without a control plane. A cluster of one node has its worker there.
func workersOf(nodes []corev1.Node) []corev1.Node {
	workers := slices.DeleteFunc(slices.Clone(nodes), func(n corev1.Node) bool { return has(n, controlPlaneLabel) })
	if len(workers) == 0 && len(nodes) == 1 {
		return nodes
	}
	return workers
}

// rolesMissing are the labels that workers of upstream's test clusters have and a node has not.
func rolesMissing(n corev1.Node) []string {
	return slices.DeleteFunc([]string{workerLabel, masterLabel}, func(label string) bool { return has(n, label) })
}

func has(n corev1.Node, label string) bool {
	_, found := n.Labels[label]
	return found
}

// labelNodes gives each worker the labels of its roles.
func (c *client) labelNodes(ctx context.Context, tell func(done, want int)) error {
	nodes, err := c.nodes(ctx)
	if err != nil {
		return err
	}
	workers := workersOf(nodes)
	for i, n := range workers {
		if missing := rolesMissing(n); len(missing) > 0 {
			if err := c.labelNode(ctx, n.Name, missing); err != nil {
				return err
			}
		}
		tell(i+1, len(workers))
	}
	return nil
}

func (c *client) labelNode(ctx context.Context, name string, missing []string) error {
	roles := map[string]string{}
	for _, label := range missing {
		roles[label] = ""
	}
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": roles}})
	if err != nil {
		return err
	}
	if _, err := c.kube.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, text, metav1.PatchOptions{FieldManager: fieldManager}); err != nil {
		return fmt.Errorf("label node %s: %w", name, err)
	}
	return nil
}

// wantedNodes names the nodes that should run the daemon.
func (c *client) wantedNodes(ctx context.Context) ([]string, error) {
	nodes, err := c.nodes(ctx)
	if err != nil {
		return nil, err
	}
	selector := labels.SelectorFromSet(c.options.Nodes)
	var names []string
	for _, n := range nodes {
		if selector.Matches(labels.Set(n.Labels)) {
			names = append(names, n.Name)
		}
	}
	return names, nil
}
