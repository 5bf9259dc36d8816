package cluster

import (
	"context"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Namespace is the one that the suite was told.
func (s *System) Namespace(ctx context.Context) (sut.Namespace, error) {
	namespace := sut.Namespace{Name: s.namespace}
	object, err := s.kube.CoreV1().Namespaces().Get(ctx, s.namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return namespace, nil
	}
	if err != nil {
		return namespace, s.explain(err, "get namespace %s", s.namespace)
	}
	namespace.Exists, namespace.Phase = true, string(object.Status.Phase)
	return namespace, nil
}

// CRDs lists those of the PTP operator's group.
func (s *System) CRDs(ctx context.Context) ([]sut.CRD, error) {
	resource := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	list, err := s.dynamic.Resource(resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, s.explain(err, "list the custom resource definitions")
	}
	var all []sut.CRD
	for _, item := range list.Items {
		if group, _, _ := unstructured.NestedString(item.Object, "spec", "group"); group == ptpGroup {
			all = append(all, sut.CRD{Name: item.GetName(), Established: conditionHolds(item.Object, "Established")})
		}
	}
	return all, nil
}

// conditionHolds says whether a condition of an object's status is True.
func conditionHolds(object map[string]any, name string) bool {
	conditions, _, _ := unstructured.NestedSlice(object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(item any) bool {
		condition, _ := item.(map[string]any)
		return condition["type"] == name && condition["status"] == "True"
	})
}

// OperatorState looks at the deployment and its pods.
func (s *System) OperatorState(ctx context.Context) (sut.OperatorState, error) {
	var state sut.OperatorState
	deployment, err := s.kube.AppsV1().Deployments(s.namespace).Get(ctx, operatorName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return state, nil
	}
	if err != nil {
		return state, s.explain(err, "get deployment %s", operatorName)
	}
	state.Exists, state.Replicas = true, int(deployment.Status.Replicas)
	for _, c := range deployment.Status.Conditions {
		if c.Type == appsv1.DeploymentAvailable {
			state.Available = c.Status == corev1.ConditionTrue
		}
	}
	for _, c := range deployment.Spec.Template.Spec.Containers {
		for _, variable := range c.Env {
			if variable.Name == "RELEASE_VERSION" {
				state.Version = variable.Value
			}
		}
	}
	state.Pods, err = s.statesOf(ctx, operatorSelector)
	return state, err
}

func (s *System) statesOf(ctx context.Context, selector string) ([]sut.Pod, error) {
	list, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, s.explain(err, "list the pods with label %s", selector)
	}
	var pods []sut.Pod
	for _, p := range list.Items {
		pods = append(pods, sut.Pod{
			Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName, Phase: string(p.Status.Phase), Ready: isReady(&p), Leaving: p.DeletionTimestamp != nil,
		})
	}
	return pods, nil
}

// DaemonState looks at the daemon set, its pods and the nodes that should have one.
func (s *System) DaemonState(ctx context.Context) (sut.DaemonState, error) {
	var state sut.DaemonState
	set, err := s.kube.AppsV1().DaemonSets(s.namespace).Get(ctx, daemonName, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return state, s.explain(err, "get daemon set %s", daemonName)
	}
	if err == nil {
		state.Exists = true
		state.Desired, state.Ready = int(set.Status.DesiredNumberScheduled), int(set.Status.NumberReady)
		state.Current = set.Status.ObservedGeneration >= set.Generation && set.Status.UpdatedNumberScheduled == set.Status.DesiredNumberScheduled
		state.Secrets = secretMounts(set.Spec.Template.Spec)
	}
	if state.Pods, err = s.statesOf(ctx, daemonSelector); err != nil {
		return state, err
	}
	state.Matching, err = s.matchingNodes(ctx)
	return state, err
}

// secretMounts are the secrets of a pod's template, in the order of its volumes.
func secretMounts(pod corev1.PodSpec) []sut.SecretMount {
	var mounts []sut.SecretMount
	for _, volume := range pod.Volumes {
		if volume.Secret == nil {
			continue
		}
		mount := sut.SecretMount{Volume: volume.Name, Secret: volume.Secret.SecretName}
		for _, c := range pod.Containers {
			for _, m := range c.VolumeMounts {
				if c.Name == daemonContainer && m.Name == volume.Name {
					mount.Path, mount.ReadOnly = m.MountPath, m.ReadOnly
				}
			}
		}
		mounts = append(mounts, mount)
	}
	return mounts
}

// matchingNodes are those that the operator's daemonNodeSelector selects; an empty one selects all.
func (s *System) matchingNodes(ctx context.Context) ([]string, error) {
	object, err := s.operatorConfig(ctx)
	if err != nil {
		return nil, err
	}
	selector, _, err := unstructured.NestedStringMap(object.Object, "spec", "daemonNodeSelector")
	if err != nil {
		return nil, s.explain(err, "read PtpOperatorConfig %s", operatorConfigName)
	}
	list, err := s.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String()})
	if err != nil {
		return nil, s.explain(err, "list the nodes")
	}
	var names []string
	for _, node := range list.Items {
		names = append(names, node.Name)
	}
	return names, nil
}

// Lease is the operator's.
func (s *System) Lease(ctx context.Context) (sut.Lease, error) {
	var lease sut.Lease
	object, err := s.kube.CoordinationV1().Leases(s.namespace).Get(ctx, leaseName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return lease, nil
	}
	if err != nil {
		return lease, s.explain(err, "get lease %s", leaseName)
	}
	lease.Exists = true
	if object.Spec.HolderIdentity != nil {
		lease.Holder = *object.Spec.HolderIdentity
	}
	if object.Spec.LeaseDurationSeconds != nil {
		lease.Duration = time.Duration(*object.Spec.LeaseDurationSeconds) * time.Second
	}
	if object.Spec.RenewTime != nil {
		lease.Renewed = object.Spec.RenewTime.Time
	}
	return lease, nil
}

// SingleNode goes by what OpenShift says of its control plane, as the operator does. Where there is no OpenShift, the operator takes
// the cluster for one with more nodes.
func (s *System) SingleNode(ctx context.Context) (bool, error) {
	resource := schema.GroupVersionResource{Group: "config.openshift.io", Version: "v1", Resource: "infrastructures"}
	_, err := s.kube.Discovery().ServerResourcesForGroupVersion(resource.GroupVersion().String())
	if apierrors.IsNotFound(err) {
		return false, nil // who asks for the object could be refused that
	}
	if err != nil {
		return false, s.explain(err, "list the resources of %s", resource.Group)
	}
	object, err := s.dynamic.Resource(resource).Get(ctx, "cluster", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, s.explain(err, "get Infrastructure cluster")
	}
	topology, _, err := unstructured.NestedString(object.Object, "status", "controlPlaneTopology")
	return strings.EqualFold(topology, "SingleReplica"), s.explain(err, "read Infrastructure cluster")
}

// DeleteOperatorPods deletes all of them.
func (s *System) DeleteOperatorPods(ctx context.Context) error {
	list, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: operatorSelector})
	if err != nil {
		return s.explain(err, "list the pods of the PTP operator")
	}
	return s.deletePods(ctx, "the pods of the PTP operator", operatorSelector, list.Items)
}
