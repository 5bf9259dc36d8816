package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// source is where something may change that is waited for.
type source struct {
	resource  schema.GroupVersionResource
	namespace string // "" for all, or a resource that is in none
	fields    string // selectors; "" for all objects
	labels    string
}

// wanted is what is waited for.
type wanted struct {
	subject string // "Deployment ptp-operator to be available"
	within  time.Duration
	sources []source
	every   time.Duration // look also that often, for what no object tells; 0 for never
	patient time.Duration // for how long a finalError is a sight as well
	look    func(context.Context) (done bool, seen string, err error)
}

// WaitError says that a wait ended in vain.
type WaitError struct {
	Subject string        // what was waited for
	Waited  time.Duration // by the clock of this machine
	Seen    string        // the last thing seen, "" if the cause says it all
	Cause   error         // why it ended before its deadline, or nil
}

// Error is one sentence.
func (e *WaitError) Error() string {
	text := fmt.Sprintf("waited %s for %s", e.Waited.Round(time.Millisecond), e.Subject)
	if e.Seen != "" {
		text += "; last seen: " + e.Seen
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap is the cause, context.Canceled for one.
func (e *WaitError) Unwrap() error { return e.Cause }

// finalError ends a wait before its deadline: what is waited for will not come. What the wait's patience covers may be
// from before its cause was mended.
type finalError struct{ error }

// until looks at once and whenever something has changed, until it sees what is wanted. An error is a sight as well,
// unless it is a finalError.
func (c *client) until(ctx context.Context, w wanted) error {
	start := time.Now()
	inner, cancel := context.WithTimeout(ctx, w.within)
	var watches sync.WaitGroup
	defer watches.Wait()
	defer cancel()
	changed := make(chan struct{}, 1)
	for _, s := range w.sources {
		if err := c.follow(inner, &watches, s, changed); err != nil {
			return err
		}
	}
	var tick <-chan time.Time
	if w.every > 0 {
		t := time.NewTicker(w.every)
		defer t.Stop()
		tick = t.C
	}
	patience := time.NewTimer(w.patient)
	defer patience.Stop()
	failed := &WaitError{Subject: w.subject, Seen: "nothing"}
	for {
		done, seen, err := w.look(inner)
		if done && err == nil {
			return nil
		}
		failed.Waited = time.Since(start)
		if inner.Err() == nil || failed.Seen == "nothing" {
			failed.Seen = seen
			if err != nil {
				failed.Seen = err.Error()
			}
		}
		var final finalError
		if errors.As(err, &final) && failed.Waited >= w.patient {
			failed.Seen, failed.Cause = "", final.error
			return failed
		}
		select {
		case <-changed:
		case <-tick:
		case <-patience.C: // a finalError counts from now on
		case <-inner.Done():
			failed.Waited, failed.Cause = time.Since(start), context.Cause(ctx)
			return failed
		}
	}
}

// follow tells of every change at a source until ctx ends.
func (c *client) follow(ctx context.Context, watches *sync.WaitGroup, s source, changed chan<- struct{}) error {
	informer := dynamicinformer.NewFilteredDynamicInformer(c.dynamic, s.resource, s.namespace, 0, cache.Indexers{}, func(o *metav1.ListOptions) {
		o.FieldSelector, o.LabelSelector = s.fields, s.labels
	}).Informer()
	tell := func() {
		select {
		case changed <- struct{}{}:
		default: // it is known already
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { tell() }, UpdateFunc: func(_, _ any) { tell() }, DeleteFunc: func(any) { tell() },
	})
	if err != nil {
		return err
	}
	// A watch that fails is made again; look tells what is wrong.
	if err := informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) { tell() }); err != nil {
		return err
	}
	watches.Go(func() { informer.Run(ctx.Done()) })
	return nil
}
