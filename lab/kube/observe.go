package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/ptplab/ptplab/lab/kube/monitoring"
)

// Observe counts the pieces of the stack: its objects, the roles of the workers, the operator, its webhook and the
// daemon of each node that should run it. have are those that are as Deploy would make them. It changes nothing.
func Observe(ctx context.Context, config *rest.Config, o Options) (have, want int, err error) {
	c, err := newClient(config, o)
	if err != nil {
		return 0, 0, err
	}
	objects, err := c.objects()
	if err != nil {
		return 0, 0, err
	}
	answers, err := c.operatorAnswers(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("look at the PTP stack: %w", err)
	}
	if answers {
		have++
	}
	want++
	for _, look := range []func(context.Context) (int, int, error){c.observeRoles, c.observeDaemon} {
		h, w, err := look(ctx)
		if err != nil {
			return have, want, fmt.Errorf("look at the PTP stack: %w", err)
		}
		have, want = have+h, want+w
	}
	want += len(objects)
	if !answers { // as in a cluster that has just started: objects that it has to let pass cannot be looked at
		return have, want, nil
	}
	good, err := c.count(ctx, objects)
	if err != nil {
		return have, want, fmt.Errorf("look at the PTP stack: %w", err)
	}
	return have + good, want, nil
}

// objects are all that Deploy applies.
func (c *client) objects() ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, file := range []string{namespacesFile, kindsFile, rightsFile, operatorFile, webhookFile} {
		objects, err := objectsOf(file, c.options)
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	more, err := c.monitoringObjects()
	if err != nil {
		return nil, err
	}
	return append(append(all, more...), operatorConfig(c.options)), nil
}

// monitoringObjects are those of Prometheus, if it is asked for. Their namespace is there in any case, as one of OpenShift's.
func (c *client) monitoringObjects() ([]*unstructured.Unstructured, error) {
	if !c.options.Monitoring {
		return nil, nil
	}
	objects, err := monitoring.Objects(monitoring.Options{PTPNamespace: c.options.Namespace})
	return slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == "Namespace" }), err
}

// atOnce is how many objects are looked at at a time: most of it is waiting for the API server.
const atOnce = 8

// count says how many of the objects are as they should be.
func (c *client) count(ctx context.Context, objects []*unstructured.Unstructured) (have int, err error) {
	good, faults := make([]bool, len(objects)), make([]error, len(objects))
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, object := range objects {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			good[i], faults[i] = c.holds(ctx, object)
		})
	}
	all.Wait()
	for _, one := range good {
		if one {
			have++
		}
	}
	return have, errors.Join(faults...)
}

func (c *client) observeRoles(ctx context.Context) (have, want int, err error) {
	nodes, err := c.nodes(ctx)
	if err != nil {
		return 0, 0, err
	}
	workers := workersOf(nodes)
	for _, n := range workers {
		if len(rolesMissing(n)) == 0 {
			have++
		}
	}
	return have, len(workers), nil
}

// operatorAnswers says whether the operator is available and its webhook answers.
func (c *client) operatorAnswers(ctx context.Context) (bool, error) {
	available, err := c.isAvailable(ctx)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil || !available {
		return false, err
	}
	answers, err := c.webhookAnswers(ctx)
	if webhookAway(err) || apierrors.IsNotFound(err) { // or there is no such kind of object
		return false, nil
	}
	return answers, err
}

func (c *client) observeDaemon(ctx context.Context) (have, want int, err error) {
	names, err := c.wantedNodes(ctx)
	if err != nil {
		return 0, 0, err
	}
	want = max(1, len(names)) // without a node that wants it, it is not as it should be
	have, _, err = c.daemonState(ctx, len(names))
	var final finalError
	if errors.As(err, &final) {
		err = nil
	}
	return have, want, err
}
