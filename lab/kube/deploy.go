package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// Deploy brings the stack into a cluster, and waits until its operator serves and its daemon runs on every node that
// should run it. It may be repeated: what is as it should be stays untouched. It tells of each stage how far it is; tell
// may be nil. A *WaitError names what did not come and which pod waits for what.
func Deploy(ctx context.Context, config *rest.Config, o Options, tell func(what string, done, want int)) error {
	c, err := newClient(config, o)
	if err != nil {
		return err
	}
	if tell == nil {
		tell = func(string, int, int) {}
	}
	d := deployment{c, tell}
	for _, stage := range []func(context.Context) error{
		d.file(namespacesFile, "namespaces"), d.kinds, d.file(rightsFile, "rights"), d.labels, d.monitoring, d.firstConfig, d.operator, d.config, d.daemon,
	} {
		if err := stage(ctx); err != nil {
			return fmt.Errorf("deploy the PTP stack: %w", err)
		}
	}
	return nil
}

// deployment is one run of Deploy.
type deployment struct {
	*client
	tell func(what string, done, want int)
}

// file is a stage that applies the objects of a file.
func (d deployment) file(file, what string) func(context.Context) error {
	return func(ctx context.Context) error {
		objects, err := objectsOf(file, d.options)
		if err != nil {
			return err
		}
		return d.applyAll(ctx, what, objects)
	}
}

func (d deployment) applyAll(ctx context.Context, what string, objects []*unstructured.Unstructured) error {
	for i, object := range objects {
		if err := d.apply(ctx, object); err != nil {
			return err
		}
		d.tell(what, i+1, len(objects))
	}
	return nil
}

// kinds defines the kinds of object and waits until they are served.
func (d deployment) kinds(ctx context.Context) error {
	objects, err := objectsOf(kindsFile, d.options)
	if err != nil {
		return err
	}
	for i, object := range objects {
		if err := d.apply(ctx, object); err != nil {
			return err
		}
		if err := d.established(ctx, object); err != nil {
			return err
		}
		d.tell("kinds of object", i+1, len(objects))
	}
	return nil
}

// monitoring starts Prometheus. Nobody waits for it: it says itself what it has not collected yet.
func (d deployment) monitoring(ctx context.Context) error {
	objects, err := d.monitoringObjects()
	if err != nil {
		return err
	}
	for i, object := range objects {
		if err := d.apply(ctx, object); err != nil {
			return err
		}
		if object.GetKind() == "CustomResourceDefinition" {
			if err := d.established(ctx, object); err != nil {
				return err
			}
		}
		d.tell("monitoring", i+1, len(objects))
	}
	return nil
}

func (d deployment) labels(ctx context.Context) error {
	return d.labelNodes(ctx, func(done, want int) { d.tell("labels of nodes", done, want) })
}

// firstConfig creates the operator's settings before there is a webhook that has to let them pass, so that the operator
// starts with them. Where the webhook is there already, they come after it.
func (d deployment) firstConfig(ctx context.Context) error {
	webhooks, err := objectsOf(webhookFile, d.options)
	if err != nil {
		return err
	}
	_, err = d.resource(webhooks[0]).Get(ctx, webhooks[0].GetName(), metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	return d.apply(ctx, operatorConfig(d.options))
}

// operator starts the operator and waits until it serves the webhook.
func (d deployment) operator(ctx context.Context) error {
	objects, err := objectsOf(operatorFile, d.options)
	if err != nil {
		return err
	}
	webhooks, err := objectsOf(webhookFile, d.options)
	if err != nil {
		return err
	}
	if err := d.applyAll(ctx, "operator", append(objects, webhooks...)); err != nil {
		return err
	}
	d.tell("operator available", 0, 1)
	if err := d.available(ctx); err != nil {
		return err
	}
	d.tell("operator available", 1, 1)
	d.tell("webhook", 0, 1)
	if err := d.webhookServes(ctx); err != nil {
		return err
	}
	d.tell("webhook", 1, 1)
	return nil
}

func (d deployment) config(ctx context.Context) error {
	return d.applyAll(ctx, "settings of the operator", []*unstructured.Unstructured{operatorConfig(d.options)})
}

// daemon waits until the daemon runs on every node that should run it.
func (d deployment) daemon(ctx context.Context) error {
	names, err := d.wantedNodes(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("no node has the labels " + selectorText(d.options.Nodes) + ", so no node would run linuxptp-daemon")
	}
	return d.rolledOut(ctx, names, func(done int) { d.tell("linuxptp-daemon", done, len(names)) })
}

// How long each part may take. A lab's kernel has one processor, and page faults cost it much.
const (
	establishedWithin = 30 * time.Second
	availableWithin   = 3 * time.Minute
	webhookWithin     = 2 * time.Minute
	rolledOutWithin   = 5 * time.Minute
	podPatience       = 20 * time.Second // an image may have come since the kubelet looked for it
	webhookEvery      = time.Second      // no object tells when the network has a way to the webhook
)
