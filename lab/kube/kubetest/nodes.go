package kubetest

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Kubelet says how it is with a pod's containers. It is asked again whenever the pod changes, and when Again is called.
type Kubelet func(pod *corev1.Pod) corev1.PodStatus

// Controllers starts the real kube-scheduler and those controllers of kube-controller-manager that make pods of
// deployments and daemon sets, and delete what has no owner any more.
func (s *Server) Controllers() {
	s.t.Helper()
	s.run("kube-controller-manager", "--kubeconfig", s.Kubeconfig, "--leader-elect=false", "--secure-port", "0",
		"--service-account-private-key-file", filepath.Join(s.dir, "accounts.key"),
		"--controllers", "deployment,replicaset,daemonset,garbage-collector-controller,namespace-controller,serviceaccount-controller,endpointslice-controller")
	s.run("kube-scheduler", "--kubeconfig", s.Kubeconfig, "--leader-elect=false", "--secure-port", "0")
}

// AddNode makes a node that is ready, with labels.
func (s *Server) AddNode(name string, labels map[string]string) {
	s.t.Helper()
	nodes := kubernetes.NewForConfigOrDie(s.Config).CoreV1().Nodes()
	n, err := nodes.Create(s.t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	n.Spec.Taints = nil // of a node that was not ready when it came
	if n, err = nodes.Update(s.t.Context(), n, metav1.UpdateOptions{}); err != nil {
		s.t.Fatal(err)
	}
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("100"),
	}
	n.Status = corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}},
	}
	if _, err := nodes.UpdateStatus(s.t.Context(), n, metav1.UpdateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// Kubelets stands in for the kubelets of all nodes until the test ends: what runs is what kubelet says. Pods that are
// being deleted are gone once stop, which may be nil, has returned. The function that it returns has kubelet asked again
// about every pod.
func (s *Server) Kubelets(kubelet Kubelet, stop func(*corev1.Pod)) (again func()) {
	s.t.Helper()
	kube := kubernetes.NewForConfigOrDie(s.Config)
	ctx, cancel := context.WithCancel(context.Background())
	factory := informers.NewSharedInformerFactory(kube, 0)
	informer := factory.Core().V1().Pods().Informer()
	look := func(object any) {
		if pod, ok := object.(*corev1.Pod); ok && pod.Spec.NodeName != "" {
			if pod.DeletionTimestamp != nil && stop != nil {
				stop(pod)
			}
			if err := run(ctx, kube, pod, kubelet); err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
				s.t.Errorf("stand-in for the kubelet of %s: pod %s: %v", pod.Spec.NodeName, pod.Name, err)
			}
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, after any) { look(after) }}); err != nil {
		s.t.Fatal(err)
	}
	factory.Start(ctx.Done())
	s.t.Cleanup(func() { cancel(); factory.Shutdown() })
	return func() {
		for _, object := range informer.GetStore().List() {
			look(object)
		}
	}
}

// run does to a pod what its kubelet would.
func run(ctx context.Context, kube kubernetes.Interface, pod *corev1.Pod, kubelet Kubelet) error {
	pods := kube.CoreV1().Pods(pod.Namespace)
	if pod.DeletionTimestamp != nil {
		return pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
	}
	status := kubelet(pod)
	if same(pod.Status, status) {
		return nil
	}
	changed := pod.DeepCopy()
	changed.Status = status
	_, err := pods.UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	return err
}

// same compares what a Kubelet decides.
func same(a, b corev1.PodStatus) bool {
	text := func(s corev1.PodStatus) string {
		text := fmt.Sprint(s.Phase, s.PodIP)
		for _, c := range s.Conditions {
			text += fmt.Sprint(c.Type, c.Status, c.Message)
		}
		for _, c := range s.ContainerStatuses {
			text += fmt.Sprint(c.Name, c.Ready, c.RestartCount, c.State.Waiting, c.State.Running != nil, c.State.Terminated)
		}
		return text
	}
	return text(a) == text(b)
}

// Running is the status of a pod whose containers all run, and are ready or not.
func Running(pod *corev1.Pod, ip string, ready bool) corev1.PodStatus {
	condition := corev1.ConditionFalse
	if ready {
		condition = corev1.ConditionTrue
	}
	long := metav1.NewTime(time.Now().Add(-time.Minute))
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}, HostIP: ip, HostIPs: []corev1.HostIP{{IP: ip}},
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: condition, LastTransitionTime: long},
			{Type: corev1.ContainersReady, Status: condition, LastTransitionTime: long},
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: long},
		},
	}
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Ready: ready, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: long}},
		})
	}
	return status
}

// Waiting is the status of a pod whose containers wait for a reason.
func Waiting(pod *corev1.Pod, reason, message string) corev1.PodStatus {
	status := Running(pod, "", false)
	status.Phase, status.PodIP, status.PodIPs, status.HostIP, status.HostIPs = corev1.PodPending, "", nil, "", nil
	for i := range status.ContainerStatuses {
		status.ContainerStatuses[i].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	return status
}
