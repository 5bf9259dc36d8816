package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
)

func (s *System) configs() dynamic.ResourceInterface {
	return s.dynamic.Resource(configResource()).Namespace(s.namespace)
}

// Configs lists the PtpConfigs of the operator's namespace, in the order of their names.
func (s *System) Configs(ctx context.Context) ([]ptpconfig.PtpConfig, error) {
	list, err := s.configs().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, s.explain(err, "list the PtpConfigs")
	}
	objects := make([]ptpconfig.PtpConfig, len(list.Items))
	for i := range list.Items {
		if objects[i], err = fromCluster(&list.Items[i]); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

func fromCluster(u *unstructured.Unstructured) (ptpconfig.PtpConfig, error) {
	var object ptpconfig.PtpConfig
	text, err := json.Marshal(u.Object)
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	if err != nil {
		return object, fmt.Errorf("read PtpConfig %s: %w", u.GetName(), err)
	}
	return object, nil
}

// toCluster is what of an object its owner decides: not its status, nor what the API server keeps.
func (s *System) toCluster(object ptpconfig.PtpConfig) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	whole := map[string]any{}
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, fmt.Errorf("write PtpConfig %s: %w", object.Metadata.Name, err)
	}
	return ownPart(&unstructured.Unstructured{Object: whole}, s.namespace), nil
}

// ownPart is what of a PtpConfig its owner decides.
func ownPart(whole *unstructured.Unstructured, namespace string) *unstructured.Unstructured {
	own := &unstructured.Unstructured{Object: map[string]any{"spec": whole.Object["spec"]}}
	own.SetAPIVersion(ptpconfig.APIVersion)
	own.SetKind(ptpconfig.Kind)
	own.SetName(whole.GetName())
	own.SetNamespace(namespace)
	own.SetLabels(whole.GetLabels())
	own.SetAnnotations(whole.GetAnnotations())
	return own
}

// text is the JSON of an object, the same for the same object.
func text(object any) (*string, error) {
	b, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	t := string(b)
	return &t, nil
}

// PutConfig creates a PtpConfig or replaces the one of its name. One that the webhook, or the schema, turns down is a
// *sut.RefusedError. A new one gets the mark of the suite, unless it has one already.
func (s *System) PutConfig(ctx context.Context, object ptpconfig.PtpConfig) error {
	wanted, err := s.toCluster(object)
	if err != nil {
		return err
	}
	return s.retried("PtpConfig "+wanted.GetName(), func() error { return s.putConfig(ctx, wanted) })
}

func (s *System) putConfig(ctx context.Context, wanted *unstructured.Unstructured) error {
	name := wanted.GetName()
	current, err := s.configs().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return s.createConfig(ctx, wanted)
	}
	if err != nil {
		return s.explain(err, "get PtpConfig %s", name)
	}
	if isMarked(current.GetLabels()) {
		mark(wanted, ManagedByValue)
		return s.updateConfig(ctx, wanted, current)
	}
	before, err := text(ownPart(current, s.namespace).Object)
	if err != nil {
		return err
	}
	after, err := text(wanted.Object)
	if err != nil {
		return err
	}
	return s.change(ctx, entry{kindConfig, name, "", before}, after, func() error { return s.updateConfig(ctx, wanted, current) })
}

// isMarked says whether an object is the suite's.
func isMarked(labels map[string]string) bool { return labels[ManagedBy] == ManagedByValue }

func mark(object *unstructured.Unstructured, value string) {
	labels := maps.Clone(object.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[ManagedBy] = value
	object.SetLabels(labels)
}

// createConfig creates an object. One without a mark gets that of the suite. One that is marked as somebody's, for one because it
// is arranged for a mode and may be kept after the run, is written down, and so is one that the suite has deleted and that comes
// back.
func (s *System) createConfig(ctx context.Context, wanted *unstructured.Unstructured) error {
	before := entry{Kind: kindConfig, Name: wanted.GetName()}
	if err := s.journal.read(ctx); err != nil {
		return s.explain(err, "read secret %s", journalName)
	}
	_, noted := s.journal.entries[before.id()]
	create := func() error {
		_, err := s.configs().Create(ctx, wanted, metav1.CreateOptions{})
		return s.configError(err, "create", before.Name)
	}
	if !noted && wanted.GetLabels()[ManagedBy] == "" {
		wanted = wanted.DeepCopy()
		mark(wanted, ManagedByValue)
	}
	if isMarked(wanted.GetLabels()) {
		return create()
	}
	after, err := text(wanted.Object)
	if err != nil {
		return err
	}
	return s.change(ctx, before, after, create)
}

func (s *System) updateConfig(ctx context.Context, wanted, current *unstructured.Unstructured) error {
	wanted = wanted.DeepCopy()
	wanted.SetResourceVersion(current.GetResourceVersion())
	_, err := s.configs().Update(ctx, wanted, metav1.UpdateOptions{})
	return s.configError(err, "update", wanted.GetName())
}

func (s *System) configError(err error, verb, name string) error {
	if err == nil || apierrors.IsConflict(err) {
		return err
	}
	if refusal := refused("PtpConfig "+name, err); refusal != nil {
		return refusal
	}
	return s.explain(err, "%s PtpConfig %s", verb, name)
}

// DeleteConfig deletes a PtpConfig; one that does not exist is no error.
func (s *System) DeleteConfig(ctx context.Context, name string) error {
	current, err := s.configs().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return s.explain(err, "get PtpConfig %s", name)
	}
	remove := func() error {
		err := s.configs().Delete(ctx, name, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return s.configError(err, "delete", name)
	}
	if isMarked(current.GetLabels()) {
		return remove()
	}
	before, err := text(ownPart(current, s.namespace).Object)
	if err != nil {
		return err
	}
	return s.change(ctx, entry{kindConfig, name, "", before}, nil, remove)
}
