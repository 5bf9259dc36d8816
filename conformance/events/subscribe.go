package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/wait"
)

// eventPath is where the Consumer's handler receives events, followed by the number of the subscription.
const eventPath = "/event/"

// StatusError is an answer of the API with another status than the one that was due.
type StatusError struct {
	Method, URL string
	Status      int
	Want        int
	Body        string // its beginning
}

// Error is the answer in one sentence.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: answer %d %s, want %d: %s", e.Method, e.URL, e.Status, http.StatusText(e.Status), e.Want, e.Body)
}

// Subscription is a subscription to one resource.
type Subscription struct {
	Resource string // its address
	ID       string // that the API gave it
	Location string // where the API says that it is

	consumer *Consumer
	base     string
	number   int
	making   bool // while the API is being asked for it
	ended    bool
	received int
	stream   *stream
}

// api is the URL of the API of a node whose server is at base, such as "http://w1:9043".
func (c *Consumer) api(base string) string {
	version := "v2"
	if c.o.Version == V1 {
		version = "v1"
	}
	return strings.TrimSuffix(base, "/") + "/api/ocloudNotifications/" + version
}

// Subscribe subscribes to a resource (Address) of the server at base, "http://w1:9043". In version 2.0 the initial
// notification has arrived when it returns; that it has not is a fault. The error is a *StatusError if the API refused.
func (c *Consumer) Subscribe(ctx context.Context, base, resource string) (*Subscription, error) {
	c.mu.Lock()
	s := &Subscription{Resource: resource, consumer: c, base: base, number: len(c.subscriptions), making: true, stream: newStream()}
	c.subscriptions = append(c.subscriptions, s)
	c.mu.Unlock()
	endpoint := strings.TrimSuffix(c.o.Endpoint, "/") + eventPath + strconv.Itoa(s.number)
	ask := map[string]string{"EndpointUri": endpoint, "ResourceAddress": resource}
	if c.o.Version == V1 {
		ask = map[string]string{"endpointUri": endpoint, "resource": resource}
	}
	var answer struct{ SubscriptionId, ID, UriLocation string }
	body, err := c.call(ctx, http.MethodPost, c.api(base)+"/subscriptions", ask, http.StatusCreated)
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.making = false
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", resource, err)
	}
	s.ID, s.Location = answer.SubscriptionId+answer.ID, answer.UriLocation // version 1.0 calls it id
	if s.ID == "" {
		return nil, fmt.Errorf("subscribe to %s: the answer has no id: %.200s", resource, body)
	}
	if s.received == 0 && c.o.Version == V2 {
		c.faults = append(c.faults, Fault{Lost, resource, "the initial notification did not come before the answer to the subscription"})
	}
	return s, nil
}

// Unsubscribe ends the subscription. What still comes is received and judged, but Compare leaves it out.
func (s *Subscription) Unsubscribe(ctx context.Context) error {
	c := s.consumer
	_, err := c.call(ctx, http.MethodDelete, c.api(s.base)+"/subscriptions/"+s.ID, nil, http.StatusNoContent)
	if status := (*StatusError)(nil); c.o.Version == V1 && errors.As(err, &status) && status.Status == http.StatusOK {
		err = nil // as version 1.0 answers
	}
	if err != nil {
		return fmt.Errorf("unsubscribe from %s: %w", s.Resource, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.ended = true
	return nil
}

// Exists asks whether the API still has the subscription, as it must after a restart; the error is a *StatusError with
// 404 if it has not.
func (s *Subscription) Exists(ctx context.Context) error {
	c := s.consumer
	_, err := c.call(ctx, http.MethodGet, c.api(s.base)+"/subscriptions/"+s.ID, nil, http.StatusOK)
	return err
}

// CurrentState asks the server at base for the present state of a resource, and checks the schema of the answer.
func (c *Consumer) CurrentState(ctx context.Context, base, resource string) (Event, error) {
	body, err := c.call(ctx, http.MethodGet, c.api(base)+resource+"/CurrentState", nil, http.StatusOK)
	if err != nil {
		return Event{}, err
	}
	e, faults := decode(c.o.Version, resource, body)
	if len(faults) > 0 {
		return e, fmt.Errorf("CurrentState of %s: %s", resource, strings.Join(faults, "; "))
	}
	return e, nil
}

// Health asks the server at base whether it is well.
func (c *Consumer) Health(ctx context.Context, base string) error {
	body, err := c.call(ctx, http.MethodGet, c.api(base)+"/health", nil, http.StatusOK)
	if err == nil && !bytes.Contains(body, []byte("OK")) {
		err = fmt.Errorf("GET %s/health: answer %.120q, want OK", c.api(base), body)
	}
	return err
}

// Publishers lists the resources that the server at base publishes.
func (c *Consumer) Publishers(ctx context.Context, base string) ([]string, error) {
	body, err := c.call(ctx, http.MethodGet, c.api(base)+"/publishers", nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	var all []struct{ EndpointUri, ResourceAddress, Resource string }
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("publishers of %s: %w", base, err)
	}
	var addresses []string
	for _, p := range all {
		if p.EndpointUri == "" {
			return nil, fmt.Errorf("publishers of %s: the one of %s has no endpoint", base, p.ResourceAddress+p.Resource)
		}
		addresses = append(addresses, p.ResourceAddress+p.Resource)
	}
	return addresses, nil
}

// Compare finds lost events: it compares what the last event of each subscription told with its CurrentState. An event
// that is on its way is given the time of grace. It returns an error if a state cannot be asked for; a difference is a
// fault.
func (c *Consumer) Compare(ctx context.Context, grace time.Duration) error {
	c.mu.Lock()
	var all []*Subscription
	for _, s := range c.subscriptions {
		if s.ID != "" && !s.ended {
			all = append(all, s)
		}
	}
	c.mu.Unlock()
	var errs []error
	for _, s := range all {
		errs = append(errs, c.compare(ctx, s, grace))
	}
	return errors.Join(errs...)
}

func (c *Consumer) compare(ctx context.Context, s *Subscription, grace time.Duration) error {
	var texts []string
	var failed error
	_, err := wait.Until(ctx, c.o.Clock, "events that tell the current state of "+s.Resource, grace, c.o.Interval,
		func(ctx context.Context) (bool, string, error) {
			var current Event
			if current, failed = c.CurrentState(ctx, s.base, s.Resource); gone(failed) {
				failed = nil
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			texts = s.stream.differ(s.Resource, current)
			return failed == nil && len(texts) == 0, strings.Join(texts, "; "), failed
		})
	if failed != nil || err == nil {
		return failed
	}
	if late := (*wait.Error)(nil); !errors.As(err, &late) || late.Cause != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range texts {
		c.faults = append(c.faults, Fault{Lost, s.Resource, text})
	}
	return nil
}

// gone tells whether an answer is that a resource has no state.
func gone(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Status == http.StatusNotFound
}

// call sends a request and gives the body of an answer with the status that is due.
func (c *Consumer) call(ctx context.Context, method, url string, ask any, want int) ([]byte, error) {
	var body io.Reader
	if ask != nil {
		text, err := json.Marshal(ask)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	w, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, url, err)
	}
	if w.StatusCode != want {
		return nil, &StatusError{Method: method, URL: url, Status: w.StatusCode, Want: want, Body: fmt.Sprintf("%.200s", bytes.TrimSpace(text))}
	}
	return text, nil
}
