package operator

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/lab/node"
)

// keepDevices sees that each node that runs the daemon has a NodePtpDevice, which the daemon fills in, and no other.
func (o *Operator) keepDevices(ctx context.Context) error {
	s, found, err := o.settings()
	if err != nil || !found {
		return err
	}
	nodes, err := o.matchingNodes(s)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	var faults []error
	for _, n := range nodes {
		wanted[n.Name] = true
		if _, err := o.deviceObjects.Get(n.Name); apierrors.IsNotFound(err) {
			faults = append(faults, o.createDevice(ctx, n))
		}
	}
	have, err := o.deviceObjects.List(everything())
	if err != nil {
		return err
	}
	for _, item := range have {
		if name := item.(*unstructured.Unstructured).GetName(); !wanted[name] {
			err := o.dynamic.Resource(devices()).Namespace(o.options.Namespace).Delete(ctx, name, metav1.DeleteOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				faults = append(faults, fmt.Errorf("delete NodePtpDevice %s: %w", name, err))
			}
		}
	}
	return errors.Join(faults...)
}

// createDevice makes the object of a node, which goes with the node.
func (o *Operator) createDevice(ctx context.Context, n *corev1.Node) error {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": node.APIVersion, "kind": "NodePtpDevice", "metadata": map[string]any{}, "spec": map[string]any{},
	}}
	object.SetName(n.Name)
	object.SetNamespace(o.options.Namespace)
	object.SetLabels(managed())
	object.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.Name, UID: n.UID}})
	_, err := o.dynamic.Resource(devices()).Namespace(o.options.Namespace).Create(ctx, object, metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create NodePtpDevice %s: %w", n.Name, err)
	}
	return nil
}
