package monitoring

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/ptplab/ptplab/lab/image/node"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as it was; if it should be, run go test -update and look at the difference\n%s", path, got)
	}
}

func objects(t *testing.T, o Options) []*unstructured.Unstructured {
	t.Helper()
	list, err := Objects(o)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestObjects(t *testing.T) {
	for name, o := range map[string]Options{
		"lab.yaml":   {},
		"other.yaml": {Image: "localhost/prometheus:v3", Namespace: "watch", PTPNamespace: "ptp", Every: 30 * time.Second, Retention: time.Hour},
	} {
		var all bytes.Buffer
		for _, object := range objects(t, o) {
			text, err := yaml.Marshal(object.Object)
			if err != nil {
				t.Fatal(err)
			}
			all.WriteString("---\n")
			all.Write(text)
		}
		golden(t, name, all.Bytes())
	}
}

// typed reads an object of the given kind, in which every field must be known.
func typed(t *testing.T, list []*unstructured.Unstructured, kind string, to any) {
	t.Helper()
	for _, object := range list {
		if object.GetKind() != kind {
			continue
		}
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, to); err != nil {
			t.Errorf("%s %s: %v", kind, object.GetName(), err)
		}
		return
	}
	t.Fatalf("there is no %s", kind)
}

// The suite finds the pod by its label and asks the port inside; the Service must lead to the same.
func TestServer(t *testing.T) {
	list := objects(t, Options{})
	var set appsv1.StatefulSet
	var service corev1.Service
	var config corev1.ConfigMap
	var account corev1.ServiceAccount
	typed(t, list, "StatefulSet", &set)
	typed(t, list, "Service", &service)
	typed(t, list, "ConfigMap", &config)
	typed(t, list, "ServiceAccount", &account)
	pod := set.Spec.Template
	for name, wanted := range map[string]map[string]string{"selector": set.Spec.Selector.MatchLabels, "Service": service.Spec.Selector} {
		if !labels.SelectorFromSet(wanted).Matches(labels.Set(pod.Labels)) {
			t.Errorf("the %s wants %v, the pod has %v", name, wanted, pod.Labels)
		}
	}
	if pod.Labels["app.kubernetes.io/name"] != "prometheus" {
		t.Errorf("labels %v", pod.Labels)
	}
	if len(pod.Spec.Containers) != 1 || pod.Spec.Containers[0].Image != node.PrometheusLab || len(pod.Spec.Containers[0].Command) > 0 {
		t.Errorf("containers %+v, want one of the node's image with its own entrypoint", pod.Spec.Containers)
	}
	if port := pod.Spec.Containers[0].Ports[0]; port.ContainerPort != Port || service.Spec.Ports[0].TargetPort.StrVal != port.Name || service.Spec.Ports[0].Port != Port {
		t.Errorf("the container serves %+v, the Service %+v", port, service.Spec.Ports)
	}
	if pod.Spec.ServiceAccountName != account.Name || pod.Spec.Volumes[0].ConfigMap.Name != config.Name {
		t.Errorf("account %s, volumes %+v", pod.Spec.ServiceAccountName, pod.Spec.Volumes)
	}
	want, err := Config(Options{})
	if err != nil || config.Data["prometheus.yml"] != want {
		t.Errorf("the ConfigMap has %q, %v", config.Data, err)
	}
}

func TestRights(t *testing.T) {
	list := objects(t, Options{})
	var all rbacv1.ClusterRole
	var role rbacv1.Role
	var everywhere rbacv1.ClusterRoleBinding
	var binding rbacv1.RoleBinding
	typed(t, list, "ClusterRole", &all)
	typed(t, list, "Role", &role)
	typed(t, list, "ClusterRoleBinding", &everywhere)
	typed(t, list, "RoleBinding", &binding)
	if role.Namespace != "openshift-ptp" || binding.Namespace != "openshift-ptp" {
		t.Errorf("pods are seen in namespace %s by a binding in %s", role.Namespace, binding.Namespace)
	}
	for _, subjects := range [][]rbacv1.Subject{everywhere.Subjects, binding.Subjects} {
		if len(subjects) != 1 || subjects[0].Name != "prometheus-k8s" || subjects[0].Namespace != "openshift-monitoring" {
			t.Errorf("rights of %+v", subjects)
		}
	}
	if everywhere.RoleRef.Name != all.Name || binding.RoleRef.Name != role.Name {
		t.Errorf("bound are %s and %s", everywhere.RoleRef.Name, binding.RoleRef.Name)
	}
}

// The interval that the ServiceMonitor states is the one of the configuration.
func TestInterval(t *testing.T) {
	list := objects(t, Options{Every: 15 * time.Second})
	monitor := list[len(list)-1]
	endpoints, _, err := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
	if err != nil || len(endpoints) != 1 {
		t.Fatalf("endpoints %v, %v", endpoints, err)
	}
	endpoint := endpoints[0].(map[string]any)
	if monitor.GetKind() != "ServiceMonitor" || endpoint["path"] != "/metrics/cadvisor" || endpoint["interval"] != "15s" {
		t.Errorf("the last object is %s with the endpoint %v", monitor.GetKind(), endpoint)
	}
	text, err := Config(Options{Every: 15 * time.Second})
	if err != nil || !strings.Contains(text, "\n  scrape_interval: 15s\n  scrape_timeout: 10s\n") {
		t.Errorf("configuration %s, %v", text, err)
	}
	if text, err = Config(Options{Every: 5 * time.Second}); err != nil || !strings.Contains(text, "\n  scrape_timeout: 5s\n") {
		t.Errorf("a target may take longer than the interval:\n%s, %v", text, err)
	}
}

// Another configuration makes another pod.
func TestConfigurationOfPod(t *testing.T) {
	sum := func(o Options) string {
		var set appsv1.StatefulSet
		typed(t, objects(t, o), "StatefulSet", &set)
		return set.Spec.Template.Annotations["ptplab/configuration"]
	}
	if sum(Options{}) == "" || sum(Options{}) == sum(Options{PTPNamespace: "ptp"}) {
		t.Errorf("both configurations are %q", sum(Options{}))
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{
		{Namespace: "a\nb: c"}, {PTPNamespace: "Upper"}, {Every: -time.Second}, {Every: 1500 * time.Millisecond}, {Retention: time.Millisecond},
	} {
		if _, err := Objects(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
		if _, err := Config(o); err == nil {
			t.Errorf("%+v is taken for a configuration", o)
		}
	}
	// A name with a quote in it stays one name.
	var set appsv1.StatefulSet
	typed(t, objects(t, Options{Image: "a\"b\\c"}), "StatefulSet", &set)
	if got := set.Spec.Template.Spec.Containers[0].Image; got != `a"b\c` {
		t.Errorf("image %q", got)
	}
}
