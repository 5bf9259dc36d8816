package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// fieldManager owns what Deploy sets.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/
const fieldManager = "ptplab"

func (c *client) resource(object *unstructured.Unstructured) dynamic.ResourceInterface {
	resource := c.dynamic.Resource(resourceOf(object.GroupVersionKind()))
	if namespace := object.GetNamespace(); namespace != "" {
		return resource.Namespace(namespace)
	}
	return resource
}

func named(object *unstructured.Unstructured) string {
	return object.GetKind() + " " + object.GetName()
}

// apply brings an object to what is wanted. One that is so already keeps its resourceVersion.
func (c *client) apply(ctx context.Context, object *unstructured.Unstructured) error {
	if _, err := c.patch(ctx, object, false); err != nil {
		return fmt.Errorf("apply %s: %w", named(object), err)
	}
	return nil
}

// patch is server-side apply. Fields that somebody else has changed are taken back.
func (c *client) patch(ctx context.Context, object *unstructured.Unstructured, dry bool) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	force := true
	options := metav1.PatchOptions{FieldManager: fieldManager, Force: &force}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return c.resource(object).Patch(ctx, object.GetName(), types.ApplyPatchType, text, options)
}

// get is the object as it is.
func (c *client) get(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return c.resource(object).Get(ctx, object.GetName(), metav1.GetOptions{})
}

// holds says whether an object is there and as it should be: applying it would change nothing.
func (c *client) holds(ctx context.Context, object *unstructured.Unstructured) (bool, error) {
	is, err := c.get(ctx, object)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("get %s: %w", named(object), err)
	}
	would, err := c.patch(ctx, object, true)
	if webhookAway(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", named(object), err)
	}
	for _, o := range []*unstructured.Unstructured{is, would} {
		o.SetManagedFields(nil)
		o.SetResourceVersion("")
		unstructured.RemoveNestedField(o.Object, "status") // somebody else's, who may write it meanwhile
	}
	return reflect.DeepEqual(is.Object, would.Object), nil
}
