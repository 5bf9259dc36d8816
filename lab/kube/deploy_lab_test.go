//go:build lab

package kube

import (
	"testing"

	"github.com/ptplab/ptplab/lab/kube/kubetest"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestObjectsAreTaken(t *testing.T) {
	s := kubetest.Start(t)
	c, err := newClient(s.Config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{namespacesFile, kindsFile, rightsFile, operatorFile, webhookFile} {
		objects, err := objectsOf(file, c.options)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if err := c.apply(t.Context(), o); err != nil {
				t.Error(err)
			}
			if file == kindsFile {
				if err := c.established(t.Context(), o); err != nil {
					t.Error(err)
				}
			}
			before := version(t, c, o)
			if err := c.apply(t.Context(), o); err != nil {
				t.Error(err)
			}
			if after := version(t, c, o); after != before {
				t.Errorf("%s: second apply changed it: %s, %s", named(o), before, after)
			}
			if ok, err := c.holds(t.Context(), o); !ok || err != nil {
				t.Errorf("%s: holds %v, %v", named(o), ok, err)
			}
		}
	}
}

func version(t *testing.T, c *client, o *unstructured.Unstructured) string {
	t.Helper()
	got, err := c.get(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return got.GetResourceVersion()
}
