//go:build lab

package daemon

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/ptplab/ptplab/lab/kube/kubetest"
)

// deployed creates what the stack's files define, in their order.
func deployed(t *testing.T, config *rest.Config, files ...string) {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(config)))
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join("../objects", file))
		if err != nil {
			t.Fatal(err)
		}
		reader := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(bytes.ReplaceAll(text, []byte("{{.Namespace}}"), []byte(namespace))), 4096)
		for {
			u := &unstructured.Unstructured{}
			if err := reader.Decode(&u.Object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if len(u.Object) == 0 {
				continue
			}
			kind := u.GroupVersionKind()
			mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Resource(mapping.Resource).Namespace(u.GetNamespace()).Create(t.Context(), u, metav1.CreateOptions{}); err != nil {
				t.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
			}
		}
	}
}

// TestWithAPIServer lets the daemon work with the rights and the kinds of object of the stack.
func TestWithAPIServer(t *testing.T) {
	s := kubetest.Start(t)
	admin, err := dynamic.NewForConfig(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	account, err := dynamic.NewForConfig(s.As(namespace, "linuxptp-daemon"))
	if err != nil {
		t.Fatal(err)
	}
	b := prepare(t, admin)
	b.o.Client, b.o.SharedClock = account, true
	b.start() // before there is anything that it can watch
	deployed(t, s.Config, "0-namespaces.yaml", "1-kinds.yaml", "2-rights.yaml")
	for resource := range kinds() {
		eventually(t, resource.Resource, func() (bool, string) {
			_, err := admin.Resource(resource).List(t.Context(), metav1.ListOptions{})
			return !apierrors.IsNotFound(err), "not served"
		})
	}
	worker := map[string]any{"role": "worker"}
	for _, o := range []any{
		kubeNode("w0", nil), kubeNode("w1", worker), ptpObject("PtpOperatorConfig", "other", map[string]any{}), operatorObject(worker),
		receiver("w0", "c0", "p0"), receiver("w1", "c1", "p0"), ptpObject("NodePtpDevice", "w0", map[string]any{}), ptpObject("NodePtpDevice", "w1", map[string]any{}),
	} {
		b.put(o)
	}
	b.runs("ptp4l.0.config c1_c1", "phc2sys.0.config c1_c1")
	b.until("w1 to steer", func() (bool, string) { return !b.freeRunning("phc2sys.0.config"), "it measures" })
	list := func(name string) (found bool) {
		object, err := admin.Resource(deviceResource()).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, found, _ = unstructured.NestedSlice(object.Object, "status", "devices")
		return found
	}
	b.until("the devices of w1", func() (bool, string) { return list("w1"), "not told" })
	if list("w0") {
		t.Error("the devices of w0 are told by the daemon of w1")
	}
	if err := b.client.Resource(configResource()).Namespace(namespace).Delete(t.Context(), "c1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.runs()
	if text := b.stderr.String(); strings.Contains(text, "not done") {
		t.Errorf("the daemon could not do something:\n%s", text)
	}
}
