package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ptplab/ptplab/conformance/sut"
)

// nobody is the user id of programs without privileges.
const nobody = 65534

// ExecUnprivileged runs a program in a pod of its own, with the daemon's image, which is on the node already, and the daemon's
// /var/run. The pod is gone afterwards.
func (s *System) ExecUnprivileged(ctx context.Context, node string, argv []string) (sut.Result, error) {
	daemon, err := s.daemonPod(ctx, node)
	if err != nil {
		return sut.Result{}, err
	}
	pod, err := s.startPod(ctx, unprivilegedPod(daemon))
	if err != nil {
		return sut.Result{}, err
	}
	result, err := s.exec(ctx, pod.Namespace, pod.Name, pod.Spec.Containers[0].Name, argv)
	return result, joined(err, s.stopPod(ctx, pod.Name))
}

// unprivilegedPod is a pod beside the daemon's.
func unprivilegedPod(daemon *corev1.Pod) *corev1.Pod {
	var image string
	for _, c := range daemon.Spec.Containers {
		if c.Name == daemonContainer {
			image = c.Image
		}
	}
	pod := podOn(daemon.Spec.NodeName, "ptplab-unprivileged-", corev1.Container{
		Name: "unprivileged", Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"sleep", "3600"},
		VolumeMounts: []corev1.VolumeMount{{Name: "run", MountPath: "/var/run"}, {Name: "tmp", MountPath: "/tmp"}},
		SecurityContext: &corev1.SecurityContext{
			RunAsUser: new(int64(nobody)), RunAsGroup: new(int64(nobody)), RunAsNonRoot: new(true), AllowPrivilegeEscalation: new(false),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	})
	pod.Spec.ImagePullSecrets = daemon.Spec.ImagePullSecrets
	pod.Spec.Volumes = []corev1.Volume{{Name: "run", VolumeSource: corev1.VolumeSource{
		HostPath: &corev1.HostPathVolumeSource{Path: "/var/run/ptp"},
	}}, {Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}} // not every image has one for all
	return pod
}

// podOn is a pod of the suite with one container on a node, whatever its taints.
func podOn(node, prefix string, container corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: prefix, Labels: managed(nil)},
		Spec: corev1.PodSpec{
			NodeName: node, Containers: []corev1.Container{container}, RestartPolicy: corev1.RestartPolicyNever,
			AutomountServiceAccountToken: new(false), TerminationGracePeriodSeconds: new(int64(0)),
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		},
	}
}

// startPod creates a pod in the operator's namespace and waits until it is ready. One that does not get so is deleted.
func (s *System) startPod(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	created, err := s.kube.CoreV1().Pods(s.namespace).Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return nil, s.explain(err, "create a pod %s on node %s", pod.GenerateName, pod.Spec.NodeName)
	}
	ready, err := s.awaitPod(ctx, s.namespace, created.Name)
	if err != nil {
		return nil, joined(fmt.Errorf("pod on node %s: %w", pod.Spec.NodeName, err), s.stopPod(ctx, created.Name))
	}
	return ready, nil
}

// stopPod deletes a pod at once, also when ctx has ended.
func (s *System) stopPod(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goneWithin)
	defer cancel()
	s.forwards.leave(s.namespace, name)
	err := s.kube.CoreV1().Pods(s.namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return s.explain(err, "delete pod %s", name)
}
