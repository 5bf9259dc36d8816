package events

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
)

const (
	// maxFailures is how many times in a row an endpoint may be out of reach before its subscriptions are deleted.
	maxFailures = 10
	// maxWaiting bounds the events that wait for one endpoint.
	maxWaiting = 4096
	// contentType is that of an event in the JSON format of CloudEvents.
	contentType = "application/cloudevents+json"
)

// errOver is the error of what comes too late.
var errOver = errors.New("the server has ended")

// delivery is an event on its way to a subscriber.
type delivery struct {
	subscription string
	event        []byte
}

// client is an endpoint with the events that wait for it. They go out one by one, in order.
type client struct {
	endpoint string
	wake     chan struct{} // has room for one
	done     chan struct{} // closed when nothing is delivered any more
	failures int           // in a row; of the delivering goroutine

	mu     sync.Mutex
	queue  []delivery
	closed bool // ends when the queue is empty
}

// client gives the client of an endpoint, and makes it at need.
func (l *life) client(endpoint string) *client {
	c := l.clients[endpoint]
	if c == nil {
		c = &client{endpoint: endpoint, wake: make(chan struct{}, 1), done: make(chan struct{})}
		l.clients[endpoint] = c
		l.running.Go(func() { l.deliver(c) })
	}
	return c
}

// push queues an event. An endpoint that is thousands of events behind loses the oldest.
func (c *client) push(d delivery) {
	c.mu.Lock()
	c.queue = append(c.queue, d)
	if len(c.queue) > maxWaiting {
		c.queue = c.queue[1:]
	}
	c.mu.Unlock()
	c.rouse()
}

// forget takes out what waits for a subscription.
func (c *client) forget(subscription string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = slices.DeleteFunc(c.queue, func(d delivery) bool { return d.subscription == subscription })
}

// close lets the client end once its queue is empty.
func (c *client) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.rouse()
}

func (c *client) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// next waits for an event to deliver; false: there will be none.
func (c *client) next(ctx context.Context) (delivery, bool) {
	for {
		c.mu.Lock()
		if len(c.queue) > 0 {
			d := c.queue[0]
			c.queue = c.queue[1:]
			c.mu.Unlock()
			return d, ctx.Err() == nil
		}
		closed := c.closed
		c.mu.Unlock()
		if closed {
			return delivery{}, false
		}
		select {
		case <-ctx.Done():
			return delivery{}, false
		case <-c.wake:
		}
	}
}

// deliver sends a client its events until it is closed. An event that does not arrive is lost, as upstream's are; the
// subscriber can ask for the current state.
func (l *life) deliver(c *client) {
	defer close(c.done)
	for {
		d, ok := c.next(l.ctx)
		if !ok {
			return
		}
		err := l.post(l.ctx, c.endpoint, d.event)
		switch {
		case l.ctx.Err() != nil:
			return
		case err == nil:
			c.failures = 0
			continue
		case unreachable(err):
			c.failures++
		}
		l.o.Log.Warn("event is lost", "node", l.o.Name, "endpoint", c.endpoint, "unreachable", c.failures, "error", err)
		if c.failures >= maxFailures && l.drop(c) {
			return
		}
	}
}

// drop deletes the subscriptions of an endpoint that cannot be reached, and tells whether it could.
func (l *life) drop(c *client) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.remove(func(s Subscription) bool { return s.EndpointUri == c.endpoint }); err != nil {
		l.o.Log.Error("subscriptions of an unreachable endpoint stay", "node", l.o.Name, "endpoint", c.endpoint, "error", err)
		return false
	}
	l.o.Log.Warn("subscriptions are deleted: the endpoint is out of reach", "node", l.o.Name, "endpoint", c.endpoint)
	return true
}

// post sends an event; anything but 204 is an error.
func (l *life) post(ctx context.Context, endpoint string, event []byte) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(event))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	w, err := l.http.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	_, _ = io.CopyN(io.Discard, w.Body, maxBody) // so that the connection can be used again
	if w.StatusCode != http.StatusNoContent {
		return fmt.Errorf("POST %s: answer %s, want 204", endpoint, w.Status)
	}
	return nil
}

// unreachable tells whether an endpoint is not there: its name is not known, it refuses connections, or it is silent.
func unreachable(err error) bool {
	var name *net.DNSError
	var network net.Error
	return errors.As(err, &name) || errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &network) && network.Timeout()
}
