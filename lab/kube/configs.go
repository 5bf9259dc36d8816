package kube

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/ptplab/ptplab/lab/kube/manifest"
	"github.com/ptplab/ptplab/lab/kube/operator"
	"github.com/ptplab/ptplab/lab/node"
)

// How long PutConfigs waits for the webhook, and how often it tries.
const (
	putWithin = 2 * time.Minute
	putEvery  = time.Second
)

// PutConfigs applies PtpConfig objects, YAML documents: objects of the same name become as these are, others stay. One
// that the webhook turns down is an error at once. While the webhook cannot be reached, because its pod is about to be
// replaced for one, it is tried again.
func PutConfigs(ctx context.Context, config *rest.Config, text []byte) error {
	c, objects, err := ptpConfigs(config, text)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := c.put(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) put(ctx context.Context, object *unstructured.Unstructured) error {
	var refusal error
	err := c.until(ctx, wanted{
		subject: named(object) + " to be taken", within: putWithin, every: putEvery,
		sources: []source{podsSource(object.GetNamespace(), operatorPods)},
		look: func(ctx context.Context) (bool, string, error) {
			err := c.apply(ctx, object)
			if err != nil && !webhookAway(err) && ctx.Err() == nil {
				refusal = err
				err = finalError{err}
			}
			return err == nil, "", err
		},
	})
	if refusal != nil {
		return refusal
	}
	return err
}

// ObserveConfigs counts the PtpConfig objects of YAML documents. have are those that are as PutConfigs would make them;
// none, while their kind is not known. It changes nothing.
func ObserveConfigs(ctx context.Context, config *rest.Config, text []byte) (have, want int, err error) {
	c, objects, err := ptpConfigs(config, text)
	if err != nil {
		return 0, 0, err
	}
	have, err = c.count(ctx, objects)
	return have, len(objects), err
}

// ptpConfigs reads the objects. Without a namespace they are for the operator's.
func ptpConfigs(config *rest.Config, text []byte) (*client, []*unstructured.Unstructured, error) {
	c, err := newClient(config, Options{})
	if err != nil {
		return nil, nil, err
	}
	objects, err := manifest.Decode(text)
	if err != nil {
		return nil, nil, fmt.Errorf("PtpConfigs: %w", err)
	}
	for _, object := range objects {
		if object.GetKind() != node.Kind || object.GetAPIVersion() != node.APIVersion {
			return nil, nil, fmt.Errorf("%s of %s: this is no %s of %s", named(object), object.GetAPIVersion(), node.Kind, node.APIVersion)
		}
		if object.GetNamespace() == "" {
			object.SetNamespace(operator.DefaultNamespace)
		}
		unstructured.RemoveNestedField(object.Object, "status")
	}
	return c, objects, nil
}
