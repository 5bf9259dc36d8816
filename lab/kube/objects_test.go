package kube

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ptplab/ptplab/lab/kube/manifest"
	"github.com/ptplab/ptplab/lab/node"
)

func TestObjects(t *testing.T) {
	o := Options{Image: "example/x:1", Namespace: "elsewhere", SharedClock: true}.withDefaults()
	objects, err := (&client{options: o}).objects()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, object := range objects {
		name := object.GetAPIVersion() + " " + named(object)
		if seen[name] {
			t.Errorf("%s: twice", name)
		}
		seen[name] = true
		if object.GetLabels()[node.ManagedBy] != node.ManagedByLab {
			t.Errorf("%s: no label", name)
		}
		if namespace := object.GetNamespace(); namespace != "" && namespace != "elsewhere" {
			t.Errorf("%s: in namespace %s", name, namespace)
		}
		text, err := object.MarshalJSON()
		if err != nil || strings.Contains(string(text), "openshift-ptp") {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	for _, want := range []string{
		"v1 Namespace elsewhere", "v1 Namespace openshift-monitoring", "scheduling.k8s.io/v1 PriorityClass openshift-user-critical",
		"apiextensions.k8s.io/v1 CustomResourceDefinition ptpconfigs.ptp.openshift.io",
		"apiextensions.k8s.io/v1 CustomResourceDefinition ptpoperatorconfigs.ptp.openshift.io",
		"apiextensions.k8s.io/v1 CustomResourceDefinition nodeptpdevices.ptp.openshift.io",
		"v1 ServiceAccount ptp-operator", "v1 ServiceAccount linuxptp-daemon", "apps/v1 Deployment ptp-operator",
		"admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration ptp-operator-validating-webhook-configuration",
		"ptp.openshift.io/v1 PtpOperatorConfig default",
	} {
		if !seen[want] {
			t.Errorf("no %s", want)
		}
	}
}

func TestDeploymentSays(t *testing.T) {
	for _, shared := range []bool{false, true} {
		objects, err := objectsOf(operatorFile, Options{Image: "example/x:1", SharedClock: shared}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		containers, _, err := unstructured.NestedSlice(objects[1].Object, "spec", "template", "spec", "containers")
		if err != nil || len(containers) != 1 {
			t.Fatalf("%v, %v", containers, err)
		}
		container := containers[0].(map[string]any)
		variables := map[string]any{}
		for _, v := range container["env"].([]any) {
			variables[v.(map[string]any)["name"].(string)] = v.(map[string]any)["value"]
		}
		want := map[bool]string{false: "0", true: "1"}[shared]
		if container["image"] != "example/x:1" || variables["PTPLAB_IMAGE"] != "example/x:1" || variables["PTPLAB_SHARED_CLOCK"] != want || variables["RELEASE_VERSION"] != release {
			t.Errorf("shared %t: %v, %v", shared, container["image"], variables)
		}
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		"":           "",
		"---\n---\n": "",
		"a: b":       "no kind",
		"- a":        "object 1",
		"kind: [":    "object 1",
		"kind: A\napiVersion: v1\nmetadata: {name: a}\n---\nkind: B": "object 2 has no kind",
		"kind: A\napiVersion: v1\nmetadata: {name: a}":               "",
	} {
		_, err := manifest.Decode([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("kind: A\napiVersion: v1\nmetadata: {name: a, labels: {b: c}}\n---\n{}"))
	f.Add([]byte("metadata: 1\nkind: 2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		objects, err := manifest.Decode(text)
		if err != nil {
			return
		}
		for _, object := range objects {
			mark(object)
			if object.GetLabels()[node.ManagedBy] != node.ManagedByLab {
				t.Errorf("%v: no label", object)
			}
		}
	})
}

func TestResourceOf(t *testing.T) {
	for kind, want := range map[string]string{
		"PtpConfig": "ptpconfigs", "PriorityClass": "priorityclasses", "CustomResourceDefinition": "customresourcedefinitions",
	} {
		if got := resourceOf(schema.GroupVersionKind{Group: "g", Version: "v1", Kind: kind}); got.Resource != want || got.Group != "g" || got.Version != "v1" {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}
