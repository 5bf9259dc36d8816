// Package podnet is the cluster's pod network. On each node it writes the configuration of the CNI plugins, keeps a route
// to the pods of every other node, and hides pods behind the node's address on the way out of the cluster.
package podnet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	podnetRetry  = time.Second // after a failure
	podnetRepeat = time.Minute // when nothing changes: somebody may have taken away a route
)

// podnet is the part of one node.
type podnet struct {
	node    string   // this node's name
	subnets []string // of all pods of the cluster, one for each IP family
}

// Main reads NODE_NAME, POD_SUBNET and CONTROL_PLANE_ENDPOINT from the environment and works until it is told to end. It
// returns the exit status.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "podnet:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context) error {
	p := podnet{node: os.Getenv("NODE_NAME"), subnets: strings.Split(os.Getenv("POD_SUBNET"), ",")}
	if p.node == "" || p.subnets[0] == "" {
		return errors.New("set NODE_NAME and POD_SUBNET")
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); endpoint != "" {
		config.Host = "https://" + endpoint // the service address works only when kube-proxy does
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes()
	changed := make(chan struct{}, 1)
	if _, err := nodes.Informer().AddEventHandler(notify(changed)); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), nodes.Informer().HasSynced) {
		return ctx.Err()
	}
	for {
		wait := podnetRepeat
		list, err := nodes.Lister().List(labels.Everything())
		if err == nil {
			err = p.apply(list)
		}
		if err != nil {
			klog.ErrorS(err, "Pod network is not whole", "retry", podnetRetry)
			wait = podnetRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(wait):
		}
	}
}

// notify puts a token into changed whenever a node comes, goes or changes.
func notify(changed chan struct{}) cache.ResourceEventHandler {
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { tell() },
		UpdateFunc: func(_, _ any) { tell() },
		DeleteFunc: func(any) { tell() },
	}
}

// apply makes this node's network what the list of nodes asks for. It does all that it can.
func (p podnet) apply(nodes []*core.Node) error {
	var faults []error
	for _, node := range nodes {
		if node.Name == p.node {
			faults = append(faults, p.configure(node))
		}
	}
	faults = append(faults, p.route(nodes), p.masquerade())
	return errors.Join(faults...)
}
