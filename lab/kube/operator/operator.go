package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
)

// Options say how an operator is to run.
type Options struct {
	Namespace   string           // of the stack; "" for DefaultNamespace
	Identity    string           // by which it holds the lease; the name of its pod
	Image       string           // of the daemon's pods
	SharedClock bool             // the nodes share CLOCK_REALTIME
	Webhook     string           // address to serve the webhook at; "" for ":9443"
	Health      string           // address of /healthz and /readyz; "" for ":8081"
	Log         *slog.Logger     // nil for none
	Now         func() time.Time // nil for time.Now; of certificates
}

func (o Options) withDefaults() (Options, error) {
	o.Namespace = cmp.Or(o.Namespace, DefaultNamespace)
	o.Webhook = cmp.Or(o.Webhook, ":9443")
	o.Health = cmp.Or(o.Health, ":8081")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Identity == "" {
		return o, errors.New("an operator needs a name to hold the lease by")
	}
	if o.Image == "" {
		return o, errors.New("an operator needs to know the image of the daemon")
	}
	return o, nil
}

// Operator keeps one namespace.
type Operator struct {
	caches
	options Options
	kube    kubernetes.Interface
	dynamic dynamic.Interface
	queue   workqueue.TypedRateLimitingInterface[string] // of parts
	serving serving                                      // the webhook
}

// How many requests a second the operator may make, and at once.
const (
	requestsPerSecond = 50
	requestsAtOnce    = 100
)

// New makes an operator for the cluster of a config.
func New(config *rest.Config, options Options) (*Operator, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	if config.QPS == 0 {
		config.QPS, config.Burst = requestsPerSecond, requestsAtOnce
	}
	o := &Operator{options: options, serving: serving{changed: make(chan struct{}, 1)}}
	if o.kube, err = kubernetes.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("API server %s: %w", config.Host, err)
	}
	if o.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("API server %s: %w", config.Host, err)
	}
	// A part that fails is tried again after 50 ms, 100 ms and so on, and at least that often.
	const first, last = 50 * time.Millisecond, 30 * time.Second
	o.queue = workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](first, last))
	return o, o.newCaches()
}

// Run serves the webhook and, while it leads, keeps the objects, until ctx ends; the lease is then given back and the
// error nil. An operator that loses the lease returns an error: it must be started anew.
func (o *Operator) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	start := func(name string, run func(context.Context) error) {
		group.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	start("health", o.serveHealth)
	if err := o.start(ctx); err != nil {
		cancel(err)
	} else {
		start("webhook", o.serveWebhook)
		start("lease", o.lead)
	}
	group.Wait()
	o.queue.ShutDown()
	o.stop()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
