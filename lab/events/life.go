package events

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// life is a Server between Start and its end.
type life struct {
	o       Options
	api     http.Handler
	http    http.Client
	ctx     context.Context // ends with the life
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu            sync.Mutex
	over          bool               // nothing is stored or sent any more
	unwatch       context.CancelFunc // ends the watch over the node; nil while nobody is subscribed
	resources     []*resource
	subscriptions []Subscription
	clients       map[string]*client // by endpoint
}

// begin starts a life in which the current states are told anew.
func begin(o Options, subscriptions []Subscription) *life {
	l := &life{o: o, subscriptions: subscriptions, clients: map[string]*client{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.http = http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, k := range kinds() {
		address := Address(o.Name, k.suffix)
		l.resources = append(l.resources, &resource{kind: k, address: address, id: uuid.NewSHA1(uuid.NameSpaceURL, []byte(address)).String()})
	}
	l.api = l.routes()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range subscriptions {
		l.client(s.EndpointUri)
	}
	l.watch()
	return l
}

// watch sees that somebody follows the node while there are subscriptions, and only then: a node that is watched reads
// its logs more often, which costs virtual time its speed.
func (l *life) watch() {
	switch {
	case len(l.subscriptions) == 0 && l.unwatch != nil:
		l.unwatch()
		l.unwatch = nil
	case len(l.subscriptions) > 0 && l.unwatch == nil:
		ctx, cancel := context.WithCancel(l.ctx)
		l.unwatch = cancel
		l.running.Go(func() { l.follow(ctx) })
	}
}

// follow publishes what changes until ctx ends.
func (l *life) follow(ctx context.Context) {
	for seen := uint64(0); ; {
		var err error
		if seen, err = l.o.Node.WaitChange(ctx, seen); err != nil {
			if ctx.Err() == nil {
				l.o.Log.Error("events are no longer published", "node", l.o.Name, "error", err)
			}
			return
		}
		l.mu.Lock()
		l.refresh()
		l.mu.Unlock()
	}
}

// refresh looks at the node and queues an event for each resource that changed.
func (l *life) refresh() {
	if l.over {
		return
	}
	values, now := observe(l.o.Name, l.o.Node), time.Now()
	for _, r := range l.resources {
		if changed, at := r.update(values[r.suffix], now); len(changed) > 0 {
			at = r.stamp(at)
			l.publish(r, r.encode(changed, at))
			l.o.Log.Info("event sent", "node", l.o.Name, "resource", r.suffix, "values", changed, "at", at)
		}
	}
}

// publish queues an event for all who subscribed to its resource.
func (l *life) publish(r *resource, event []byte) {
	for _, s := range l.subscriptions {
		if s.ResourceAddress == r.address {
			l.client(s.EndpointUri).push(delivery{s.SubscriptionId, event})
		}
	}
}

// resource finds a resource by its address.
func (l *life) resource(address string) *resource {
	if i := slices.IndexFunc(l.resources, func(r *resource) bool { return r.address == address }); i >= 0 {
		return l.resources[i]
	}
	return nil
}

// remove takes subscriptions away, with what waits for them, and stores the rest.
func (l *life) remove(which func(Subscription) bool) error {
	kept := slices.Clone(l.subscriptions)
	kept = slices.DeleteFunc(kept, which)
	if err := l.store(kept); err != nil {
		return err
	}
	for _, s := range l.subscriptions {
		if which(s) {
			l.clients[s.EndpointUri].forget(s.SubscriptionId)
		}
	}
	l.subscriptions = kept
	l.watch()
	for endpoint, c := range l.clients {
		if !slices.ContainsFunc(kept, func(s Subscription) bool { return s.EndpointUri == endpoint }) {
			c.close()
			delete(l.clients, endpoint)
		}
	}
	return nil
}

// store keeps subscriptions for the next life.
func (l *life) store(all []Subscription) error {
	if l.over {
		return errOver
	}
	return save(l.o.Store, all)
}

// drain lets the queues empty.
func (l *life) drain(ctx context.Context) {
	l.mu.Lock()
	l.over = true
	clients := l.clients
	l.mu.Unlock()
	for _, c := range clients {
		c.close()
		select {
		case <-c.done:
		case <-ctx.Done():
			return
		}
	}
}

// end stops everything at once.
func (l *life) end() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.cancel()
	l.running.Wait()
}
