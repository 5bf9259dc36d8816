//go:build lab

package kube

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/ptplab/ptplab/lab/kube/kubetest"
	"github.com/ptplab/ptplab/lab/kube/operator"
)

// stack is a cluster without kubelets. For each pod of the operator's deployment an operator runs in the test's process,
// with the rights of its account; the pods of the daemon are what the test says.
type stack struct {
	*kubetest.Server
	*client
	t  *testing.T
	ip string

	again func() // has the pods looked at once more

	mu        sync.Mutex
	operators map[types.UID]*operatorPod
	daemonIs  kubetest.Kubelet // nil for running and ready
	slot      sync.Mutex       // held by the operator that has the webhook's port: in a cluster each pod has its own
}

// operatorPod is an operator in the test's process.
type operatorPod struct {
	cancel func()
	ended  chan struct{}
	ready  atomic.Bool
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{Server: kubetest.Start(t), t: t, ip: kubetest.OutwardIP(t), operators: map[types.UID]*operatorPod{}}
	var err error
	if s.client, err = newClient(s.Config, Options{}); err != nil {
		t.Fatal(err)
	}
	s.Controllers()
	s.AddNode("control-plane", map[string]string{controlPlaneLabel: ""})
	s.AddNode("w1", nil)
	s.AddNode("w2", nil)
	t.Cleanup(s.stopAll)
	s.again = s.Kubelets(s.kubelet, s.stop)
	return s
}

func (s *stack) kubelet(pod *corev1.Pod) corev1.PodStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case pod.Labels["name"] == operator.Name:
		o := s.operators[pod.UID]
		if o == nil {
			o = s.start(pod)
			s.operators[pod.UID] = o
		}
		return kubetest.Running(pod, s.ip, o.ready.Load())
	case s.daemonIs != nil:
		return s.daemonIs(pod)
	}
	return kubetest.Running(pod, s.ip, true)
}

// start does what the operator's container does, and the kubelet's probe of it.
func (s *stack) start(pod *corev1.Pod) *operatorPod {
	ctx, cancel := context.WithCancel(context.Background())
	p := &operatorPod{cancel: cancel, ended: make(chan struct{})}
	options := operator.Options{Identity: pod.Name, Health: kubetest.FreeAddress(s.t), Log: slog.New(slog.NewTextHandler(s.t.Output(), nil))}
	for _, v := range pod.Spec.Containers[0].Env {
		switch v.Name {
		case operator.ImageVariable:
			options.Image = v.Value
		case operator.SharedClockVariable:
			options.SharedClock = v.Value == "1"
		}
	}
	go func() {
		defer close(p.ended)
		s.slot.Lock()
		defer s.slot.Unlock()
		o, err := operator.New(s.As(operator.DefaultNamespace, pod.Spec.ServiceAccountName), options)
		if err == nil {
			err = o.Run(ctx)
		}
		if err != nil {
			s.t.Errorf("operator %s: %v", pod.Name, err)
		}
	}()
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil && !probe(ctx, "http://"+options.Health+"/readyz") {
			<-tick.C
		}
		p.ready.Store(ctx.Err() == nil)
		s.again()
	}()
	return p
}

func probe(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
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

// stop ends the operator of a pod that is being deleted.
func (s *stack) stop(pod *corev1.Pod) {
	s.mu.Lock()
	o := s.operators[pod.UID]
	delete(s.operators, pod.UID)
	s.mu.Unlock()
	if o != nil {
		o.cancel()
		<-o.ended
	}
}

func (s *stack) stopAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.operators {
		o.cancel()
		<-o.ended
	}
}

// daemons says how the daemon's pods are from now on.
func (s *stack) daemons(are kubetest.Kubelet) {
	s.mu.Lock()
	s.daemonIs = are
	s.mu.Unlock()
	s.again()
}

func (s *stack) deploy(o Options) error {
	return Deploy(s.t.Context(), s.Config, o, nil)
}

// eventually waits until look sees what is wanted of the objects of some resources.
func (s *stack) eventually(subject string, look func(context.Context) (bool, string, error), sources ...source) {
	s.t.Helper()
	start := time.Now()
	if err := s.until(s.t.Context(), wanted{subject: subject, within: 30 * time.Second, sources: sources, every: 500 * time.Millisecond, look: look}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Log(subject, time.Since(start).Round(time.Millisecond))
}

func (s *stack) kubeOf(namespace, account string) kubernetes.Interface {
	return kubernetes.NewForConfigOrDie(s.As(namespace, account))
}

// all are the versions of all objects of the stack, but for what changes by itself.
func (s *stack) versions() map[string]string {
	s.t.Helper()
	lists, err := s.kube.Discovery().ServerPreferredResources()
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string]string{}
	for _, list := range lists {
		for _, r := range list.APIResources {
			switch r.Kind {
			case "Lease", "Event", "ComponentStatus", "APIService", "FlowSchema", "PriorityLevelConfiguration":
				continue
			}
			gvr := resourceOfText(list.GroupVersion, r.Name)
			objects, err := s.dynamic.Resource(gvr).List(s.t.Context(), listAll())
			if err != nil {
				continue // not every resource can be listed
			}
			for _, o := range objects.Items {
				all[fmt.Sprintf("%s %s/%s", r.Name, o.GetNamespace(), o.GetName())] = o.GetResourceVersion()
			}
		}
	}
	return all
}
