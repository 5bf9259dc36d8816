package kube

import (
	"embed"
	"fmt"
	"path"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/lab/kube/manifest"
	"github.com/ptplab/ptplab/lab/kube/operator"
	"github.com/ptplab/ptplab/lab/node"
)

//go:embed objects/*.yaml
var files embed.FS

// The files, each a stage of the deployment.
const (
	namespacesFile = "0-namespaces.yaml"
	kindsFile      = "1-kinds.yaml"
	rightsFile     = "2-rights.yaml"
	operatorFile   = "3-operator.yaml"
	webhookFile    = "4-webhook.yaml"
)

// release is the version of upstream's operator that the stack looks like.
const release = "v5.0.0"

// objectsOf renders the objects of a file. Each carries the label of what ptplab manages.
func objectsOf(file string, o Options) ([]*unstructured.Unstructured, error) {
	text, err := files.ReadFile(path.Join("objects", file))
	if err != nil {
		return nil, err
	}
	rendered, err := manifest.Render(file, string(text), struct {
		Options
		Release string
	}{o, release})
	if err != nil {
		return nil, err
	}
	objects, err := manifest.Decode(rendered)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, object := range objects {
		mark(object)
	}
	return objects, nil
}

func mark(object *unstructured.Unstructured) {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[node.ManagedBy] = node.ManagedByLab
	object.SetLabels(labels)
}

// operatorConfig is the PtpOperatorConfig that the options ask for.
func operatorConfig(o Options) *unstructured.Unstructured {
	selector := map[string]any{}
	for key, value := range o.Nodes {
		selector[key] = value
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": node.APIVersion, "kind": "PtpOperatorConfig",
		"metadata": map[string]any{"name": operator.ConfigName, "namespace": o.Namespace},
		"spec": map[string]any{
			"daemonNodeSelector": selector,
			"ptpEventConfig":     map[string]any{"enableEventPublisher": o.EventPublisher},
		},
	}}
	mark(object)
	return object
}
