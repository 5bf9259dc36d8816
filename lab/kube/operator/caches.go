package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	admission "k8s.io/client-go/listers/admissionregistration/v1"
	core "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/ptplab/ptplab/lab/node"
)

// caches are what the operator knows of the cluster, kept up to date by watches.
type caches struct {
	nodes         core.NodeLister
	secrets       core.SecretNamespaceLister
	services      core.ServiceNamespaceLister
	pods          core.PodNamespaceLister // of the daemon
	webhooks      admission.ValidatingWebhookConfigurationLister
	configObjects cache.GenericNamespaceLister
	operatorObjs  cache.GenericNamespaceLister
	deviceObjects cache.GenericNamespaceLister

	factories []factory
	synced    []cache.InformerSynced
}

// factory is one of client-go's that starts informers.
type factory interface {
	Start(<-chan struct{})
	Shutdown()
}

func everything() labels.Selector { return labels.Everything() }

// newCaches makes the informers. What changes is told to the parts that it means something to.
func (o *Operator) newCaches() error {
	namespace := o.options.Namespace
	narrow := func(labels, fields string) informers.SharedInformerOption {
		return informers.WithTweakListOptions(func(l *metav1.ListOptions) { l.LabelSelector, l.FieldSelector = labels, fields })
	}
	inside := informers.WithNamespace(namespace)
	own := informers.NewSharedInformerFactoryWithOptions(o.kube, 0, inside)
	pods := informers.NewSharedInformerFactoryWithOptions(o.kube, 0, inside, narrow("app="+DaemonName, ""))
	sets := informers.NewSharedInformerFactoryWithOptions(o.kube, 0, inside, narrow("", "metadata.name="+DaemonName))
	hooks := informers.NewSharedInformerFactoryWithOptions(o.kube, 0, narrow("", "metadata.name="+WebhookName))
	cluster := informers.NewSharedInformerFactoryWithOptions(o.kube, 0, informers.WithTransform(slim))
	ptp := dynamicinformer.NewFilteredDynamicSharedInformerFactory(o.dynamic, 0, namespace, nil)
	o.factories = []factory{own, pods, sets, hooks, cluster, ptp}

	o.nodes = cluster.Core().V1().Nodes().Lister()
	o.secrets = own.Core().V1().Secrets().Lister().Secrets(namespace)
	o.services = own.Core().V1().Services().Lister().Services(namespace)
	o.pods = pods.Core().V1().Pods().Lister().Pods(namespace)
	o.webhooks = hooks.Admissionregistration().V1().ValidatingWebhookConfigurations().Lister()
	o.configObjects = ptp.ForResource(configs()).Lister().ByNamespace(namespace)
	o.operatorObjs = ptp.ForResource(operatorConfigs()).Lister().ByNamespace(namespace)
	o.deviceObjects = ptp.ForResource(devices()).Lister().ByNamespace(namespace)

	return errors.Join(
		o.watch(cluster.Core().V1().Nodes().Informer(), sameLabels, partDevices, partStatus, partServices),
		o.watch(own.Core().V1().Secrets().Informer(), sameVersion, partDaemonSet, partWebhook),
		o.watchCertificate(own.Core().V1().Secrets().Informer()),
		o.watch(own.Core().V1().Services().Informer(), sameVersion, partServices),
		o.watch(pods.Core().V1().Pods().Informer(), samePlace, partPods),
		o.watch(sets.Apps().V1().DaemonSets().Informer(), sameGeneration, partDaemonSet),
		o.watch(hooks.Admissionregistration().V1().ValidatingWebhookConfigurations().Informer(), sameVersion, partWebhook),
		o.watch(ptp.ForResource(configs()).Informer(), sameGeneration, partDaemonSet, partStatus),
		o.watch(ptp.ForResource(operatorConfigs()).Informer(), sameGeneration, partConfig, partDaemonSet, partDevices, partStatus, partServices, partMonitor),
		o.watch(ptp.ForResource(devices()).Informer(), sameGeneration, partDevices),
	)
}

