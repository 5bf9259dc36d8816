package operator

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// The parts of what the operator keeps.
const (
	partConfig    = "settings"
	partDaemonSet = "daemon set"
	partDevices   = "NodePtpDevices"
	partStatus    = "status of PtpConfigs"
	partServices  = "services"
	partPods      = "labels of pods"
	partMonitor   = "service monitor"
	partWebhook   = "webhook"
)

// resync is how often all parts are looked at, as by upstream: what no watch has told is mended then.
const resync = 2 * time.Minute

func (o *Operator) parts() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		partConfig: o.keepConfig, partDaemonSet: o.keepDaemonSet, partDevices: o.keepDevices, partStatus: o.keepStatus,
		partServices: o.keepServices, partPods: o.keepPods, partMonitor: o.keepMonitor, partWebhook: o.keepWebhook,
	}
}

// keep makes every part as it should be, again whenever something has changed, until ctx ends.
func (o *Operator) keep(ctx context.Context) {
	tick := time.NewTicker(resync)
	defer tick.Stop()
	all := func() {
		for part := range o.parts() {
			o.queue.Add(part)
		}
	}
	all()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for o.keepNext(ctx) {
		}
	}()
	for {
		select {
		case <-tick.C:
			all()
		case <-ctx.Done():
			o.queue.ShutDown()
			<-done
			return
		}
	}
}

// keepNext keeps the next part in the queue. It says whether there will be another.
func (o *Operator) keepNext(ctx context.Context) bool {
	part, over := o.queue.Get()
	if over || ctx.Err() != nil {
		return false
	}
	defer o.queue.Done(part)
	err := o.parts()[part](ctx)
	switch {
	case err == nil:
		o.queue.Forget(part)
	case ctx.Err() != nil:
		return false
	default:
		// What a watch has not told yet conflicts now and then: it is made again, from what is then known.
		if !apierrors.IsConflict(err) {
			o.options.Log.Warn("this part is not as it should be; it is tried again", "part", part, "tries", o.queue.NumRequeues(part)+1, "error", err)
		}
		o.queue.AddRateLimited(part)
	}
	return true
}
