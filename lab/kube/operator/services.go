package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// keepServices sees that each node's notification API has a Service, if there is one, and that metrics have one.
func (o *Operator) keepServices(ctx context.Context) error {
	s, found, err := o.settings()
	if err != nil || !found {
		return err
	}
	nodes, err := o.matchingNodes(s)
	if err != nil {
		return err
	}
	wanted := []*corev1.Service{o.service(s, monitorService, "metrics", metricsPort, map[string]string{"app": DaemonName})}
	if s.Events.Enable {
		for _, n := range nodes {
			short := shortName(n.Name)
			wanted = append(wanted, o.service(s, publisherService+short, "publisher-port", eventsPort, map[string]string{"app": DaemonName, nodeNameLabel: short}))
		}
	}
	names := map[string]bool{}
	var faults []error
	for _, service := range wanted {
		names[service.Name] = true
		faults = append(faults, o.apply(ctx, corev1.SchemeGroupVersion.WithKind("Service"), service))
	}
	have, err := o.services.List(everything())
	if err != nil {
		return err
	}
	for _, service := range have {
		if strings.HasPrefix(service.Name, publisherService) && !names[service.Name] {
			err := o.kube.CoreV1().Services(o.options.Namespace).Delete(ctx, service.Name, metav1.DeleteOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				faults = append(faults, fmt.Errorf("delete service %s: %w", service.Name, err))
			}
		}
	}
	return errors.Join(faults...)
}

// service is one without an address of its own: its name leads to the pods.
func (o *Operator) service(s settings, name, portName string, number int32, selector map[string]string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: o.options.Namespace, Labels: managed("app", DaemonName, "service", name), OwnerReferences: []metav1.OwnerReference{s.owner()},
		},
		Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, Selector: selector,
			Ports: []corev1.ServicePort{{Name: portName, Port: number, TargetPort: intstr.FromInt32(number), Protocol: corev1.ProtocolTCP}},
		},
	}
}

// shortName is a node's name without its domain.
func shortName(node string) string {
	short, _, _ := strings.Cut(node, ".")
	return short
}

// keepPods gives each pod of the daemon the label that the Service of its node selects it by.
func (o *Operator) keepPods(ctx context.Context) error {
	pods, err := o.pods.List(everything())
	if err != nil {
		return err
	}
	var faults []error
	for _, pod := range pods {
		short := shortName(pod.Spec.NodeName)
		if short == "" || pod.Labels[nodeNameLabel] == short || pod.DeletionTimestamp != nil {
			continue
		}
		text := fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, nodeNameLabel, short)
		_, err := o.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, []byte(text), metav1.PatchOptions{FieldManager: fieldManager})
		if err != nil && !apierrors.IsNotFound(err) {
			faults = append(faults, fmt.Errorf("label pod %s: %w", pod.Name, err))
		}
	}
	return errors.Join(faults...)
}

// keepMonitor makes the ServiceMonitor of the metrics, where the cluster knows that kind of object.
// https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitor
func (o *Operator) keepMonitor(ctx context.Context) error {
	s, found, err := o.settings()
	if err != nil || !found {
		return err
	}
	const group, kind = "monitoring.coreos.com/v1", "ServiceMonitor"
	served, err := o.kube.Discovery().ServerResourcesForGroupVersion(group)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the resources of %s: %w", group, err)
	}
	for _, r := range served.APIResources {
		if r.Kind == kind {
			object := &unstructured.Unstructured{Object: map[string]any{
				"metadata": map[string]any{},
				"spec": map[string]any{
					"endpoints":         []any{map[string]any{"interval": "30s", "port": "metrics"}},
					"jobLabel":          "app",
					"namespaceSelector": map[string]any{"matchNames": []any{o.options.Namespace}},
					"selector":          map[string]any{"matchLabels": map[string]any{"service": monitorService}},
				},
			}}
			object.SetName(monitorName)
			object.SetNamespace(o.options.Namespace)
			object.SetLabels(managed())
			object.SetOwnerReferences([]metav1.OwnerReference{s.owner()})
			return o.apply(ctx, schema.FromAPIVersionAndKind(group, kind), object)
		}
	}
	return nil
}
