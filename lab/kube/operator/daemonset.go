package operator

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ptplab/ptplab/lab/node"
)

// Where the nodes have what the daemon's pods share with them.
const (
	runPath   = "/var/run/ptp"               // is /var/run of the containers
	storePath = "/var/lib/cloud-event-proxy" // subscriptions outlive the pods
	program   = "/usr/local/bin/ptplab"      // in the image
	keysPath  = node.SecretMount             // below it, a folder for each secret
	stopAfter = int64(5)                     // s, between SIGTERM and SIGKILL
	atOnce    = "33%"                        // of the pods may be replaced at a time, as upstream's
	priority  = "system-node-critical"
)

// keepDaemonSet makes the daemon set what the settings, the PtpConfigs and the secrets ask for.
func (o *Operator) keepDaemonSet(ctx context.Context) error {
	s, found, err := o.settings()
	if err != nil || !found {
		return err
	}
	secrets, err := o.mountedSecrets()
	if err != nil {
		return err
	}
	return o.apply(ctx, appsv1.SchemeGroupVersion.WithKind("DaemonSet"), o.daemonSet(s, secrets))
}

// mountedSecrets are those that exist and that a PtpConfig names, whatever node it is for.
func (o *Operator) mountedSecrets() ([]string, error) {
	all, err := o.configs()
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range all {
		for _, name := range all[i].SecretNames() {
			if secret, err := o.secrets.Get(name); err == nil && secret.DeletionTimestamp == nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// daemonSet is the daemon on every node that the settings select.
func (o *Operator) daemonSet(s settings, secrets []string) *appsv1.DaemonSet {
	labels := map[string]string{"app": DaemonName}
	set := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: DaemonName, Namespace: o.options.Namespace, Labels: managed("app", DaemonName), OwnerReferences: []metav1.OwnerReference{s.owner()},
		},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromString(atOnce))},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: managed("app", DaemonName)},
				Spec: corev1.PodSpec{
					HostNetwork: true, HostPID: true, DNSPolicy: corev1.DNSClusterFirstWithHostNet,
					ServiceAccountName: DaemonName, PriorityClassName: priority, TerminationGracePeriodSeconds: new(stopAfter),
					NodeSelector: s.Selector, Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
					Containers: []corev1.Container{o.daemonContainer(s)},
					Volumes: []corev1.Volume{
						hostFolder("run", runPath, corev1.HostPathDirectoryOrCreate),
						hostFolder("dev", "/dev", corev1.HostPathDirectory),
						emptyFolder("events"), emptyFolder("tmp"),
					},
				},
			},
		},
	}
	pod := &set.Spec.Template.Spec
	for _, name := range secrets {
		mountSecret(pod, name)
	}
	if s.Events.Enable {
		pod.Containers = append(pod.Containers, o.publisherContainer(s))
		pod.Volumes = append(pod.Volumes, hostFolder("store", storePath, corev1.HostPathDirectoryOrCreate))
	}
	return set
}

// emptyFolder is a folder that everybody in the pod may write.
func emptyFolder(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

func hostFolder(name, path string, kind corev1.HostPathType) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &kind}}}
}

// mountSecret mounts a secret into the daemon's container, which is the first.
func mountSecret(pod *corev1.PodSpec, name string) {
	pod.Volumes = append(pod.Volumes, corev1.Volume{
		Name: name + secretVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name}},
	})
	main := &pod.Containers[0]
	main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: name + secretVolume, MountPath: keysPath + "/" + name, ReadOnly: true})
}

// daemonContainer has no readiness probe: without a PtpConfig the daemon's own /ready says 503, and the roll-out must not
// wait for one.
func (o *Operator) daemonContainer(s settings) corev1.Container {
	c := o.container(DaemonContainer, "linuxptp-daemon")
	c.SecurityContext = &corev1.SecurityContext{Privileged: new(true)}
	c.Env = append(c.Env, corev1.EnvVar{Name: "LOGS_TO_SOCKET", Value: trueOrFalse(s.Events.Enable)})
	c.Ports = []corev1.ContainerPort{port("metrics", metricsPort), port("ready", readyPort)}
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "dev", MountPath: "/dev"})
	return c
}

func (o *Operator) publisherContainer(s settings) corev1.Container {
	c := o.container(PublisherContainer, "cloud-event-proxy")
	c.Args = []string{"--store-path=/store", "--api-version=" + s.Events.APIVersion, fmt.Sprintf("--api-port=%d", eventsPort)}
	c.Ports = []corev1.ContainerPort{port("events", eventsPort)}
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "store", MountPath: "/store"})
	return c
}

// container is what both containers have.
func (o *Operator) container(name, command string) corev1.Container {
	return corev1.Container{
		Name: name, Image: o.options.Image, ImagePullPolicy: corev1.PullNever, Command: []string{program, command},
		Env: []corev1.EnvVar{
			field("NODE_NAME", "spec.nodeName"), field("POD_NAME", "metadata.name"), field("NAME_SPACE", "metadata.namespace"),
			{Name: SharedClockVariable, Value: oneOrZero(o.options.SharedClock)},
		},
		VolumeMounts: []corev1.VolumeMount{{Name: "run", MountPath: "/var/run"}, {Name: "events", MountPath: "/cloud-native"}, {Name: "tmp", MountPath: "/tmp"}},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("20m"), corev1.ResourceMemory: resource.MustParse("50Mi"),
		}},
	}
}

func field(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}}
}

func port(name string, number int32) corev1.ContainerPort {
	// With the node's network, a container's port is the node's.
	return corev1.ContainerPort{Name: name, ContainerPort: number, HostPort: number, Protocol: corev1.ProtocolTCP}
}

func oneOrZero(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func trueOrFalse(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// SharesClock says whether a container of the daemon was told that the nodes share CLOCK_REALTIME.
func SharesClock(c corev1.Container) bool {
	return slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == SharedClockVariable && v.Value == oneOrZero(true) })
}
