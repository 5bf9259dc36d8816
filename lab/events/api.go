package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
)

// maxBody bounds what is read of a request or an answer.
const maxBody = 64 << 10

// problem is an answer that is not a success.
type problem struct {
	code int
	text string
}

func (p *problem) Error() string { return p.text }

func problemf(code int, format string, args ...any) error {
	return &problem{code, fmt.Sprintf(format, args...)}
}

// routes are the methods and paths of the API.
func (l *life) routes() http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, code int, handle func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := handle(r)
			if err != nil {
				fail(w, err)
				return
			}
			reply(w, code, body)
		})
	}
	mux.HandleFunc("GET "+Base+"/health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") })
	answer("GET "+Base+"/publishers", http.StatusOK, l.publishers)
	answer("GET "+Base+"/publishers/{id}", http.StatusOK, l.publisher)
	answer("POST "+Base+"/subscriptions", http.StatusCreated, l.subscribe)
	answer("GET "+Base+"/subscriptions", http.StatusOK, l.list)
	answer("GET "+Base+"/subscriptions/{id}", http.StatusOK, l.get)
	answer("DELETE "+Base+"/subscriptions", http.StatusNoContent, l.deleteAll)
	answer("DELETE "+Base+"/subscriptions/{id}", http.StatusNoContent, l.delete)
	answer("GET "+Base+"/{address...}", http.StatusOK, l.currentState)
	return mux
}

func reply(w http.ResponseWriter, code int, body any) {
	if body == nil {
		w.WriteHeader(code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// fail answers with the code of a problem, and with 500 to any other error. A server that has ended meanwhile does not
// answer.
func fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	var p *problem
	switch {
	case errors.Is(err, errOver):
		panic(http.ErrAbortHandler)
	case errors.As(err, &p):
		code = p.code
	}
	reply(w, code, map[string]string{"error": err.Error()})
}

// subscribe creates a subscription once its endpoint has taken the initial notification.
func (l *life) subscribe(r *http.Request) (any, error) {
	s, err := decode(r)
	if err != nil {
		return nil, err
	}
	initial, version, err := l.initial(s)
	if err != nil {
		return nil, err
	}
	if err := l.post(r.Context(), s.EndpointUri, initial); err != nil {
		return nil, problemf(http.StatusBadRequest, "initial notification: %v", err)
	}
	s.SubscriptionId = uuid.NewString()
	s.UriLocation = "http://" + r.Host + Base + "/subscriptions/" + s.SubscriptionId
	return l.create(s, version)
}

// decode reads and checks the body of a subscription.
func decode(r *http.Request) (Subscription, error) {
	var s Subscription
	text, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return s, problemf(http.StatusBadRequest, "body: %v", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, problemf(http.StatusBadRequest, "body: %v", err)
	}
	if s.ResourceAddress == "" || s.EndpointUri == "" {
		return s, problemf(http.StatusBadRequest, "EndpointUri and ResourceAddress are needed")
	}
	u, err := url.Parse(s.EndpointUri)
	if err != nil {
		return s, problemf(http.StatusBadRequest, "EndpointUri: %v", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return s, problemf(http.StatusBadRequest, "EndpointUri %q is not a URL of http or https with a host", s.EndpointUri)
	}
	return s, nil
}

// initial makes the initial notification of a subscription, and gives the version of the state that it tells.
func (l *life) initial(s Subscription) (event []byte, version int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken(s) {
		return nil, 0, conflict(s)
	}
	r := l.resource(s.ResourceAddress)
	if r == nil {
		return nil, 0, problemf(http.StatusNotFound, "this node has no resource %s", s.ResourceAddress)
	}
	l.refresh()
	if len(r.values) == 0 {
		return nil, 0, problemf(http.StatusNotFound, "event-not-found: the state of %s is not known yet", s.ResourceAddress)
	}
	return r.encode(r.values, r.stamp(time.Now())), r.version, nil
}

// create keeps a subscription. What changed since its initial notification is told at once.
func (l *life) create(s Subscription, version int) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken(s) {
		return nil, conflict(s)
	}
	l.refresh() // while nobody was subscribed, nobody has looked
	all := append(slices.Clone(l.subscriptions), s)
	if err := l.store(all); err != nil {
		return nil, err
	}
	l.subscriptions = all
	l.watch()
	c, r := l.client(s.EndpointUri), l.resource(s.ResourceAddress)
	if r.version != version && len(r.values) > 0 {
		c.push(delivery{s.SubscriptionId, r.encode(r.values, r.stamp(time.Now()))})
	}
	return s, nil
}

func (l *life) taken(s Subscription) bool {
	return slices.ContainsFunc(l.subscriptions, func(o Subscription) bool {
		return o.EndpointUri == s.EndpointUri && o.ResourceAddress == s.ResourceAddress
	})
}

func conflict(s Subscription) error {
	return problemf(http.StatusConflict, "%s is already subscribed to %s", s.EndpointUri, s.ResourceAddress)
}

func (l *life) list(*http.Request) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Subscription{}, l.subscriptions...), nil
}

func (l *life) get(r *http.Request) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, err := l.index(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return l.subscriptions[i], nil
}

func (l *life) delete(r *http.Request) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := r.PathValue("id")
	if _, err := l.index(id); err != nil {
		return nil, err
	}
	return nil, l.remove(func(s Subscription) bool { return s.SubscriptionId == id })
}

func (l *life) deleteAll(*http.Request) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return nil, l.remove(func(Subscription) bool { return true })
}

func (l *life) index(id string) (int, error) {
	i := slices.IndexFunc(l.subscriptions, func(s Subscription) bool { return s.SubscriptionId == id })
	if i < 0 {
		return i, problemf(http.StatusNotFound, "there is no subscription %s", id)
	}
	return i, nil
}

// currentState answers only for a resource that somebody is subscribed to, as upstream does.
func (l *life) currentState(r *http.Request) (any, error) {
	address, found := resourceOf(r.URL.Path)
	if !found {
		return nil, problemf(http.StatusNotFound, "there is nothing at %s", r.URL.Path)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.ContainsFunc(l.subscriptions, func(s Subscription) bool { return s.ResourceAddress == address }) {
		return nil, problemf(http.StatusNotFound, "nobody is subscribed to %s", address)
	}
	l.refresh()
	about := l.resource(address)
	if about == nil || len(about.values) == 0 {
		return nil, problemf(http.StatusNotFound, "event-not-found: the state of %s is not known", address)
	}
	return json.RawMessage(about.encode(about.values, time.Now())), nil
}

// publishers are one for each resource; they are there for those who look for them.
func (l *life) publishers(r *http.Request) (any, error) {
	var all []Subscription
	for _, p := range l.resources {
		all = append(all, p.publisher(r.Host))
	}
	return all, nil
}

func (l *life) publisher(r *http.Request) (any, error) {
	for _, p := range l.resources {
		if p.id == r.PathValue("id") {
			return p.publisher(r.Host), nil
		}
	}
	return nil, problemf(http.StatusNotFound, "there is no publisher %s", r.PathValue("id"))
}

func (r *resource) publisher(host string) Subscription {
	base := "http://" + host + Base
	return Subscription{ResourceAddress: r.address, EndpointUri: base + "/health", SubscriptionId: r.id, UriLocation: base + "/publishers/" + r.id}
}
