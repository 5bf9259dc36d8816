package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ptplab/ptplab/conformance/sut"
)

const (
	scrapeEvery  = 30 * time.Second // how often CPU use is collected where no ServiceMonitor says
	windowMargin = 10 * time.Second
	loadTries    = 10 // with a longer window each time
)

// Loads are the rates that Prometheus gives. A window in which it does not collect at least twice is made longer, and longer again
// while it knows nothing yet.
func (s *System) Loads(ctx context.Context, window time.Duration) ([]sut.Load, error) {
	if least := 2 * s.scrapeInterval(ctx); window < least {
		window = least + windowMargin
	}
	for try := 1; ; try++ {
		samples, err := s.Query(ctx, s.loadQuery(window))
		if err != nil {
			return nil, err
		}
		if len(samples) > 0 {
			return s.loads(ctx, samples)
		}
		if try == loadTries {
			return nil, fmt.Errorf("Prometheus has no CPU use of namespace %s over %s", s.namespace, window)
		}
		s.log.Warn("Prometheus has no CPU use yet", "window", window, "try", try)
		window += windowMargin
		if err := s.Sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

func (s *System) loadQuery(window time.Duration) string {
	return fmt.Sprintf(`sum by (pod, container) (rate(container_cpu_usage_seconds_total{namespace=%q,container!="",container!="POD"}[%ds]))`,
		s.namespace, int(window.Seconds()))
}

// loads adds to samples where the pods are and what they are. Samples of pods that are gone say nothing.
func (s *System) loads(ctx context.Context, samples []sut.Sampled) ([]sut.Load, error) {
	pods, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, s.explain(err, "list the pods of namespace %s", s.namespace)
	}
	var loads []sut.Load
	for _, sample := range samples {
		for _, pod := range pods.Items {
			kind := cmp.Or(pod.Labels["app"], pod.Labels["name"])
			if pod.Name == sample.Labels["pod"] && (kind == daemonName || kind == operatorName) {
				loads = append(loads, sut.Load{
					Node: pod.Spec.NodeName, PodType: kind, Pod: pod.Name, Container: sample.Labels["container"], Millicores: 1000 * sample.Value,
				})
			}
		}
	}
	slices.SortFunc(loads, func(a, b sut.Load) int {
		return cmp.Or(strings.Compare(a.Pod, b.Pod), strings.Compare(a.Container, b.Container))
	})
	return loads, nil
}

// scrapeInterval is how often the CPU use of containers is collected, as the ServiceMonitor of the kubelets says.
func (s *System) scrapeInterval(ctx context.Context) time.Duration {
	monitors := schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: "servicemonitors"}
	list, err := s.dynamic.Resource(monitors).Namespace(s.options.Monitoring).List(ctx, metav1.ListOptions{})
	if err != nil {
		s.log.Info("no ServiceMonitor says how often CPU use is collected", "error", err)
		return scrapeEvery
	}
	for _, monitor := range list.Items {
		endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
		for _, one := range endpoints {
			endpoint, _ := one.(map[string]any)
			interval, _ := endpoint["interval"].(string)
			if every, err := time.ParseDuration(interval); endpoint["path"] == "/metrics/cadvisor" && err == nil && every > 0 {
				return every
			}
		}
	}
	return scrapeEvery
}
