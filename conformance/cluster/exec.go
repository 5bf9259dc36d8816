package cluster

import (
	"bytes"
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Exec runs a program in the container of a node's PTP daemon, which is privileged and in the network namespace of the node.
func (s *System) Exec(ctx context.Context, node string, argv []string) (sut.Result, error) {
	pod, err := s.daemonPod(ctx, node)
	if err != nil {
		return sut.Result{}, err
	}
	return s.exec(ctx, pod.Namespace, pod.Name, daemonContainer, argv)
}

// exec runs a program in a container.
func (s *System) exec(ctx context.Context, namespace, pod, container string, argv []string) (sut.Result, error) {
	request := s.kube.CoreV1().RESTClient().Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: argv, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	websocket, err := remotecommand.NewWebSocketExecutor(s.config, "GET", request.URL().String())
	if err != nil {
		return sut.Result{}, s.explain(err, "run %s in pod %s", argv[0], pod)
	}
	spdy, err := remotecommand.NewSPDYExecutor(s.config, "POST", request.URL())
	if err != nil {
		return sut.Result{}, s.explain(err, "run %s in pod %s", argv[0], pod)
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, fallBack)
	if err != nil {
		return sut.Result{}, s.explain(err, "run %s in pod %s", argv[0], pod)
	}
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	result := sut.Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var code exec.CodeExitError
	if errors.As(err, &code) {
		result.Exit, err = code.Code, nil
	}
	return result, s.explain(err, "run %s in container %s of pod %s", argv[0], container, pod)
}

// fallBack says whether the API server, or a proxy before it, does not speak WebSocket.
func fallBack(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}
