package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// maxAnswer bounds what a pod may answer, in bytes.
const maxAnswer = 64 << 20

// ask gets a path of a port of a pod, with its HTTP status.
func (s *System) ask(ctx context.Context, namespace, pod string, port int, path string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, podURL(namespace, pod, port)+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("ask port %d of pod %s: %w", port, pod, err)
	}
	request.Host = fmt.Sprintf("localhost:%d", port)
	answer, err := s.pods.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("ask port %d of pod %s: %w", port, pod, err)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return answer.StatusCode, nil, fmt.Errorf("answer of port %d of pod %s: %w", port, pod, err)
	}
	return answer.StatusCode, body, nil
}

// Metrics are those that the PTP daemon of a node, or its event proxy, serves.
func (s *System) Metrics(ctx context.Context, node string) ([]byte, error) {
	pod, err := s.daemonPod(ctx, node)
	if err != nil {
		return nil, err
	}
	status, body, err := s.ask(ctx, pod.Namespace, pod.Name, metricsPort, "/metrics")
	if err != nil {
		return nil, fmt.Errorf("metrics of node %s: %w", node, err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("metrics of node %s: HTTP status %d: %.200s", node, status, body)
	}
	return body, nil
}