// slim drops what nobody reads of a node: most of it.
func slim(object any) (any, error) {
	if n, ok := object.(*corev1.Node); ok {
		n.ManagedFields, n.Status = nil, corev1.NodeStatus{}
	}
	return object, nil
}

// watch queues parts when an object comes, goes, or changes so that it is not the same.
func (o *Operator) watch(informer cache.SharedIndexInformer, same func(before, after metav1.Object) bool, parts ...string) error {
	queue := func(any) {
		for _, part := range parts {
			o.queue.Add(part)
		}
	}
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: queue, DeleteFunc: queue,
		UpdateFunc: func(before, after any) {
			a, aOK := before.(metav1.Object)
			b, bOK := after.(metav1.Object)
			if !aOK || !bOK || !same(a, b) {
				queue(after)
			}
		},
	})
	if err != nil {
		return err
	}
	o.synced = append(o.synced, registration.HasSynced)
	return nil
}

// watchCertificate has the webhook's certificate looked at when its secret comes, changes or goes.
func (o *Operator) watchCertificate(informer cache.SharedIndexInformer) error {
	tell := func(any) { o.serving.change() }
	_, err := informer.AddEventHandler(cache.FilteringResourceEventHandler{
		FilterFunc: func(object any) bool {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			secret, ok := object.(*corev1.Secret)
			return ok && secret.Name == certificateName
		},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: tell, UpdateFunc: func(_, after any) { tell(after) }, DeleteFunc: tell},
	})
	return err
}

func sameVersion(a, b metav1.Object) bool { return a.GetResourceVersion() == b.GetResourceVersion() }

// sameGeneration goes by what the owner decides: a new object of the same name is another.
func sameGeneration(a, b metav1.Object) bool {
	return a.GetGeneration() == b.GetGeneration() && a.GetUID() == b.GetUID()
}

func sameLabels(a, b metav1.Object) bool {
	return labels.Equals(a.GetLabels(), b.GetLabels()) && a.GetUID() == b.GetUID()
}

func samePlace(a, b metav1.Object) bool {
	one, oneOK := a.(*corev1.Pod)
	other, otherOK := b.(*corev1.Pod)
	return oneOK && otherOK && sameLabels(a, b) && one.Spec.NodeName == other.Spec.NodeName
}

// start starts the watches and waits for the first answers.
func (c *caches) start(ctx context.Context) error {
	for _, f := range c.factories {
		f.Start(ctx.Done())
	}
	if !cache.WaitForCacheSync(ctx.Done(), c.synced...) {
		return fmt.Errorf("first look at the cluster: %w", context.Cause(ctx))
	}
	return nil
}

// stop waits until the watches have ended.
func (c *caches) stop() {
	for _, f := range c.factories {
		f.Shutdown()
	}
}

func (c *caches) areSynced() bool {
	return !slices.ContainsFunc(c.synced, func(synced cache.InformerSynced) bool { return !synced() })
}

// settings are those of PtpOperatorConfig "default", if it is there.
func (c *caches) settings() (s settings, found bool, err error) {
	object, err := c.operatorObjs.Get(ConfigName)
	if apierrors.IsNotFound(err) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	s, err = readSettings(object.(*unstructured.Unstructured))
	return s, err == nil, err
}

// configs are all PtpConfigs, by name. One that cannot be read is left out: it has come past the webhook and must not
// keep the others from having an effect.
func (c *caches) configs() ([]node.PtpConfig, error) {
	list, err := c.configObjects.List(everything())
	if err != nil {
		return nil, err
	}
	var all []node.PtpConfig
	for _, item := range list {
		if config, err := readConfig(item.(*unstructured.Unstructured)); err == nil {
			all = append(all, config)
		}
	}
	slices.SortFunc(all, func(a, b node.PtpConfig) int { return strings.Compare(a.Metadata.Name, b.Metadata.Name) })
	return all, nil
}

// matchingNodes are those that are to run the daemon, by name.
func (c *caches) matchingNodes(s settings) ([]*corev1.Node, error) {
	nodes, err := c.nodes.List(labels.SelectorFromSet(s.Selector))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes, nil
}
