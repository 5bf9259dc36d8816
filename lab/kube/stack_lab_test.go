//go:build lab

package kube

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/ptplab/ptplab/lab/kube/kubetest"
	"github.com/ptplab/ptplab/lab/kube/operator"
)

// stack is a cluster without kubelets: the operator's pod is an operator in the process of the test.
type stack struct {
	*kubetest.Server
	t    *testing.T
	kube kubernetes.Interface
	ip   string
	port int

	pod      atomic.Pointer[string] // of the operator that runs
	ready    atomic.Bool
	ended    chan error
	daemonIs func(*corev1.Pod) corev1.PodStatus // nil for running
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{Server: kubetest.Start(t), t: t, ip: kubetest.OutwardIP(t), ended: make(chan error, 10)}
	s.kube = kubernetes.NewForConfigOrDie(s.Config)
	s.Controllers()
	s.AddNode("control-plane", map[string]string{controlPlaneLabel: ""})
	s.AddNode("w1", nil)
	s.AddNode("w2", nil)
	return s
}

// run starts an operator for each pod of its deployment, with the rights of its account.
func (s *stack) run() {
	health := kubetest.FreeAddress(s.t)
	var again func()
	again = s.Kubelets(func(pod *corev1.Pod) corev1.PodStatus {
		if pod.Labels["app"] == operator.DaemonName {
			if s.daemonIs != nil {
				return s.daemonIs(pod)
			}
			return kubetest.Running(pod, s.ip, true)
		}
		if pod.Labels["name"] == operator.Name && s.pod.Load() == nil {
			s.pod.Store(&pod.Name)
			go s.operate(pod, health, func() { again() })
		}
		return kubetest.Running(pod, s.ip, s.ready.Load())
	})
}

// operate is what the operator's container does, with the kubelet's probe.
func (s *stack) operate(pod *corev1.Pod, health string, again func()) {
	ctx := s.t.Context()
	options := operator.Options{
		Identity: pod.Name, Webhook: ":9443", Health: health, Log: slog.New(slog.NewTextHandler(s.t.Output(), nil)),
	}
	for _, v := range pod.Spec.Containers[0].Env {
		switch v.Name {
		case operator.ImageVariable:
			options.Image = v.Value
		case operator.SharedClockVariable:
			options.SharedClock = v.Value == "1"
		}
	}
	o, err := operator.New(s.As(operator.DefaultNamespace, operator.Name), options)
	if err != nil {
		s.t.Error(err)
		return
	}
	go func() { s.ended <- o.Run(ctx) }()
	for ctx.Err() == nil {
		if probe(ctx, "http://"+health+"/readyz") {
			s.ready.Store(true)
			again()
			return
		}
	}
}

func probe(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, strings.NewReader(""))
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func TestDeploy(t *testing.T) {
	s := newStack(t)
	s.run()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := Deploy(ctx, s.Config, Options{SharedClock: true}, func(what string, done, want int) { t.Log(what, done, want) })
	if err != nil {
		t.Fatal(err)
	}
}
