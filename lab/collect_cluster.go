package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/ptplab/ptplab/lab/kind"
)

// clusterObjects is the way to the objects of a lab's cluster.
type clusterObjects struct {
	kube    kubernetes.Interface
	dynamic dynamic.Interface
}

// clusterObjects connects to the cluster from this machine.
func (l *Lab) clusterObjects(ctx context.Context) (*clusterObjects, error) {
	path, err := l.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the lab: %w", err)
	}
	config.QPS = -1
	kube, err1 := kubernetes.NewForConfig(config)
	objects, err2 := dynamic.NewForConfig(config)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return &clusterObjects{kube, objects}, nil
}

// ptpGroup is the API group of the PTP operator.
const ptpGroup = "ptp.openshift.io"

// logNamespaces are those whose containers' logs are collected.
func logNamespaces() []string {
	return []string{"kube-system", "openshift-monitoring", "openshift-ptp"}
}

// cluster adds the cluster's objects and logs.
func (c *collection) cluster(ctx context.Context) {
	c.files(ctx, "nodes/"+kind.ControlPlane, kind.ControlPlane)
	var objects *clusterObjects
	c.try(ctx, "cluster/", func(ctx context.Context) (err error) {
		if objects, err = c.lab.clusterObjects(ctx); err != nil {
			return err
		}
		_, err = objects.kube.Discovery().ServerVersion()
		if err != nil {
			objects = nil
			return fmt.Errorf("the API server does not answer: %w", err)
		}
		return nil
	})
	if objects == nil {
		return
	}
	core := func(resource string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Version: "v1", Resource: resource}
	}
	apps := func(resource string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}
	}
	c.objects(ctx, objects, "cluster/nodes", core("nodes"))
	c.events(ctx, objects, core("events"))
	c.ptpObjects(ctx, objects)
	for _, resource := range []string{"daemonsets", "deployments", "statefulsets"} {
		c.objects(ctx, objects, "cluster/"+resource, apps(resource))
	}
	c.objects(ctx, objects, "cluster/pods", core("pods"))
	for _, namespace := range logNamespaces() {
		c.podLogs(ctx, objects.kube, namespace)
	}
}

// list is all objects of a kind, sorted, without the notes of who wrote which field.
func (o *clusterObjects) list(ctx context.Context, resource schema.GroupVersionResource) ([]unstructured.Unstructured, error) {
	list, err := o.dynamic.Resource(resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		list.Items[i].SetManagedFields(nil)
	}
	slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return list.Items, nil
}

// objects adds all objects of a kind, a file each: FOLDER/NAMESPACE/NAME.yaml.
func (c *collection) objects(ctx context.Context, o *clusterObjects, folder string, resource schema.GroupVersionResource) {
	c.try(ctx, folder+"/", func(ctx context.Context) error {
		all, err := o.list(ctx, resource)
		for _, object := range all {
			text, err := yaml.Marshal(object.Object)
			if err != nil {
				return err
			}
			name := folder
			if namespace := object.GetNamespace(); namespace != "" {
				name += "/" + namespace
			}
			c.put(name+"/"+object.GetName()+".yaml", text)
		}
		return err
	})
}

// events adds the events in one file.
func (c *collection) events(ctx context.Context, o *clusterObjects, resource schema.GroupVersionResource) {
	c.try(ctx, "cluster/events.yaml", func(ctx context.Context) error {
		all, err := o.list(ctx, resource)
		if err != nil {
			return err
		}
		var text bytes.Buffer
		for _, event := range all {
			one, err := yaml.Marshal(event.Object)
			if err != nil {
				return err
			}
			text.WriteString("---\n")
			text.Write(one)
		}
		c.put("cluster/events.yaml", text.Bytes())
		return nil
	})
}

// ptpObjects adds all objects of the PTP operator's group, whatever kinds there are.
func (c *collection) ptpObjects(ctx context.Context, o *clusterObjects) {
	const folder = "cluster/" + ptpGroup
	var kinds []schema.GroupVersionResource
	c.try(ctx, folder+"/", func(context.Context) (err error) {
		kinds, err = o.kindsOf(ptpGroup)
		return err
	})
	for _, resource := range kinds {
		c.objects(ctx, o, folder+"/"+resource.Resource, resource)
	}
}

// kindsOf are the kinds of a group that can be listed, each in one version.
func (o *clusterObjects) kindsOf(group string) ([]schema.GroupVersionResource, error) {
	groups, err := o.kube.Discovery().ServerGroups()
	if err != nil {
		return nil, err
	}
	var all []schema.GroupVersionResource
	for _, g := range groups.Groups {
		if g.Name != group {
			continue
		}
		for _, v := range g.Versions {
			list, err := o.kube.Discovery().ServerResourcesForGroupVersion(v.GroupVersion)
			if err != nil {
				return all, err
			}
			for _, r := range list.APIResources {
				known := slices.ContainsFunc(all, func(k schema.GroupVersionResource) bool { return k.Resource == r.Name })
				if !known && !strings.Contains(r.Name, "/") && slices.Contains(r.Verbs, "list") {
					all = append(all, schema.GroupVersionResource{Group: group, Version: v.Version, Resource: r.Name})
				}
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the cluster has no objects of %s", group)
	}
	slices.SortFunc(all, func(a, b schema.GroupVersionResource) int { return strings.Compare(a.Resource, b.Resource) })
	return all, nil
}

// podLogs adds the logs of all containers of a namespace: CONTAINER.log, and CONTAINER.previous.log of one that was started
// anew.
func (c *collection) podLogs(ctx context.Context, kube kubernetes.Interface, namespace string) {
	folder := "cluster/logs/" + namespace
	var pods *corev1.PodList
	c.try(ctx, folder+"/", func(ctx context.Context) (err error) {
		pods, err = kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	if pods == nil {
		return
	}
	slices.SortFunc(pods.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	for _, pod := range pods.Items {
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
			name := folder + "/" + pod.Name + "/" + s.Name
			if s.State.Waiting == nil { // one that has not begun has none
				c.podLog(ctx, kube, pod, name+".log", &corev1.PodLogOptions{Container: s.Name, Timestamps: true})
			}
			if s.RestartCount > 0 {
				c.podLog(ctx, kube, pod, name+".previous.log", &corev1.PodLogOptions{Container: s.Name, Timestamps: true, Previous: true})
			}
		}
	}
}

func (c *collection) podLog(ctx context.Context, kube kubernetes.Interface, pod corev1.Pod, name string, o *corev1.PodLogOptions) {
	c.try(ctx, name, func(ctx context.Context) error {
		text, err := kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, o).DoRaw(ctx)
		if o.Previous && (apierrors.IsNotFound(err) || apierrors.IsBadRequest(err)) {
			return nil // it has been thrown away
		}
		return c.putFile(collected(name, text, err))
	})
}
