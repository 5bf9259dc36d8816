package operator

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/lab/node"
)

// workerLabel is what the nodes have that run the daemon where nobody has said otherwise.
const workerLabel = "node-role.kubernetes.io/worker"

// keepConfig creates the settings if there are none.
func (o *Operator) keepConfig(ctx context.Context) error {
	_, found, err := o.settings()
	if err != nil || found {
		return err
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": node.APIVersion, "kind": "PtpOperatorConfig",
		"metadata": map[string]any{"name": ConfigName, "namespace": o.options.Namespace},
		"spec": map[string]any{
			"daemonNodeSelector": map[string]any{workerLabel: ""},
			"ptpEventConfig":     map[string]any{"enableEventPublisher": false},
		},
	}}
	object.SetLabels(managed())
	_, err = o.dynamic.Resource(operatorConfigs()).Namespace(o.options.Namespace).Create(ctx, object, metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create PtpOperatorConfig %s: %w", ConfigName, err)
	}
	return nil
}
