package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ptplab/ptplab/conformance/sut"
)

const (
	prometheusSelector = "app.kubernetes.io/name=prometheus"
	prometheusPort     = 9090
)

// Query asks the Prometheus server of the cluster, at the port that it serves inside its pod.
func (s *System) Query(ctx context.Context, promQL string) ([]sut.Sampled, error) {
	pod, err := s.prometheusPod(ctx)
	if err != nil {
		return nil, err
	}
	path := "/api/v1/query?" + url.Values{"query": {promQL}}.Encode()
	status, body, err := s.ask(ctx, pod.Namespace, pod.Name, prometheusPort, path)
	if err != nil {
		return nil, fmt.Errorf("query Prometheus: %w", err)
	}
	samples, err := parseVector(body)
	if err != nil {
		return nil, fmt.Errorf("query Prometheus for %s: HTTP status %d: %w", promQL, status, err)
	}
	return samples, nil
}

func (s *System) prometheusPod(ctx context.Context) (*corev1.Pod, error) {
	pods, err := s.kube.CoreV1().Pods(s.options.Monitoring).List(ctx, metav1.ListOptions{LabelSelector: prometheusSelector})
	if err != nil {
		return nil, s.explain(err, "find Prometheus in namespace %s", s.options.Monitoring)
	}
	for i := range pods.Items {
		if isRunning(&pods.Items[i]) {
			return &pods.Items[i], nil
		}
	}
	return nil, &sut.UnavailableError{Reason: fmt.Sprintf("no pod with the label %s runs in namespace %s", prometheusSelector, s.options.Monitoring)}
}

// answer is what Prometheus' HTTP API gives for an instant query.
type answer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		ResultType string `json:"resultType"`
		Result     []struct {
			Metric map[string]string  `json:"metric"`
			Value  [2]json.RawMessage `json:"value"` // time, value as text
		} `json:"result"`
	} `json:"data"`
}

// parseVector reads an instant vector.
func parseVector(body []byte) ([]sut.Sampled, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("no answer of Prometheus: %w", err)
	}
	if a.Status != "success" {
		return nil, errors.New(a.Error)
	}
	if a.Data.ResultType != "vector" {
		return nil, fmt.Errorf("the result is a %s, not a vector", a.Data.ResultType)
	}
	var samples []sut.Sampled
	for _, r := range a.Data.Result {
		var text string
		if err := json.Unmarshal(r.Value[1], &text); err != nil {
			return nil, fmt.Errorf("value of %v: %w", r.Metric, err)
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("value of %v: %w", r.Metric, err)
		}
		samples = append(samples, sut.Sampled{Labels: r.Metric, Value: value})
	}
	return samples, nil
}
