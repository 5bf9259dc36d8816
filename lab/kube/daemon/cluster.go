package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	"github.com/ptplab/ptplab/lab/node"
)

// What the daemon reads and writes in the cluster.
func configResource() schema.GroupVersionResource   { return ptpResource("ptpconfigs") }
func operatorResource() schema.GroupVersionResource { return ptpResource("ptpoperatorconfigs") }
func deviceResource() schema.GroupVersionResource   { return ptpResource("nodeptpdevices") }
func nodeResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
}

func ptpResource(name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "ptp.openshift.io", Version: "v1", Resource: name}
}

// operatorConfig is the one object that says on which nodes daemons run.
const operatorConfig = "default"

// cluster is what the daemon follows of the cluster: copies that watches keep up to date, through whatever happens to
// the API server.
type cluster struct {
	configs, nodes, operator, devices cache.SharedIndexInformer
	changed                           chan struct{} // has an element when something may have changed since it was looked at
}

// watch makes the copies; they are filled once they run.
func watch(o Options) *cluster {
	c := &cluster{changed: make(chan struct{}, 1)}
	named := func(name string) dynamicinformer.TweakListOptionsFunc {
		return func(l *metav1.ListOptions) { l.FieldSelector = "metadata.name=" + name }
	}
	follow := func(resource schema.GroupVersionResource, namespace string, only dynamicinformer.TweakListOptionsFunc) cache.SharedIndexInformer {
		i := dynamicinformer.NewFilteredDynamicInformer(o.Client, resource, namespace, 0, cache.Indexers{}, only).Informer()
		// Both errors are of an informer that has been started or stopped.
		_ = i.SetTransform(slim)
		_, _ = i.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { c.change() }, UpdateFunc: func(any, any) { c.change() }, DeleteFunc: func(any) { c.change() },
		})
		return i
	}
	c.configs = follow(configResource(), o.Namespace, nil)
	c.nodes = follow(nodeResource(), metav1.NamespaceAll, nil)
	c.operator = follow(operatorResource(), o.Namespace, named(operatorConfig))
	c.devices = follow(deviceResource(), o.Namespace, named(o.Node))
	return c
}

// slim drops what nobody reads of an object: of a node, that is most of it.
func slim(object any) (any, error) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return object, nil
	}
	u.SetManagedFields(nil)
	if u.GetKind() == "Node" {
		delete(u.Object, "spec")
		delete(u.Object, "status")
	}
	return u, nil
}

// change tells that something may have changed.
func (c *cluster) change() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// run fills the copies and keeps them up to date until ctx ends. It returns when all are filled, or ctx has ended.
func (c *cluster) run(ctx context.Context) bool {
	var filled []cache.InformerSynced
	for _, i := range []cache.SharedIndexInformer{c.configs, c.nodes, c.operator, c.devices} {
		go i.RunWithContext(ctx)
		filled = append(filled, i.HasSynced)
	}
	return cache.WaitForCacheSync(ctx.Done(), filled...)
}

// objects are those of a copy, by name.
func objects(i cache.SharedIndexInformer) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, object := range i.GetStore().List() {
		if u, ok := object.(*unstructured.Unstructured); ok {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all
}

// ptpConfigs are the objects that can be applied, and why the others cannot, by name.
func (c *cluster) ptpConfigs() (good []node.PtpConfig, bad map[string]string) {
	bad = map[string]string{}
	for _, u := range objects(c.configs) {
		one, err := decode(u)
		if err != nil {
			bad[u.GetName()] = err.Error()
			continue
		}
		good = append(good, one)
	}
	return good, bad
}

// decode reads a PtpConfig object. What says nothing of its content is left out, so that only a change of that is one.
func decode(u *unstructured.Unstructured) (node.PtpConfig, error) {
	var c node.PtpConfig
	text, err := json.Marshal(map[string]any{"apiVersion": u.GetAPIVersion(), "kind": u.GetKind(), "spec": u.Object["spec"]})
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, err
	}
	c.Metadata = node.Metadata{Name: u.GetName(), Namespace: u.GetNamespace()}
	return c, c.Validate()
}

// labels are those of all nodes, by node.
func (c *cluster) labels() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, u := range objects(c.nodes) {
		all[u.GetName()] = u.GetLabels()
	}
	return all
}

// workers are the nodes on which daemons run: those that the operator's configuration selects; without one, all.
func (c *cluster) workers(all map[string]map[string]string) ([]string, error) {
	selector := map[string]string{}
	for _, u := range objects(c.operator) {
		var err error
		if selector, _, err = unstructured.NestedStringMap(u.Object, "spec", "daemonNodeSelector"); err != nil {
			return nil, fmt.Errorf("PtpOperatorConfig %s: %w", u.GetName(), err)
		}
	}
	match := labels.SelectorFromSet(selector)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return !match.Matches(labels.Set(all[name])) }), nil
}
