package monitoring

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// configuration is the part of Prometheus' configuration that is used here.
type configuration struct {
	Global struct {
		ScrapeInterval     string `json:"scrape_interval"`
		ScrapeTimeout      string `json:"scrape_timeout"`
		EvaluationInterval string `json:"evaluation_interval"`
	} `json:"global"`
	ScrapeConfigs []job `json:"scrape_configs"`
}

type job struct {
	Name          string `json:"job_name"`
	Scheme        string `json:"scheme"`
	MetricsPath   string `json:"metrics_path"`
	HonorLabels   bool   `json:"honor_labels"`
	Authorization struct {
		File string `json:"credentials_file"`
	} `json:"authorization"`
	TLS struct {
		Insecure bool `json:"insecure_skip_verify"`
	} `json:"tls_config"`
	Discovery []struct {
		Role       string `json:"role"`
		Namespaces struct {
			Names []string `json:"names"`
		} `json:"namespaces"`
		Selectors []struct{ Role, Label string } `json:"selectors"`
	} `json:"kubernetes_sd_configs"`
	Relabel       []rule `json:"relabel_configs"`
	MetricRelabel []rule `json:"metric_relabel_configs"`
}

// rule is a step of relabeling: what it leaves out is Prometheus' default.
type rule struct {
	Source      []string `json:"source_labels"`
	Regex       *string  `json:"regex"`
	Target      string   `json:"target_label"`
	Replacement *string  `json:"replacement"`
	Action      string   `json:"action"`
}

// apply makes the step, and says whether the target or series is kept.
func (r rule) apply(t *testing.T, labels map[string]string) bool {
	t.Helper()
	pattern, replacement := "(.*)", "$1"
	if r.Regex != nil {
		pattern = *r.Regex
	}
	if r.Replacement != nil {
		replacement = *r.Replacement
	}
	var values []string
	for _, name := range r.Source {
		values = append(values, labels[name])
	}
	text := strings.Join(values, ";")
	regex := regexp.MustCompile("^(?s:" + pattern + ")$")
	found := regex.FindStringSubmatchIndex(text)
	switch r.Action {
	case "keep":
		return found != nil
	case "":
		if found != nil {
			labels[r.Target] = string(regex.ExpandString(nil, replacement, text, found))
		}
	default:
		t.Fatalf("action %s", r.Action)
	}
	return true
}

// relabel makes all steps. What is left of a target are the labels without two underscores in front, and its address.
func relabel(t *testing.T, rules []rule, labels map[string]string) (map[string]string, bool) {
	t.Helper()
	labels = maps.Clone(labels)
	for _, r := range rules {
		if !r.apply(t, labels) {
			return nil, false
		}
	}
	maps.DeleteFunc(labels, func(name, _ string) bool { return strings.HasPrefix(name, "__") && name != "__address__" })
	return labels, true
}

func jobs(t *testing.T) map[string]job {
	t.Helper()
	text, err := Config(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var c configuration
	if err := yaml.UnmarshalStrict([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	all := map[string]job{}
	for _, one := range c.ScrapeConfigs {
		all[one.Name] = one
	}
	return all
}

// Names of the meta labels: https://prometheus.io/docs/prometheus/2.53/configuration/configuration/#kubernetes_sd_config
func TestDaemonTargets(t *testing.T) {
	j := jobs(t)["ptp-monitor-service"]
	if len(j.Discovery) != 1 || j.Discovery[0].Role != "pod" || len(j.Discovery[0].Selectors) != 1 || j.Discovery[0].Selectors[0].Label != "app=linuxptp-daemon" {
		t.Errorf("discovery %+v", j.Discovery)
	}
	if !j.HonorLabels {
		t.Error("labels of the daemons are renamed where Prometheus has the same")
	}
	pod := map[string]string{
		"__address__": "172.18.0.3", "__metrics_path__": "/metrics", "__meta_kubernetes_pod_ip": "172.18.0.3", "__meta_kubernetes_namespace": "openshift-ptp",
		"__meta_kubernetes_pod_name": "linuxptp-daemon-x", "__meta_kubernetes_pod_node_name": "w1", "__meta_kubernetes_pod_phase": "Running",
		"__meta_kubernetes_pod_container_name": "linuxptp-daemon-container", "__meta_kubernetes_pod_container_init": "false",
	}
	want := map[string]string{
		"__address__": "172.18.0.3:9091", "namespace": "openshift-ptp", "pod": "linuxptp-daemon-x", "node": "w1",
		"container": "linuxptp-daemon-container", "service": "ptp-monitor-service", "endpoint": "metrics",
	}
	if got, kept := relabel(t, j.Relabel, pod); !kept || !maps.Equal(got, want) {
		t.Errorf("target %v, kept %t; want %v", got, kept, want)
	}
	// Each port that the container declares makes a target; all must become one.
	pod["__address__"], pod["__meta_kubernetes_pod_container_port_number"] = "172.18.0.3:8081", "8081"
	if got, kept := relabel(t, j.Relabel, pod); !kept || !maps.Equal(got, want) {
		t.Errorf("target of another port %v, kept %t; want %v", got, kept, want)
	}
	pod["__meta_kubernetes_pod_ip"] = "fc00::3"
	if got, _ := relabel(t, j.Relabel, pod); got["__address__"] != "[fc00::3]:9091" {
		t.Errorf("address %q", got["__address__"])
	}
	for label, value := range map[string]string{
		"__meta_kubernetes_pod_container_name": "cloud-event-proxy", "__meta_kubernetes_pod_container_init": "true", "__meta_kubernetes_pod_phase": "Pending",
	} {
		other := maps.Clone(pod)
		other[label] = value
		if _, kept := relabel(t, j.Relabel, other); kept {
			t.Errorf("a pod with %s=%s is a target", label, value)
		}
	}
}

func TestKubeletTargets(t *testing.T) {
	j := jobs(t)["kubelet"]
	if j.Scheme != "https" || j.MetricsPath != "/metrics/cadvisor" || !j.HonorLabels || !j.TLS.Insecure || !strings.HasSuffix(j.Authorization.File, "/token") {
		t.Errorf("job %+v", j)
	}
	node := map[string]string{"__address__": "172.18.0.3:10250", "__metrics_path__": "/metrics/cadvisor", "__meta_kubernetes_node_name": "w1"}
	want := map[string]string{"__address__": "172.18.0.3:10250", "node": "w1", "metrics_path": "/metrics/cadvisor", "service": "kubelet", "endpoint": "https-metrics"}
	if got, kept := relabel(t, j.Relabel, node); !kept || !maps.Equal(got, want) {
		t.Errorf("target %v, kept %t; want %v", got, kept, want)
	}
	for name, wanted := range map[string]bool{
		"container_cpu_usage_seconds_total": true, "container_memory_working_set_bytes": true, "container_fs_reads_total": false, "go_gc_duration_seconds": false,
	} {
		if _, kept := relabel(t, j.MetricRelabel, map[string]string{"__name__": name}); kept != wanted {
			t.Errorf("%s is kept: %t, want %t", name, kept, wanted)
		}
	}
}
