package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// apply brings an object of the namespace to what is wanted, by server-side apply. One that is so already is not
// written again; fields that somebody else has changed are taken back, and those no longer wanted are removed.
func (o *Operator) apply(ctx context.Context, kind schema.GroupVersionKind, object runtime.Object) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return err
	}
	wanted := &unstructured.Unstructured{Object: content}
	wanted.SetGroupVersionKind(kind)
	unstructured.RemoveNestedField(wanted.Object, "status")
	text, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	plural := kind.GroupVersion().WithResource(strings.ToLower(kind.Kind) + "s")
	_, err = o.dynamic.Resource(plural).Namespace(o.options.Namespace).Patch(ctx, wanted.GetName(), types.ApplyPatchType, text,
		metav1.PatchOptions{FieldManager: fieldManager, Force: new(true)})
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, wanted.GetName(), err)
	}
	return nil
}
