package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ptplab/ptplab/lab/kube/operator"
	"github.com/ptplab/ptplab/lab/node"
)

// The labels of the pods.
const (
	operatorPods = "name=" + operator.Name
	daemonPods   = "app=" + operator.DaemonName
)

// established waits until the API server serves a kind of object.
func (c *client) established(ctx context.Context, definition *unstructured.Unstructured) error {
	name := definition.GetName()
	return c.until(ctx, wanted{
		subject: "kind of object " + name + " to be served", within: establishedWithin,
		sources: []source{{resource: resourceOf(definition.GroupVersionKind()), fields: "metadata.name=" + name}},
		look: func(ctx context.Context) (bool, string, error) {
			object, err := c.resource(definition).Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, "", err
			}
			done, seen := isEstablished(object)
			return done, seen, nil
		},
	})
}

func isEstablished(definition *unstructured.Unstructured) (bool, string) {
	conditions, _, _ := unstructured.NestedSlice(definition.Object, "status", "conditions")
	seen := "it has no conditions"
	for _, item := range conditions {
		condition, _ := item.(map[string]any)
		switch {
		case condition["type"] == "Established" && condition["status"] == "True":
			return true, ""
		case condition["type"] == "NamesAccepted" && condition["status"] == "False":
			seen = fmt.Sprint(condition["message"])
		}
	}
	return false, seen
}

func podsSource(namespace, labels string) source {
	return source{resource: schema.GroupVersionResource{Version: "v1", Resource: "pods"}, namespace: namespace, labels: labels}
}

// available waits until the operator's deployment is.
func (c *client) available(ctx context.Context) error {
	apps := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	return c.until(ctx, wanted{
		subject: "deployment " + operator.Name + " to be available", within: availableWithin, patient: podPatience,
		sources: []source{
			{resource: apps, namespace: c.options.Namespace, fields: "metadata.name=" + operator.Name},
			podsSource(c.options.Namespace, operatorPods),
		},
		look: func(ctx context.Context) (bool, string, error) {
			done, err := c.isAvailable(ctx)
			if done || err != nil {
				return done, "", err
			}
			seen, err := c.podsState(ctx, operatorPods)
			return false, seen, err
		},
	})
}

func (c *client) isAvailable(ctx context.Context) (bool, error) {
	d, err := c.kube.AppsV1().Deployments(c.options.Namespace).Get(ctx, operator.Name, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	available := slices.ContainsFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
		return c.Type == appsv1.DeploymentAvailable && c.Status == corev1.ConditionTrue
	})
	s := d.Status
	return available && s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == s.Replicas && s.AvailableReplicas > 0 && s.UnavailableReplicas == 0, nil
}

// webhookServes waits until the webhook turns down an object that it should turn down.
func (c *client) webhookServes(ctx context.Context) error {
	return c.until(ctx, wanted{
		subject: "the webhook of " + operator.Name + " to answer", within: webhookWithin, every: webhookEvery,
		look: func(ctx context.Context) (bool, string, error) {
			done, err := c.webhookAnswers(ctx)
			if err == nil && !done {
				return false, "the API server does not ask it yet", nil
			}
			return done, "", err
		},
	})
}

// webhookAnswers tries, without creating it, an object with a setting that there is not.
func (c *client) webhookAnswers(ctx context.Context) (bool, error) {
	wrong := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": node.APIVersion, "kind": node.Kind,
		"metadata": map[string]any{"name": "ptplab-probe", "namespace": c.options.Namespace},
		"spec": map[string]any{
			"profile":   []any{map[string]any{"name": "probe", "ptpSettings": map[string]any{"ptplabProbe": ""}}},
			"recommend": []any{},
		},
	}}
	_, err := c.resource(wrong).Create(ctx, wrong, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: fieldManager})
	if err == nil {
		return false, nil
	}
	if strings.Contains(err.Error(), "denied the request") {
		return true, nil
	}
	return false, err
}

// rolledOut waits until the daemon set is what the options ask for and its pods are ready on the named nodes.
func (c *client) rolledOut(ctx context.Context, nodes []string, tell func(done int)) error {
	sets := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	told := -1
	return c.until(ctx, wanted{
		subject: fmt.Sprintf("daemon set %s to run on %s", operator.DaemonName, strings.Join(nodes, ", ")), within: rolledOutWithin, patient: podPatience,
		sources: []source{
			{resource: sets, namespace: c.options.Namespace, fields: "metadata.name=" + operator.DaemonName},
			podsSource(c.options.Namespace, daemonPods),
		},
		look: func(ctx context.Context) (bool, string, error) {
			ready, seen, err := c.daemonState(ctx, len(nodes))
			if err == nil && ready != told {
				told = ready
				tell(ready)
			}
			return ready == len(nodes), seen, err
		},
	})
}

// daemonState says on how many nodes the daemon is ready, of so many that want it, and what is missing.
func (c *client) daemonState(ctx context.Context, want int) (ready int, seen string, err error) {
	set, err := c.kube.AppsV1().DaemonSets(c.options.Namespace).Get(ctx, operator.DaemonName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return 0, "it does not exist; " + c.operatorSays(ctx), nil
	}
	if err != nil {
		return 0, "", err
	}
	if why := notAsked(set, c.options); why != "" {
		return 0, why + "; " + c.operatorSays(ctx), nil
	}
	s := set.Status
	if s.ObservedGeneration < set.Generation {
		return 0, "the controller has not seen its newest template", nil
	}
	if int(s.DesiredNumberScheduled) != want {
		return 0, fmt.Sprintf("it is to run on %d nodes, not on %d", s.DesiredNumberScheduled, want), nil
	}
	ready = int(min(s.UpdatedNumberScheduled, s.NumberReady))
	if ready == want {
		return ready, "", nil
	}
	state, err := c.podsState(ctx, daemonPods)
	var final finalError
	if errors.As(err, &final) {
		return ready, "", err
	}
	return ready, fmt.Sprintf("%d of %d are ready and new; %s", ready, want, state), err
}

// notAsked says what of a daemon set is not what the options ask for, "" if all is: the operator may not have followed
// its settings yet.
func notAsked(set *appsv1.DaemonSet, o Options) string {
	pod := set.Spec.Template.Spec
	publishes := slices.ContainsFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == operator.PublisherContainer })
	main := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == operator.DaemonContainer })
	switch {
	case main < 0:
		return "it has no container " + operator.DaemonContainer
	case pod.Containers[main].Image != o.Image:
		return fmt.Sprintf("its image is %s, not %s", pod.Containers[main].Image, o.Image)
	case !maps.Equal(pod.NodeSelector, o.Nodes):
		return fmt.Sprintf("it is for nodes with the labels %s, not %s", selectorText(pod.NodeSelector), selectorText(o.Nodes))
	case publishes != o.EventPublisher:
		return fmt.Sprintf("whether it publishes events is %t, not %t", publishes, o.EventPublisher)
	case operator.SharesClock(pod.Containers[main]) != o.SharedClock:
		return fmt.Sprintf("whether its nodes share a clock is %t, not %t", !o.SharedClock, o.SharedClock)
	}
	return ""
}

// selectorText is "a=b, c", sorted.
func selectorText(selector map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		if value := selector[key]; value != "" {
			key += "=" + value
		}
		parts = append(parts, key)
	}
	return strings.Join(parts, ", ")
}
