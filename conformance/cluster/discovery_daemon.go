package cluster

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/sut"
)

// startDiscovery creates the namespace and the daemon set of the discovery.
func (s *System) startDiscovery(ctx context.Context, r l2.Request) error {
	if s.options.Image == "" && s.options.DiscoveryImage == "" {
		return &sut.UnavailableError{Reason: "discovery runs in pods of ptplab's own image, and it is not known where that is; name one with L2_DISCOVERY_IMAGE"}
	}
	if err := s.createNamespace(ctx, discoveryNamespace); err != nil {
		return err
	}
	_, err := s.kube.AppsV1().DaemonSets(discoveryNamespace).Create(ctx, s.discoveryDaemon(r), metav1.CreateOptions{})
	return s.explain(err, "create daemon set %s", discoveryName)
}

// discoveryDaemon is a privileged pod in the network of each node.
func (s *System) discoveryDaemon(r l2.Request) *appsv1.DaemonSet {
	labels := map[string]string{"name": discoveryName}
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: discoveryName, Labels: managed(labels)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: managed(labels)},
				Spec: corev1.PodSpec{
					HostNetwork: true, HostPID: true, HostIPC: true,
					AutomountServiceAccountToken: new(false), TerminationGracePeriodSeconds: new(int64(0)),
					Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
					Affinity:    onNodes(r.Nodes),
					Containers:  []corev1.Container{s.discoveryContainer(r)},
					Volumes: []corev1.Volume{{Name: "host", VolumeSource: corev1.VolumeSource{
						HostPath: &corev1.HostPathVolumeSource{Path: "/"},
					}}},
				},
			},
		},
	}
}

// discoveryContainer runs l2.Main, or the program of an image that the user has named.
func (s *System) discoveryContainer(r l2.Request) corev1.Container {
	c := corev1.Container{
		Name: discoveryName, Image: s.options.DiscoveryImage, ImagePullPolicy: corev1.PullIfNotPresent,
		SecurityContext: &corev1.SecurityContext{Privileged: new(true), RunAsUser: new(int64(0))},
		VolumeMounts:    []corev1.VolumeMount{{Name: "host", MountPath: "/host", ReadOnly: true}},
		Env: []corev1.EnvVar{
			{Name: "NODE_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}},
		},
	}
	if s.options.AllInterfaces {
		c.Env = append(c.Env, corev1.EnvVar{Name: "L2DISCOVERY_ALLIFS", Value: "true"})
	}
	if c.Image == "" {
		c.Image = s.options.Image
		c.Command = podCommand("l2", "-node", "$(NODE_NAME)", "-interval", "200ms", "-every", "1s", "-skip", strings.Join(r.Skip, ","))
	}
	return c
}

// onNodes puts pods on nodes of these names only.
func onNodes(names []string) *corev1.Affinity {
	var terms []corev1.NodeSelectorTerm
	for _, name := range names { // matchFields takes one name
		terms = append(terms, corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{
			{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{name}},
		}})
	}
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
}

// createNamespace creates a namespace whose pods may be privileged. What an earlier run has left there is deleted first; a
// namespace that is not the suite's is an error.
func (s *System) createNamespace(ctx context.Context, name string) error {
	if err := s.deleteNamespace(ctx, name); err != nil {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: managed(map[string]string{
		"pod-security.kubernetes.io/enforce":             "privileged",
		"pod-security.kubernetes.io/audit":               "privileged",
		"pod-security.kubernetes.io/warn":                "privileged",
		"security.openshift.io/scc.podSecurityLabelSync": "false",
	})}}
	_, err := s.kube.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("namespace %s is not the suite's; delete it, or let the suite use what is there with L2_DAEMONSET=PRECONFIGURED", name)
	}
	return s.explain(err, "create namespace %s", name)
}

// deleteNamespace deletes a namespace that the suite has made, and waits until it is gone. One that does not exist, or is somebody
// else's, is left alone.
func (s *System) deleteNamespace(ctx context.Context, name string) error {
	namespaces := s.kube.CoreV1().Namespaces()
	current, err := namespaces.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && current.Labels[ManagedBy] != ManagedByValue {
		return nil
	}
	if err != nil {
		return s.explain(err, "get namespace %s", name)
	}
	err = namespaces.Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) { // it is being deleted
		return s.explain(err, "delete namespace %s", name)
	}
	from := source{
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return namespaces.List(ctx, o)
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return namespaces.Watch(ctx, o)
		},
		which: metav1.ListOptions{FieldSelector: "metadata.name=" + name},
	}
	return s.await(ctx, "namespace "+name+" to be gone", goneWithin, from, func(all objects) (bool, string, error) {
		return len(all) == 0, "it is still there", nil
	})
}
