package kube

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// client is a way to one cluster, for one namespace.
type client struct {
	kube    kubernetes.Interface
	dynamic dynamic.Interface
	options Options
}

// How many requests a second a deployment may make, and at once; client-go's own 5 would make it slow.
const (
	requestsPerSecond = 50
	requestsAtOnce    = 100
)

func newClient(config *rest.Config, o Options) (*client, error) {
	config = rest.CopyConfig(config)
	if config.QPS == 0 {
		config.QPS, config.Burst = requestsPerSecond, requestsAtOnce
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("API server %s: %w", config.Host, err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("API server %s: %w", config.Host, err)
	}
	return &client{kube: kube, dynamic: objects, options: o.withDefaults()}, nil
}

// resourceOf is where the API server has objects of a kind. The stack's own kinds are few, and known before they are
// served.
func resourceOf(kind schema.GroupVersionKind) schema.GroupVersionResource {
	plural := strings.ToLower(kind.Kind) + "s"
	if strings.HasSuffix(kind.Kind, "ss") {
		plural = strings.ToLower(kind.Kind) + "es"
	}
	return kind.GroupVersion().WithResource(plural)
}

// webhookAway says whether an object was not taken because nobody has answered for the webhook.
func webhookAway(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook")
}
