package cluster

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Labels lists the keys of a node's labels, sorted.
func (s *System) Labels(ctx context.Context, node string) ([]string, error) {
	labels, err := s.labels(ctx, node)
	return slices.Sorted(maps.Keys(labels)), err
}

func (s *System) labels(ctx context.Context, node string) (map[string]string, error) {
	object, err := s.kube.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return nil, s.explain(err, "get node %s", node)
	}
	return object.Labels, nil
}

// SetLabel gives a node a label, or takes it away. One that comes back gets the value that it had before the suite took it away.
func (s *System) SetLabel(ctx context.Context, node, key string, present bool) error {
	labels, err := s.labels(ctx, node)
	if err != nil {
		return err
	}
	value, has := labels[key]
	if has == present {
		return nil
	}
	before := entry{Kind: kindLabel, Name: node, Key: key}
	if has {
		before.Before = &value
	}
	if err := s.journal.read(ctx); err != nil {
		return s.explain(err, "read secret %s", journalName)
	}
	var after *string
	if present {
		after = new(string)
		if noted := s.journal.entries[before.id()]; noted.Before != nil {
			after = noted.Before
		}
	}
	return s.change(ctx, before, after, func() error { return s.patchLabel(ctx, node, key, after) })
}

// patchLabel sets a label, or with nil removes it.
func (s *System) patchLabel(ctx context.Context, node, key string, value *string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]*string{key: value}}})
	if err != nil {
		return err
	}
	_, err = s.kube.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{})
	return s.explain(err, "label node %s with %s", node, key)
}
